// Small helpers around the document.

export const $ = (id) => document.getElementById(id);

// Does not touch an unchanged text: a live region announces every change.
export function set_text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Sets the text of an element; hides an empty one.
export function set_line(element, text) {
  set_text(element, text);
  element.hidden = text === '';
}

// A blob URL that is revoked when the next one replaces it.
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

// Calls tick(seconds left) now and about every second until the time, then done(). Returns a function that stops it.
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
