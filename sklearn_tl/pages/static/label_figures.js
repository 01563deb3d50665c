// How many images have a label, how accurate the model is, and where the labels are.
import { element, find, percent } from "./dom.js";

export function showFigures(state) {
  const { n_images: n, n_labelled: done, n_skipped: skipped, estimate } = state;
  find("labelled").textContent = done;
  find("of").textContent = `of ${n} images labelled${skipped ? `, ${skipped} skipped` : ""}`;
  find("progress").firstElementChild.style.width = `${100 * done / n}%`;
  find("progress").setAttribute("aria-valuenow", Math.round(100 * done / n));
  find("embedding").textContent = embedded(state);
  showEstimate(estimate, done + state.n_unreadable >= n);
  const { problems } = state;
  find("file").textContent = problems.length ? "" : `Saved in ${state.file}`;
  find("remarks").textContent = state.remarks.join(" ");
  find("problems").hidden = !problems.length;
  find("problems").replaceChildren(...problems.map((text) => element("p", { textContent: text })));
}

function embedded({ n_images: n, n_embedded: seen, n_unreadable: unreadable }) {
  if (seen < n) return `The network has seen ${seen} images. You need not wait for it.`;
  return unreadable ? `Left out, because they cannot be read: ${unreadable} files.` : "";
}

function showEstimate({ n, accuracy, low, high, words, can_stop: canStop }, isOver) {
  const isKnown = accuracy !== null;
  find("accuracy").textContent = isKnown ? percent(accuracy) : "–";
  find("interval").textContent = isKnown
    ? `accuracy on ${n} random images (95 % interval: ${percent(low)} to ${percent(high)})`
    : "accuracy, not known yet";
  const [range, mark] = find("range").children;
  find("range").hidden = !isKnown;
  if (isKnown) {
    range.style.left = `${100 * low}%`;
    range.style.width = `${100 * (high - low)}%`;
    mark.style.left = `calc(${100 * accuracy}% - 4px)`;
  }
  find("words").textContent = isOver && !canStop ? "" : words; // nothing is left to go on with
  find("words").classList.toggle("stop", canStop);
}
