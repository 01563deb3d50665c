// The list of classes, with a key for each of the first 35, and the box that finds and adds them.
import { element, find } from "./dom.js";

const KEYS = "123456789abcdefghijklmnopqrstuvwxyz";

export class ClassList {
  constructor({ label, add }) {
    this.choose = ({ name, isNew }) => (isNew ? add(name) : label(name));
    this.classes = [];
    this.flashed = null; // the name of the class that was chosen just now
    this.picked = 0; // which of the matches Enter takes
    this.box = find("search");
    this.box.addEventListener("input", () => { this.picked = 0; this.show(); });
    this.box.addEventListener("keydown", (event) => this.type(event));
  }

  get isSearching() { return document.activeElement === this.box; }

  get typed() { return this.box.value.trim(); }

  ofKey(key) {
    return key.length === 1 ? this.classes[KEYS.indexOf(key.toLowerCase())]?.name : undefined;
  }

  update(classes) {
    this.classes = classes.map(({ name, n }, i) => ({ name, n, key: KEYS[i] ?? "" }));
    this.show();
  }

  search() { this.box.focus(); }

  clear() {
    this.box.value = "";
    this.picked = 0;
    this.box.blur();
    this.show();
  }

  // Classes whose names have what was typed, those that begin with it first. Then a new one.
  matches() {
    const typed = this.typed.toLowerCase();
    const found = this.classes.filter(({ name }) => name.toLowerCase().includes(typed));
    const begins = ({ name }) => name.toLowerCase().startsWith(typed);
    if (typed) found.sort((a, b) => begins(b) - begins(a));
    const isNew = typed && !found.some(({ name }) => name.toLowerCase() === typed);
    return isNew ? [...found, { name: this.typed, isNew }] : found;
  }

  type(event) {
    const found = this.matches();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.picked = Math.max(0, Math.min(this.picked + step, found.length - 1));
      this.show();
    } else if (event.key === "Enter" && this.typed) this.choose(found[this.picked]);
    else if (event.key === "Escape") this.clear();
    else return;
    event.stopPropagation();
  }

  show() {
    const list = find("classes");
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const buttons = this.buttons(this.matches());
    list.replaceChildren(...buttons.map((button) => element("li", {}, button)));
    buttons.find((button) => button.dataset.name === focused)?.focus();
    if (this.typed) {
      buttons[this.picked]?.classList.add("first");
      buttons[this.picked]?.scrollIntoView({ block: "nearest" });
    }
    this.box.placeholder = `Type ${this.classes.length ? "a name" : "the first class"}, then Enter`;
  }

  buttons(entries = this.classes) {
    return entries.map((entry) => {
      const { name, n, key, isNew } = entry;
      const button = element("button", { type: "button" },
        ...(key ? [element("kbd", { textContent: key })] : []),
        element("span", { className: "text", textContent: isNew ? `Add the class “${name}”` : name }),
        element("span", { className: "count", textContent: isNew ? "" : n }));
      button.dataset.name = name;
      button.classList.toggle("flash", name === this.flashed);
      button.onmousedown = (event) => event.preventDefault(); // the box keeps what was typed
      button.onclick = () => this.choose(entry);
      return button;
    });
  }

  // Show for a moment which class an image got.
  flash(name) {
    this.flashed = name;
    this.show();
    setTimeout(() => { this.flashed = null; this.show(); }, 180);
  }
}
