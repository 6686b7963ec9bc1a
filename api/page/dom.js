// Small helpers around the document.

export const $ = (id) => document.getElementById(id);

// Does not touch what is the same already: a live region speaks only of what changes.
export function set_text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// An element's text or nothing at all.
export function set_line(element, text) {
  set_text(element, text);
  element.hidden = text === '';
}

// Blob URLs that are given back when the next one comes.
export class BlobUrl {
  #url = '';
  of(blob) {
    this.drop();
    this.#url = URL.createObjectURL(blob);
    return this.#url;
  }
  drop() {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = '';
  }
}

// Calls tick(seconds left) at once and about every second until the time has come, then done(). Returns what stops it.
export function count_down(until_ms, tick, done = () => {}) {
  let timer = 0;
  const step = () => {
    const left_ms = until_ms - Date.now();
    if (left_ms <= 0) return done();
    tick(Math.ceil(left_ms / 1000));
    timer = setTimeout(step, left_ms % 1000 || 1000);
  };
  step();
  return () => clearTimeout(timer);
}
