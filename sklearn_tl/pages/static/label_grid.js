// Similar images, of which several get a label together.
import { element, find } from "./dom.js";

export const isShown = (picture) => picture.complete && picture.naturalWidth > 0;

export class Grid {
  constructor() {
    this.dialog = find("grid");
    this.last = 0; // from which shift and a click select
    find("all").onclick = () => this.select(this.cells, true);
    find("none").onclick = () => this.select(this.cells, false);
    find("close").onclick = () => this.close();
  }

  get isOpen() { return this.dialog.open; }

  get cells() { return [...find("cells").children]; }

  selected() {
    const isSelected = (cell) => cell.getAttribute("aria-pressed") === "true";
    return this.cells.filter(isSelected).map((cell) => Number(cell.dataset.image));
  }

  // Whether all selected images have arrived.
  isShown() {
    const pictures = find("cells").querySelectorAll('[aria-pressed="true"] img');
    return [...pictures].every(isShown);
  }

  open(images, buttons) {
    find("cells").replaceChildren(...images.map((image, i) => this.cell(image, i)));
    find("grid-classes").replaceChildren(...buttons);
    this.last = 0;
    this.select(this.cells.slice(0, 1), true);
    this.dialog.showModal();
    this.cells[0].focus();
  }

  close() { this.dialog.close(); }

  cell({ image, name }, i) {
    const picture = element("img", { src: `api/images/${image}?size=small`, alt: name });
    const button = element("button", { type: "button", title: name }, picture);
    button.dataset.image = image;
    picture.onerror = () => { button.remove(); this.select([], false); };
    button.setAttribute("aria-pressed", "false");
    button.onclick = (event) => {
      const isSelected = button.getAttribute("aria-pressed") !== "true";
      const ends = event.shiftKey ? [this.last, i] : [i, i];
      this.select(this.cells.slice(Math.min(...ends), Math.max(...ends) + 1), isSelected);
      this.last = i;
    };
    return button;
  }

  select(cells, isSelected) {
    for (const cell of cells) cell.setAttribute("aria-pressed", isSelected);
    find("grid-title").textContent = `Similar images: ${this.selected().length} selected`;
  }

  // Arrow keys go from image to image.
  move(event) {
    const { cells } = this;
    const columns = cells.filter((cell) => cell.offsetTop === cells[0].offsetTop).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const here = cells.indexOf(document.activeElement);
    if (!step || here < 0) return;
    event.preventDefault();
    cells[here + step]?.focus();
  }
}
