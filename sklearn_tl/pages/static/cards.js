// The grid of cards: one per image, in an order, some of them hidden.

import { isUnsure, label, marks, predicted, spoken } from "./answers.js";
import { element, percent } from "./dom.js";

export class Cards {
  /** `open(item)` shows an item in the viewer, and `pictures(item)` has the addresses of its pictures. */
  constructor(list, model, { open, pictures }) {
    Object.assign(this, { list, model, open, pictures, least: null, active: null });
    list.addEventListener("keydown", (event) => this.press(event));
    list.addEventListener("focusin", (event) => {
      const card = event.target.closest("li");
      if (card) this.activate(card.item);
    });
  }

  /** Make the card of an item, which is at first without an answer. */
  make(item) {
    const picture = element("span", { className: "picture" });
    const button = element("button", { type: "button", className: "open", tabIndex: -1 }, picture);
    button.addEventListener("click", () => this.open(item));
    const words = element("div", { className: "words" });
    item.card = element("li", { className: "card" }, button, words);
    item.card.item = item;
    Object.assign(item, { button, picture, words, looks: false });
    this.list.append(item.card);
    if (this.active === null) this.activate(item);
    this.fill(item);
  }

  /** Show what is known of an item now. */
  fill(item) {
    const photo = item.photo;
    item.button.setAttribute("aria-label", spoken(this.model, item, this.least));
    item.card.classList.toggle("waiting", photo === null);
    item.card.classList.toggle("failed", Boolean(photo?.error));
    item.words.replaceChildren(...(photo === null ? this.waiting(item) : this.answered(item)));
    if (photo !== null && !photo.error && !item.image) {
      item.image = element("img", { alt: "", loading: "lazy", src: this.pictures(item).small });
      item.picture.replaceChildren(item.image);
    }
    this.reach(item);
  }

  waiting(item) {
    return [element("p", { className: "label muted" }, "…"), name(item)];
  }

  answered(item) {
    const { model, least } = this;
    const photo = item.photo;
    if (photo.error) return [chips(model, photo, least), element("p", { className: "problem" }, photo.error)];
    const unsure = isUnsure(model, photo, least) && photo.corrected === null;
    const rows = [element("p", { className: unsure ? "label muted" : "label" }, label(model, photo))];
    if (label(model, photo) !== predicted(model, photo)) {
      rows.push(element("p", { className: "small muted" }, "the model says ", predicted(model, photo)));
    }
    if (model.kind === "classification") rows.push(sureness(photo.confidence));
    rows.push(chips(model, photo, least), name(item), this.buttons(item));
    return rows;
  }

  buttons(item) {
    const correct = element("button", { type: "button" }, "Correct");
    correct.addEventListener("click", () => this.open(item, true));
    if (!this.model.has_maps) return element("div", { className: "row" }, correct);
    const look = element("button", { type: "button" }, "Where it looked");
    look.setAttribute("aria-pressed", String(item.looks));
    look.addEventListener("click", () => this.look(item));
    return element("div", { className: "row" }, look, correct);
  }

  /** Show where the network looked, or the plain picture again. */
  look(item) {
    if (!this.model.has_maps || !item.image) return;
    item.looks = !item.looks;
    const addresses = this.pictures(item);
    item.image.onerror = () => {
      item.image.onerror = null;
      item.looks = false;
      item.image.src = addresses.small;
    };
    item.image.src = item.looks ? addresses.map : addresses.small;
    const look = item.words.querySelector("[aria-pressed]");
    look?.setAttribute("aria-pressed", String(item.looks));
  }

  /** Sort the cards, and hide those that `isShown` does not want. */
  arrange(items, isShown) {
    const focused = document.activeElement?.closest?.("li")?.item;
    this.shown = items.filter(isShown);
    const shown = new Set(this.shown);
    for (const item of items) {
      const hidden = !shown.has(item);
      if (item.card.hidden !== hidden) item.card.hidden = hidden; // setting it costs a layout
    }
    const cards = items.map((item) => item.card);
    if (cards.some((card, i) => this.list.children[i] !== card)) this.list.replaceChildren(...cards);
    if (!this.shown.includes(this.active)) this.activate(this.shown[0] ?? null);
    if (focused && this.shown.includes(focused)) focused.button.focus({ preventScroll: true });
  }

  /** Only the buttons of one card are reached by Tab: with 5,000 cards there would be no way out. */
  activate(item) {
    const before = this.active;
    this.active = item;
    if (before) this.reach(before);
    if (item) this.reach(item);
  }

  reach(item) {
    const tabIndex = item === this.active ? 0 : -1;
    for (const button of item.card.querySelectorAll("button")) button.tabIndex = tabIndex;
  }

  focus(item) {
    this.activate(item);
    item.button.focus();
    item.card.scrollIntoView({ block: "nearest" });
  }

  press(event) {
    const item = event.target.closest("li")?.item;
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "l" || event.key === "L") return this.look(item);
    const at = this.shown.indexOf(item);
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns(), ArrowDown: this.columns() };
    let to = at + steps[event.key];
    if (event.key === "Home") to = 0;
    if (event.key === "End") to = this.shown.length - 1;
    if (Number.isNaN(to)) return;
    event.preventDefault();
    if (this.shown[to]) this.focus(this.shown[to]);
  }

  columns() {
    const top = this.shown[0].card.offsetTop;
    const first = this.shown.findIndex((item) => item.card.offsetTop > top);
    return first < 0 ? this.shown.length : first;
  }
}

const name = (item) =>
  element("p", { className: "name small muted", title: item.name }, item.name.split("/").at(-1));

function sureness(share) {
  const full = element("span");
  full.style.width = `${100 * share}%`;
  const bar = element("span", { className: "bar", "aria-hidden": "true" }, full);
  return element("p", { className: "sureness small" }, bar, percent(share));
}

export function chips(model, photo, least) {
  const made = marks(model, photo, least).map(([kind, words]) =>
    element("span", { className: `chip ${kind}` }, words));
  return element("div", { className: "chips" }, ...made);
}
