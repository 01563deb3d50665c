// The page for labels. It shows an image at once when a key is pressed, because it has loaded the
// next ones beforehand. Each answer of the server has the whole state.
import { ask, element, find } from "./dom.js";
import { ClassList } from "./label_classes.js";
import { showFigures } from "./label_figures.js";
import { Grid, isShown } from "./label_grid.js";

const POLL = 2500; // milliseconds

let queue = []; // {image, name, picture}: the first one is on show
let state = null;
let work = Promise.resolve(); // requests one after another, in the order of the keys
let pending = 0;

const classes = new ClassList({ label, add });
const grid = new Grid();

function say(text, isBad = false) {
  find("said").textContent = text;
  find("said").classList.toggle("bad", isBad);
}

const post = (path, body) => ask(path, { method: "POST", body: JSON.stringify(body) });

// Send a request and take over the state. After an error, what to show is asked for again.
function send(path, body, then = () => {}) {
  pending += 1;
  work = work.then(async () => {
    try {
      const found = await post(path, { ...body, shown: queue.map((entry) => entry.image) });
      take(found);
      then(found);
    } catch (error) {
      say(error.message, true);
      if (error.status) await post("api/state", { shown: [] }).then((found) => take(found, true), () => {});
    }
    pending -= 1;
  });
}

function take(found, anew = false) {
  state = found;
  const before = queue[0];
  queue = anew ? [] : queue.filter((entry) => !found.gone.includes(entry.image));
  for (const { image, name } of found.next) {
    if (!queue.some((entry) => entry.image === image)) queue.push(loaded(image, name));
  }
  if (queue[0] !== before || !queue.length) show();
  classes.update(state.classes);
  showFigures(state);
}

function loaded(image, name) {
  // The element itself is kept: the browser may not keep the file.
  const picture = element("img", { alt: name, src: `api/images/${image}` });
  const entry = { image, name, picture };
  picture.onerror = () => {
    entry.picture = note("This image cannot be shown", `${name} gets no label.`);
    if (queue[0] === entry) show();
    send("api/state", {}, ({ gone }) => {
      if (gone.includes(image)) say(`${name} cannot be read, and is left out.`, true);
    });
  };
  return entry;
}

function note(title, ...rest) {
  return element("p", { className: "note" }, element("b", { textContent: title }), ...rest);
}

function show() {
  const entry = queue[0];
  find("name").textContent = entry ? entry.name : "";
  find("skip").disabled = find("similar").disabled = !entry;
  if (entry) find("stage").replaceChildren(entry.picture);
  else if (state && state.n_unreadable >= state.n_images) {
    find("stage").replaceChildren(note("No image can be read.", "End the command with Ctrl-C."));
  } else if (state && state.n_labelled + state.n_unreadable >= state.n_images) {
    const which = state.n_unreadable ? "All images that can be read" : "All images";
    const command = element("code", { textContent: `sklearn-tl study "${state.file}" --task classification` });
    const next = "End the command with Ctrl-C. To train and test models on the labels:";
    find("stage").replaceChildren(note(`${which} have a label.`, next, command));
  } else find("stage").replaceChildren(note("Loading…"));
}

function label(name) {
  const images = grid.isOpen ? grid.selected() : queue.slice(0, 1).map((entry) => entry.image);
  if (!images.length) {
    say(grid.isOpen ? "Select one or more images first." : "No image is waiting for a label.", true);
    return;
  }
  if (!(grid.isOpen ? grid.isShown() : isShown(queue[0].picture))) {
    say("Images that are not shown get no label. Wait a moment, or skip the image.", true);
    return;
  }
  queue = queue.filter((entry) => !images.includes(entry.image));
  grid.close();
  show();
  classes.clear();
  classes.flash(name);
  const what = images.length > 1 ? `${images.length} images: ${name}` : name;
  say(what);
  send("api/label", { images, label: name }, ({ expected }) => {
    if (expected && expected !== name) say(`${what} (the model expected ${expected})`);
  });
}

function add(name) {
  classes.clear();
  send("api/classes", { name }, ({ added }) => say(`Added the class ${added}.`));
}

function skip() {
  const entry = queue.shift();
  if (!entry) return;
  show();
  send("api/skip", { image: entry.image }, () => say("Skipped. The image comes again at the end."));
}

function undo() {
  send("api/undo", {}, ({ undone }) => {
    if (!undone.length) {
      say("There is nothing to undo.");
      return;
    }
    const { image, name } = undone[0];
    queue = [loaded(image, name), ...queue.filter((entry) => entry.image !== image)];
    show();
    say(undone.length > 1 ? `Undone: ${undone.length} images.` : "Undone.");
  });
}

async function openGrid() {
  const entry = queue[0];
  if (!entry) return;
  try {
    await work;
    const { images, reason } = await ask(`api/images/${entry.image}/similar`);
    if (images.length) grid.open([entry, ...images], classes.buttons());
    else say(reason, true);
  } catch (error) {
    say(error.message, true);
  }
}

const commands = { Backspace: undo, 0: skip, ".": openGrid, "/": () => classes.search(), "+": () => classes.search() };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !state || classes.isSearching) return;
  const name = classes.ofKey(event.key);
  if (grid.isOpen) grid.move(event);
  if (event.repeat && event.key !== "Backspace") return; // a key that is held down is one answer
  if (name !== undefined) label(name);
  else if (grid.isOpen) return;
  else if (event.key in commands) {
    event.preventDefault();
    commands[event.key]();
  } else if (event.key.length === 1 && event.key !== " ") say(`The key ${event.key} has no class. Press / to add one.`);
});

find("undo").onclick = undo;
find("skip").onclick = skip;
find("similar").onclick = openGrid;

send("api/state", {});
setInterval(() => { if (!pending) send("api/state", {}); }, POLL);
