// The demonstration's switch, and what the breaker says meanwhile. Where the service has no /demo this shows nothing.
import {$, set_text} from './dom.js';
import {breaker_words, probe_words} from './words.js';

const EVERY_MS = 1500;
let timer = 0;

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const answer = await fetch('/demo', {cache: 'no-store'});
    if (answer.status === 404) return;  // not a demonstration: nothing more to ask
    if (answer.ok) show(await answer.json());
  } catch {
    $('demo').dataset.breaker = 'unknown';
    set_text($('breaker'), 'Breaker: nothing is known of it just now.');
    set_text($('breaker-next'), '');
  }
  timer = setTimeout(look, EVERY_MS);
}

function show({faults, mode, breaker}) {
  $('demo').hidden = false;
  $('break').hidden = !faults;
  $('how').hidden = !faults;
  if (mode !== null && !$('break').disabled) {  // null: the optimizer does not say; the switch stays as it was
    $('break').setAttribute('aria-checked', String(mode !== 'none'));
    if (mode !== 'none') $('how').value = mode;
  }
  $('demo').dataset.breaker = breaker?.state ?? 'unknown';
  set_text($('breaker'), breaker_words(breaker));
  set_text($('breaker-next'), probe_words(breaker));
}

async function set_mode(mode) {
  $('break').disabled = true;
  try {
    const body = JSON.stringify({mode});
    const answer = await fetch('/demo/fault', {method: 'POST', headers: {'Content-Type': 'application/json'}, body});
    if (!answer.ok) set_text($('breaker'), 'The optimizer could not be told.');
  } catch {
    set_text($('breaker'), 'The optimizer could not be told: no connection.');
  }
  $('break').disabled = false;
  look();
}

const is_broken = () => $('break').getAttribute('aria-checked') === 'true';

export function start_demo() {
  $('break').addEventListener('click', () => set_mode(is_broken() ? 'none' : $('how').value));
  $('how').addEventListener('change', () => {
    if (is_broken()) set_mode($('how').value);
  });
  document.addEventListener('visibilitychange', () => {
    if (!$('demo').hidden) look();
  });
  look();
}
