// The card with the state of the upload. show_status() sets everything in it; what is not given is hidden.
import {$, count_down, set_line, set_text} from './dom.js';
import {size_words} from './words.js';
import {span} from './timing.js';

const STEPS = ['sending', 'making', 'done'];
let stop_count = () => {};
let on_retry = () => {};
let on_cancel = () => {};

function show_steps(step) {
  const at = STEPS.indexOf(step);
  for (const item of $('steps').children) {
    const index = STEPS.indexOf(item.dataset.step);
    item.className = index < at ? 'past' : index === at ? 'now' : '';
    if (index === at) item.setAttribute('aria-current', 'step');
    else item.removeAttribute('aria-current');
  }
}

// mood: '', 'queued', 'failed' or 'done'. cancel, retry: {words, act}, or nothing.
export function show_status({step, mood = '', title, text, attempts = '', cancel = null, retry = null}) {
  stop_count();
  $('status').hidden = false;
  $('status').dataset.mood = mood;
  show_steps(step);
  set_text($('status-title'), title);
  set_line($('status-text'), text);
  set_text($('live'), `${title}. ${text}`);
  set_line($('attempts'), attempts);
  set_line($('wait'), '');
  $('progress').hidden = true;
  set_line($('cancel'), cancel?.words ?? '');
  set_line($('retry'), retry?.words ?? '');
  on_cancel = cancel?.act ?? (() => {});
  on_retry = retry?.act ?? (() => {});
  $('actions').hidden = !cancel && !retry;
}

export function hide_status() {
  stop_count();
  $('status').hidden = true;
  set_text($('live'), '');
}

export function show_progress(sent, total) {
  $('progress').hidden = false;
  $('bar').value = total > 0 ? sent / total : 0;
  set_text($('bar-words'), `${size_words(sent)} of ${size_words(total)}`);
}

// "… in 12 s.", counted down; then act().
export function show_wait(words, until_ms, act = () => {}) {
  stop_count();
  stop_count = count_down(until_ms, (left_s) => set_line($('wait'), `${words} in ${span(left_s)}.`), () => {
    set_line($('wait'), '');
    act();
  });
}

$('cancel').addEventListener('click', () => on_cancel());
$('retry').addEventListener('click', () => on_retry());
