// One image, large: where the network looked, and what it is instead.

import { isUnsure, label, predicted, tags } from "./answers.js";
import { chips } from "./cards.js";
import { ask, element, find, number, percent } from "./dom.js";

const KEYS = 9; // as many choices as there are digits
const MANY = 60; // tags that are shown without typing

export class Viewer {
  /** `shown()` returns the items in order, `changed(item)` is told of corrections and removals. */
  constructor(model, { shown, pictures, address, changed, removed, closed }) {
    Object.assign(this, { model, shown, pictures, address, changed, removed });
    this.dialog = find("viewer");
    this.item = null;
    this.least = null;
    this.looks = false;
    this.dialog.addEventListener("close", () => closed(this.item));
    this.dialog.addEventListener("keydown", (event) => this.press(event));
    find("close").addEventListener("click", () => this.dialog.close());
    find("previous").addEventListener("click", () => this.step(-1));
    find("next").addEventListener("click", () => this.step(1));
    find("look").addEventListener("click", () => this.look());
    find("take-back").addEventListener("click", () => this.correct(null));
    find("remove").addEventListener("click", () => this.remove());
    find("correct").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    for (const part of document.querySelectorAll(".maps")) part.hidden = !model.has_maps;
  }

  open(item, corrects = false) {
    this.looks = false;
    this.show(item);
    this.dialog.showModal();
    const first = corrects ? find("correct").querySelector("button, input") : null;
    (first ?? find("next")).focus();
  }

  show(item) {
    const { model } = this;
    const photo = item.photo;
    this.item = item;
    const items = this.shown();
    find("viewer-name").textContent = item.name;
    find("viewer-place").textContent = `${items.indexOf(item) + 1} of ${items.length}`;
    const answered = photo !== null && !photo.error;
    const image = find("viewer-image");
    image.hidden = !answered;
    if (answered) this.draw();
    else image.removeAttribute("src");
    find("viewer-problem").hidden = answered;
    find("viewer-problem").textContent = photo === null ? "There is no answer yet." : photo.error;
    find("viewer-answer").replaceChildren(...(answered ? this.answer(photo) : []));
    find("viewer-chips").replaceChildren(...(photo ? chips(model, photo, this.least).children : []));
    find("said").textContent = "";
    find("take-back").hidden = !answered || photo.corrected === null;
    find("remove").hidden = photo === null; // it is on its way
    find("look").hidden = !answered || !model.has_maps;
    this.offer(answered ? photo : null);
  }

  answer(photo) {
    const unsure = isUnsure(this.model, photo, this.least) && photo.corrected === null;
    const words = [element("strong", { className: unsure ? "muted" : "" }, label(this.model, photo))];
    if (photo.corrected !== null) {
      words.push(element("span", { className: "muted small" }, `the model says ${predicted(this.model, photo)}`));
    }
    if (this.model.kind === "classification") {
      words.push(element("span", { className: "muted small" }, `${percent(photo.confidence)} sure`));
    }
    return words;
  }

  draw() {
    const image = find("viewer-image");
    const addresses = this.pictures(this.item);
    image.alt = this.item.name;
    image.onerror = null;
    if (this.looks) {
      image.onerror = () => this.explain(addresses.map);
    }
    image.src = this.looks ? addresses.map : addresses.large;
    find("look").setAttribute("aria-pressed", String(this.looks));
  }

  /** Show the plain picture again, and why there is no other one. */
  async explain(address) {
    this.looks = false;
    this.draw();
    await ask(address).catch((error) => this.say(error.message));
  }

  look() {
    if (!this.model.has_maps || !this.item.photo || this.item.photo.error) return;
    this.looks = !this.looks;
    this.draw();
  }

  /** Make the buttons and fields in which a person says what the image is. */
  offer(photo) {
    const form = find("correct");
    form.hidden = photo === null;
    if (photo === null) return form.replaceChildren();
    const make = { classification: "classes", multilabel: "tags", regression: "numbers" };
    return form.replaceChildren(...this[make[this.model.kind]](photo));
  }

  classes(photo) {
    const { names } = this.model;
    const shares = new Map(photo.best);
    // Few classes keep their places, so that fingers learn the keys.
    const choices = names.length <= KEYS ? names.map((_, j) => j) : photo.best.map(([j]) => j);
    const now = label(this.model, photo);
    const buttons = choices.map((j, key) =>
      this.choice(key, names[j], shares.get(j), names[j] === now, () => this.correct(names[j])));
    const list = element("datalist", { id: "names" }, ...names.map((name) => element("option", { value: name })));
    const field = element("input", { id: "other", type: "text", maxLength: 200, placeholder: "another class" });
    field.setAttribute("list", "names");
    const row = element("div", { className: "row" }, field, element("button", { type: "submit" }, "Save"));
    return [
      element("p", { className: "muted small" }, "What is it?"),
      element("div", { className: "choices" }, ...buttons),
      element("label", { className: "small muted", htmlFor: "other" }, "Or type it ", element("kbd", {}, "/")),
      row,
      list,
    ];
  }

  tags(photo) {
    const { names } = this.model;
    const shares = new Map(photo.best);
    const now = new Set(photo.corrected ?? photo.chosen.map((j) => names[j]));
    const buttons = names.map((name, j) =>
      this.choice(j, name, shares.get(j), now.has(name), () => {
        const others = new Set(now);
        if (!others.delete(name)) others.add(name);
        this.correct([...others]);
      }));
    const parts = [element("p", { className: "muted small" }, "Which tags does it have?")];
    if (names.length > MANY) {
      const field = element("input", { id: "other", type: "search", placeholder: "find a tag" });
      field.setAttribute("aria-label", "Find a tag");
      field.addEventListener("input", () => {
        const typed = field.value.toLowerCase();
        buttons.forEach((button, j) => { button.hidden = !names[j].toLowerCase().includes(typed); });
      });
      parts.push(field);
    }
    return [...parts, element("div", { className: "choices" }, ...buttons)];
  }

  numbers(photo) {
    const values = photo.corrected ?? photo.values.map(number);
    const fields = this.model.names.map((name, j) => {
      const field = element("input", { type: "number", step: "any", required: true, value: String(values[j]) });
      return element("label", { className: "number" }, name, field);
    });
    return [
      element("p", { className: "muted small" }, "What is right?"),
      ...fields,
      element("button", { type: "submit" }, "Save"),
    ];
  }

  choice(key, name, share, pressed, click) {
    const parts = key < KEYS ? [element("kbd", {}, String(key + 1))] : [];
    parts.push(element("span", { className: "choice-name" }, name));
    if (share !== undefined) parts.push(element("span", { className: "small share" }, percent(share)));
    const button = element("button", { type: "button", className: "choice" }, ...parts);
    button.setAttribute("aria-pressed", String(pressed));
    button.addEventListener("click", click);
    return button;
  }

  submit() {
    if (this.model.kind === "classification") {
      const typed = find("other").value.trim();
      if (typed) this.correct(typed);
    } else if (this.model.kind === "regression") {
      this.correct([...find("correct").querySelectorAll("input")].map((field) => field.valueAsNumber));
    }
  }

  async correct(value) {
    const item = this.item;
    const pressed = [...find("correct").querySelectorAll("button")].indexOf(document.activeElement);
    const options = { method: "PUT", body: JSON.stringify({ value }) };
    try {
      item.photo = await ask(`${this.address}/photos/${item.photo.id}/correction`, options);
    } catch (error) {
      return this.say(error.message);
    }
    this.changed(item);
    if (this.item !== item) return undefined;
    this.show(item);
    const back = find("correct").querySelectorAll("button")[pressed] ?? find("next");
    back.focus();
    const words = value === null ? `As the model says: ${predicted(this.model, item.photo)}` : `Saved: ${label(this.model, item.photo)}`;
    return this.say(words);
  }

  async remove() {
    const item = this.item;
    const items = this.shown();
    const at = items.indexOf(item);
    const then = items[at + 1] ?? items[at - 1] ?? null;
    try {
      if (item.photo?.id) await ask(`${this.address}/photos/${item.photo.id}`, { method: "DELETE" });
    } catch (error) {
      return this.say(error.message);
    }
    this.removed(item);
    if (then) this.show(then);
    else this.dialog.close();
    return undefined;
  }

  step(by) {
    const items = this.shown();
    const to = items[items.indexOf(this.item) + by];
    if (to) this.show(to);
  }

  say(words) {
    find("said").textContent = words;
  }

  press(event) {
    const types = event.target.matches("input");
    if (event.ctrlKey || event.metaKey || event.altKey || (types && event.key !== "Escape")) return;
    const choices = find("correct").querySelectorAll(".choice");
    const acts = {
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      l: () => this.look(),
      L: () => this.look(),
      0: () => { if (!find("take-back").hidden) this.correct(null); },
      "/": () => find("correct").querySelector("input")?.focus(),
    };
    const act = acts[event.key] ?? (/^[1-9]$/.test(event.key) ? () => choices[event.key - 1]?.click() : null);
    if (act === null) return;
    event.preventDefault();
    act();
  }
}
