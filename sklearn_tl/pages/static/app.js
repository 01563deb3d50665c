// The page of a model: what was dropped on it, in which order, and what is shown of it.

import { comparing, isUnsure, label, orders } from "./answers.js";
import { Cards } from "./cards.js";
import { ask, element, find, percent } from "./dom.js";
import { chosen, dropped, Uploads } from "./uploads.js";
import { Viewer } from "./viewer.js";

const LEAST = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];
const ALL = "\n"; // no label has a line break
const items = [];
let model, address, cards, viewer, uploads;
let number = 0;
let pause = 200; // ms before the next arrangement of the cards

async function start() {
  model = await ask("api/model");
  address = `api/${await session()}`;
  find("model").textContent = model.name;
  document.title = model.name;
  find("about").textContent = about();
  cards = new Cards(find("images"), model, {
    open: (item, corrects) => viewer.open(item, corrects),
    pictures,
  });
  viewer = new Viewer(model, {
    shown: () => cards.shown,
    pictures,
    address,
    changed: (item) => { cards.fill(item); arrangeSoon(); },
    removed: forget,
    closed: (item) => { if (item && items.includes(item) && !item.card.hidden) cards.focus(item); },
  });
  uploads = new Uploads(address, model, { done: answered, failed, changed: progress });
  fillTools();
  for (const photo of await ask(`${address}/photos`)) answered(added(photo.name), photo);
  arrange();
}

/** Return the session of this tab. It outlives a reload, and another tab has another one. */
async function session() {
  const kept = sessionStorage.getItem("session");
  if (kept && (await ask(`api/${kept}/photos`).then(() => true, () => false))) return kept;
  const { session: made } = await ask("api/sessions", { method: "POST" });
  sessionStorage.setItem("session", made);
  return made;
}

function about() {
  const { kind, names } = model;
  const some = names.slice(0, 8).join(", ") + (names.length > 8 ? `, … (${names.length})` : "");
  const what = { classification: "Tells apart", multilabel: "Knows the tags", regression: "Predicts" };
  return `${what[kind]} ${some}.`;
}

function pictures(item) {
  const photo = `${address}/photos/${item.photo.id}`;
  return { small: `${photo}/picture`, large: `${photo}/picture?size=large`, map: `${photo}/map` };
}

// Images come and go.

function added(name, file = null) {
  const item = { name, file, photo: null, number: number++ };
  items.push(item);
  cards.make(item);
  return item;
}

async function add(files) {
  if (!(await ready)) return;
  say(files.length === 0 ? "There are no files in this." : "");
  uploads.add(files.map(({ file, name }) => added(name, file)));
  progress();
  arrange();
}

function answered(item, photo) {
  item.photo = photo;
  item.file = null;
  cards.fill(item);
  arrangeSoon();
}

function failed(item, error) {
  if (error.name === "AbortError") return forget(item);
  item.photo = { id: null, name: item.name, error: error.message, corrected: null };
  cards.fill(item);
  if (error.status === 0 || error.status === 413 || error.status === 404) {
    say(error.message);
    uploads.stop().forEach(forget);
  }
  return arrangeSoon();
}

function forget(item) {
  items.splice(items.indexOf(item), 1);
  item.card.remove();
  arrange();
}

async function removeAll() {
  const n = items.length;
  if (!window.confirm(`Remove ${n} ${n === 1 ? "image" : "images"} and all corrections from this page? Your files stay.`)) return;
  uploads.stop();
  await ask(`${address}/photos`, { method: "DELETE" }).catch((error) => say(error.message));
  for (const item of items.splice(0)) item.card.remove();
  arrange();
  find("choose-files").focus();
}

// What is shown.

const least = () => (find("least").value ? Number(find("least").value) : null);

const KINDS = {
  all: ["all", () => true],
  unsure: ["unsure", (photo) => isUnsure(model, photo, least())],
  novel: ["unlike anything trained on", (photo) => Boolean(photo.novel)],
  corrected: ["corrected", (photo) => photo.corrected !== null],
  open: ["not corrected", (photo) => !photo.error && photo.corrected === null],
  error: ["without an answer", (photo) => Boolean(photo.error)],
};

function isShown(item) {
  const show = find("show").value;
  const wanted = find("label").value;
  if (show === "all" && wanted === ALL) return true;
  if (item.photo === null || !KINDS[show][1](item.photo)) return false;
  return wanted === ALL || (!item.photo.error && labels(item.photo).includes(wanted));
}

/** Return the labels under which an image is found. */
function labels(photo) {
  if (model.kind !== "multilabel") return [label(model, photo)];
  return photo.corrected ?? photo.chosen.map((j) => model.names[j]);
}

/** Arrange the cards a little later: many answers in a row need one arrangement. */
function arrangeSoon() {
  if (find("images").ariaBusy === "true") return;
  find("images").ariaBusy = "true";
  // With thousands of cards, at most a tenth of the time goes into arranging them.
  setTimeout(() => {
    const began = performance.now();
    find("images").ariaBusy = "false";
    arrange();
    pause = 200 + 10 * (performance.now() - began);
  }, pause);
}

function arrange() {
  fillLabels();
  cards.arrange([...items].sort(comparing(model, find("sort").value)), isShown);
  summarize();
}

function summarize() {
  const photos = items.map((item) => item.photo).filter(Boolean);
  const parts = [`${items.length} ${items.length === 1 ? "image" : "images"}`];
  for (const kind of ["unsure", "novel", "corrected", "error"]) {
    const n = photos.filter(KINDS[kind][1]).length;
    if (n) parts.push(`${n} ${KINDS[kind][0]}`);
  }
  if (cards.shown.length < items.length) parts.push(`${cards.shown.length} shown`);
  find("summary").textContent = items.length ? parts.join(" · ") : "";
  for (const id of ["tools", "keys"]) find(id).hidden = items.length === 0;
  find("none").hidden = items.length === 0 || cards.shown.length > 0;
  document.body.classList.toggle("has-images", items.length > 0);
  const csv = find("csv");
  csv.href = `${address}/answers.csv${least() === null ? "" : `?least=${least()}`}`;
}

function fillTools() {
  const option = (value, text) => element("option", { value }, text);
  find("sort").append(...Object.entries(orders(model)).map(([name, [text]]) => option(name, text)));
  const absent = { unsure: model.kind !== "classification", novel: !model.knows_novel };
  const kinds = Object.entries(KINDS).filter(([kind]) => !absent[kind]);
  find("show").append(...kinds.map(([kind, [text]]) => option(kind, text)));
  find("label").append(option(ALL, "all"));
  find("label").parentElement.hidden = model.kind === "regression";
  find("least-field").hidden = model.kind !== "classification";
  find("least").append(option("", "never"));
  const studied = model.errors.map(({ error, least: share }) =>
    option(share, `< ${percent(share)} (${percent(error)} errors)`));
  if (studied.length) find("least").append(element("optgroup", { label: "By the errors in the study" }, ...studied));
  const shares = LEAST.map((share) => option(share, `< ${percent(share)}`));
  find("least").append(element("optgroup", { label: "Probability" }, ...shares));
  const kept = sessionStorage.getItem("least");
  const usual = model.errors.find(({ error }) => error >= 0.05) ?? model.errors.at(-1);
  find("least").value = kept ?? (usual ? String(usual.least) : "");
  cards.least = viewer.least = least();
}

/** List the labels that occur, and keep the one that is chosen. */
function fillLabels() {
  const found = new Set(items.filter(({ photo }) => photo && !photo.error).flatMap(({ photo }) => labels(photo)));
  const names = [...found].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const select = find("label");
  const now = select.value;
  if (now !== ALL && !found.has(now)) names.push(now);
  const offered = [...select.options].slice(1).map((option) => option.value);
  if (names.join(ALL) === offered.join(ALL)) return;
  select.replaceChildren(select.options[0], ...names.map((name) => element("option", { value: name }, name)));
  select.value = now;
}

function progress() {
  find("progress").hidden = uploads.running === 0;
  find("bar").value = uploads.total ? uploads.finished / uploads.total : 0;
  find("progress-text").textContent = `${uploads.finished} of ${uploads.total} answered`;
}

function say(words) {
  find("banner").hidden = words === "";
  find("banner").textContent = words;
}

// What people do.

function listen() {
  for (const id of ["files", "folder"]) {
    find(`choose-${id}`).addEventListener("click", () => find(id).click());
    find(id).addEventListener("change", () => add(chosen(find(id))));
  }
  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      document.body.classList.toggle("dragging", type === "dragover");
    });
  }
  document.addEventListener("drop", async (event) => add(await dropped(event.dataTransfer)));
  for (const id of ["sort", "show", "label"]) find(id).addEventListener("change", arrange);
  find("least").addEventListener("change", () => {
    sessionStorage.setItem("least", find("least").value);
    cards.least = viewer.least = least();
    items.forEach((item) => cards.fill(item));
    arrange();
  });
  find("tools").addEventListener("submit", (event) => event.preventDefault());
  find("remove-all").addEventListener("click", removeAll);
  find("stop").addEventListener("click", () => { uploads.stop().forEach(forget); progress(); });
}

// Files may come before the model's name is there. They wait for it.
const ready = start().then(() => true, (error) => say(error.message));
listen();
