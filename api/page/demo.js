// The demonstration: the switch that breaks the optimizer, and the state of the breaker. Hidden if the service has no
// /demo.
import {$, set_text} from './dom.js';
import {breaker_words, probe_words} from './words.js';

const EVERY_MS = 1500;
let timer = 0;

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const response = await fetch('/demo', {cache: 'no-store'});
    if (response.status === 404) return;  // no demonstration: do not ask again
    if (response.ok) show(await response.json());
  } catch {
    $('demo').dataset.breaker = 'unknown';
    set_text($('breaker'), 'Breaker: state unknown.');
    set_text($('breaker-next'), '');
  }
  timer = setTimeout(look, EVERY_MS);
}

function show({faults, mode, breaker}) {
  $('demo').hidden = false;
  $('break').hidden = !faults;
  $('how').hidden = !faults;
  if (mode !== null && !$('break').disabled) {  // null: unknown, so the switch does not change
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
    const response = await fetch('/demo/fault', {method: 'POST', headers: {'Content-Type': 'application/json'}, body});
    if (!response.ok) set_text($('breaker'), 'The setting could not be changed.');
  } catch {
    set_text($('breaker'), 'The setting could not be changed: no connection.');
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
