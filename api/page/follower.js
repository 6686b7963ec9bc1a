// Polls the status of a queued picture until it is finished. Polls as often as Retry-After allows, and not while the page
// is hidden. Continues after lost connections, with increasing delays.
//
//      ┌─ arm(wait) ◀─────── pending, or an error ─────────┐
//      ▼                                                   │
//   waiting ──due, and the page is visible──▶ polling ─────┤
//                                                          └─▶ ended: on.done, on.failed
import {NO_CONNECTION, problem_of_response} from './response.js';
import {backoff_s, retry_after_s} from './timing.js';

export class Follower {
  #key;
  #on;
  #due_ms = 0;
  #timer = 0;
  #polling = false;
  #failures = 0;
  #end = new AbortController();

  // on: state(status), trouble(problem), waiting(until_ms), done(blob), failed(problem). None is called after stop().
  constructor(key, on) {
    this.#key = key;
    this.#on = on;
    const signal = this.#end.signal;
    document.addEventListener('visibilitychange', () => this.#plan(), {signal});
    addEventListener('online', () => this.poll_now(), {signal});
  }

  start(wait_s) { this.#arm(wait_s); }

  poll_now() {
    this.#due_ms = Date.now();
    this.#plan();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#end.abort();
  }

  #arm(wait_s) {
    this.#due_ms = Date.now() + wait_s * 1000;
    this.#on.waiting(this.#due_ms);
    this.#plan();
  }

  #plan() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#polling || this.#end.signal.aborted) return;
    this.#timer = setTimeout(() => this.#poll(), Math.max(0, this.#due_ms - Date.now()));
  }

  async #poll() {
    this.#polling = true;
    const next = await this.#query().catch(() => ({problem: NO_CONNECTION}));
    this.#polling = false;
    if (this.#end.signal.aborted) return;
    if (next.picture || next.failed) {
      this.stop();
      return next.picture ? this.#on.done(next.picture) : this.#on.failed(next.failed);
    }
    this.#failures = next.problem ? this.#failures + 1 : 0;
    if (next.problem) this.#on.trouble(next.problem);
    else this.#on.state(next.state);
    this.#arm(next.wait_s ?? next.problem?.wait_s ?? backoff_s(this.#failures, Math.random()));
  }

  // {state, wait_s} or {problem}: poll again; {picture} or {failed}: ended.
  async #query() {
    const signal = this.#end.signal;
    const response = await fetch(`/status/${this.#key}`, {cache: 'no-store', signal});
    if (response.status === 404 || response.status === 400) return {failed: await problem_of_response(response)};
    if (!response.ok) return {problem: await problem_of_response(response)};
    const wait_s = retry_after_s(response.headers.get('Retry-After'), Date.now()) ?? 2;
    const state = await response.json();
    if (state.status === 'failed') return {failed: {status: 0, reason: 'failed', detail: state.error ?? '', wait_s: null}};
    if (state.status !== 'done') return {state, wait_s};
    const picture = await fetch(`/images/${this.#key}`, {signal});
    if (!picture.ok) return {problem: await problem_of_response(picture)};
    return {picture: await picture.blob()};
  }
}
