// Files on their way: from a drop, a folder or a choice, a few at a time.

import { ask } from "./dom.js";

// The program answers the files together that wait together. A browser sends six requests at once,
// and two are left for pictures.
const AT_ONCE = 4;

const names = new Intl.Collator("en", { numeric: true });
const byName = (a, b) => names.compare(a.name, b.name);
const isVisible = (name) => !name.startsWith(".");

/** Return the files of a drop as {file, name}, also those in folders, with their paths. */
export async function dropped(transfer) {
  // All must be taken before the first wait, after which the transfer is empty.
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const parts = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const found = [];
  for (const { entry, file } of parts) {
    if (entry) await walk(entry, found);
    else if (file) found.push({ file, name: file.name });
  }
  return found.sort(byName);
}

async function walk(entry, found) {
  if (!isVisible(entry.name)) return;
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    found.push({ file, name: entry.fullPath.slice(1) });
    return;
  }
  const reader = entry.createReader();
  for (;;) { // a reader returns at most 100 entries at a time
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (entries.length === 0) return;
    for (const below of entries) await walk(below, found);
  }
}

/** Return the files of an <input>, as `dropped` does. */
export function chosen(input) {
  const found = [...input.files]
    .map((file) => ({ file, name: file.webkitRelativePath || file.name }))
    .filter(({ name }) => name.split("/").every(isVisible))
    .sort(byName);
  input.value = ""; // so that the same files can be chosen again
  return found;
}

export class Uploads {
  /** `done(item, photo)` and `failed(item, error)` are told of each file, and `changed` of progress. */
  constructor(address, model, { done, failed, changed }) {
    Object.assign(this, { address, model, done, failed, changed });
    this.waiting = [];
    this.running = 0;
    this.total = 0;
    this.finished = 0;
    this.stopping = new AbortController();
  }

  add(items) {
    this.waiting.push(...items);
    this.total += items.length;
    while (this.running < AT_ONCE && this.waiting.length) this.run();
  }

  async run() {
    this.running += 1;
    while (this.waiting.length) {
      const item = this.waiting.shift();
      try {
        this.done(item, await this.send(item));
      } catch (error) {
        this.failed(item, error);
      }
      this.finished += 1;
      this.changed();
    }
    this.running -= 1;
    if (this.running === 0) Object.assign(this, { total: 0, finished: 0 });
    this.changed();
  }

  send(item) {
    const { file, name } = item;
    const query = new URLSearchParams({ name, size: file.size });
    // The program says what is wrong with a file that is too large. It need not be sent for that.
    const body = file.size > this.model.photo_bytes ? null : file;
    const options = { method: "POST", body, signal: this.stopping.signal };
    return ask(`${this.address}/photos?${query}`, options);
  }

  /** Forget the files that wait, and return their items. */
  stop() {
    const left = this.waiting.splice(0);
    this.stopping.abort();
    this.stopping = new AbortController();
    this.total -= left.length;
    return left;
  }
}
