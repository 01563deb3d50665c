// What a photo's answer means: its label in words, whether it is unsure, where it comes in an order.

import { number, percent } from "./dom.js";

/** Return what the model predicts, in words. */
export function predicted(model, photo) {
  if (model.kind === "regression") return numbers(model, photo.values);
  return tags(photo.chosen.map((j) => model.names[j]));
}

/** Return what a person says, or else what the model predicts. */
export function label(model, photo) {
  if (photo.corrected === null) return predicted(model, photo);
  if (model.kind === "classification") return photo.corrected;
  return model.kind === "multilabel" ? tags(photo.corrected) : numbers(model, photo.corrected);
}

export const tags = (names) => names.join(", ") || "none of the tags";

function numbers(model, values) {
  if (values.length === 1) return number(values[0]);
  return values.map((value, j) => `${model.names[j]} ${number(value)}`).join(", ");
}

export const isUnsure = (model, photo, least) =>
  model.kind === "classification" && least !== null && photo.confidence < least;

/** Return the names of a photo's marks, each with a class of the style sheet. */
export function marks(model, photo, least) {
  const found = [];
  if (photo.error) return [["error", "no answer"]];
  if (photo.corrected !== null) {
    const same = label(model, photo) === predicted(model, photo);
    found.push(same ? ["corrected", "confirmed"] : ["corrected", "corrected"]);
  }
  if (isUnsure(model, photo, least)) found.push(["unsure", "unsure"]);
  if (photo.novel) found.push(["novel", "unlike anything trained on"]);
  return found;
}

/** Return a sentence for those who do not see the card. */
export function spoken(model, item, least) {
  const photo = item.photo;
  if (photo === null) return `${item.name}, waiting for an answer`;
  if (photo.error) return `${item.name}, no answer: ${photo.error}`;
  const sure = model.kind === "classification" ? [`${percent(photo.confidence)} sure`] : [];
  const said = marks(model, photo, least).map(([, text]) => text);
  return [label(model, photo), ...sure, ...said, item.name].join(", ");
}

const text = new Intl.Collator("en", { numeric: true });
const last = (item) => item.photo === null || Boolean(item.photo.error);

/** The orders that a page offers: a name, and a function that compares two items with answers. */
export function orders(model) {
  const byLabel = (a, b) => text.compare(label(model, a.photo), label(model, b.photo));
  const found = {
    added: ["as added", (a, b) => a.number - b.number],
    name: ["by name", (a, b) => text.compare(a.name, b.name)],
  };
  if (model.kind === "regression") {
    found.up = ["smallest first", (a, b) => a.photo.values[0] - b.photo.values[0]];
    found.down = ["largest first", (a, b) => b.photo.values[0] - a.photo.values[0]];
    return found;
  }
  found.label = ["by label", byLabel];
  if (model.kind === "classification") {
    found.unsure = ["least sure first", (a, b) => a.photo.confidence - b.photo.confidence];
    found.sure = ["surest first", (a, b) => b.photo.confidence - a.photo.confidence];
  }
  return found;
}

/** Return a function that compares items. Those without an answer come last in most orders. */
export function comparing(model, name) {
  const compare = orders(model)[name][1];
  if (name === "added" || name === "name") return compare;
  return (a, b) => {
    if (last(a) || last(b)) return last(a) - last(b) || a.number - b.number;
    return compare(a, b) || a.number - b.number;
  };
}
