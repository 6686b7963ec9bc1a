// The page: one picture at a time, from its selection to its result. `work` is the running upload or follower; begin()
// stops it before the next one, and a stopped one has no further effect.
//
//   empty ─▶ selected ─▶ sending ─▶ done                  The address has #KEY as soon as the key is known: a reload, or a
//               ▲           ├─────▶ queued ─▶ done        shared link, resumes there.
//               └── cancel ─┴─────▶ failed
import {is_key} from './response.js';
import {watch_pictures} from './chooser.js';
import {start_demo} from './demo.js';
import {$, set_text} from './dom.js';
import {Follower} from './follower.js';
import {name_of, remember, show_history} from './history.js';
import {send} from './sender.js';
import {show_chosen, show_empty, show_marks, show_result} from './stage.js';
import {hide_status, show_progress, show_status, show_wait} from './status.js';
import {attempt_words, job_words, problem_words} from './words.js';

let chosen = null;   // the File
let sent = null;     // {key, picture}: the latest original with a known key, for the comparison
let work = null;     // {stop()}

function begin(next) {
  work?.stop();
  work = next;
  $('send').disabled = false;
}

const position = () => new FormData($('form')).get('position');

function complain(words, field) {
  set_text($('complaint'), words);
  field?.focus();
}

function choose(picture) {
  begin(null);
  hide_status();
  complain('');
  set_key('');
  chosen = picture;
  show_chosen(picture);
  show_hint();
}

function refuse(file) {
  complain(`“${file.name}” is not supported. Choose a JPEG, PNG or WebP picture.`);
}

function show_hint() {
  set_text($('spot-name'), $('form').querySelector('input:checked + span').textContent);
  show_marks($('text').value.trim(), position());
}

function set_key(key) {
  history.replaceState(null, '', key ? `#${key}` : location.pathname + location.search);
}

function restart() {
  begin(null);
  hide_status();
  complain('');
  set_key('');
  chosen = null;
  show_empty();
  $('image').focus();
}

function submit() {
  const text = $('text').value.trim();
  if (!chosen) return complain('Choose a picture first.', $('image'));
  if (!text) return complain('Enter the text of the watermark.', $('text'));
  complain('');
  start_upload(chosen, text, position());
}

async function start_upload(picture, text, where) {
  const upload = send(picture, text, where, on_progress);
  begin({stop: upload.cancel});
  const mine = work;
  const again = () => start_upload(picture, text, where);
  show_chosen(picture);
  show_hint();
  set_key('');
  $('send').disabled = true;
  const cancel = {words: 'Cancel', act: cancel_upload};
  show_status({step: 'sending', title: 'Sending', text: 'Your picture is being uploaded.', cancel});
  show_progress(0, picture.size);
  $('status').scrollIntoView({block: 'nearest'});
  const outcome = await upload.done;
  if (work !== mine || outcome === null) return;
  work = null;
  $('send').disabled = false;
  if (outcome.problem) return show_problem('sending', outcome.problem, again);
  if (outcome.key) {
    sent = {key: outcome.key, picture};
    set_key(outcome.key);
    remember(outcome.key, picture.name || 'pasted picture', text);
  }
  if (outcome.picture) return finish(outcome.picture, outcome.key, outcome.was_cached);
  show_job({status: 'queued'});
  start_following(outcome.key, outcome.wait_s);
}

function on_progress(bytes, total) {
  if (bytes < total) return show_progress(bytes, total);
  const cancel = {words: 'Cancel', act: cancel_upload};
  show_status({step: 'making', title: 'Processing', text: 'The watermark is being added to your picture.', cancel});
}

function cancel_upload() {
  begin(null);
  const words = {title: 'Cancelled', text: 'The upload was cancelled. Your picture is still selected.'};
  show_status({step: 'sending', mood: 'failed', ...words});
  $('send').focus();
}

function show_problem(step, problem, again) {
  const words = problem_words(problem);
  const retry = words.retry === 'never' || !again ? null : {words: words.retry === 'wait' ? 'Try now' : 'Try again', act: again};
  const cancel = words.retry === 'wait' ? {words: 'Stop trying', act: stop_waiting} : null;
  show_status({step, mood: 'failed', title: words.title, text: words.text, retry, cancel});
  if (words.retry === 'wait') {
    begin({stop: hide_status});
    show_wait('Trying again automatically', Date.now() + problem.wait_s * 1000, again);
  }
}

function stop_waiting() {
  begin(null);
  $('send').focus();
}

function show_job(state) {
  show_status({step: 'making', mood: 'queued', ...job_words(state), attempts: attempt_words(state)});
}

function show_next(state, until_ms) {
  const next_ms = Date.parse(state?.next_attempt_at ?? '');
  if (next_ms > Date.now()) show_wait('Next attempt', next_ms);
  else show_wait('Checking again', until_ms);
}

function start_following(key, wait_s) {
  let latest = null;
  const follower = new Follower(key, {
    state(state) {
      latest = state;
      show_job(state);
    },
    trouble(problem) {
      latest = null;
      const text = problem.status === 0 ? 'Still trying. Your picture is saved.'
        : 'The status is unavailable right now; still trying. Your picture is saved.';
      const retry = {words: 'Check now', act: () => follower.poll_now()};
      show_status({step: 'making', mood: 'queued', title: problem_words(problem).title, text, retry});
    },
    waiting: (until_ms) => show_next(latest, until_ms),
    done: (picture) => finish(picture, key, false),
    failed: (problem) => show_problem('making', problem, sent?.key === key ? submit : null),
  });
  begin(follower);
  follower.start(wait_s);
}

function finish(picture, key, was_cached) {
  work = null;
  const original = sent?.key === key ? sent.picture : null;
  const name = original?.name || name_of(key) || `picture.${picture.type.split('/')[1] ?? 'jpg'}`;
  show_result(picture, original, `watermarked ${name}`);
  const text = was_cached ? 'Your picture is ready. It was processed before.' : 'Your picture is ready.';
  show_status({step: 'done', mood: 'done', title: 'Done', text});
  $('stage').scrollIntoView({block: 'nearest'});
}

// Resumes the key in the address: after a reload, from a shared link or the history, or with the browser's Back.
function resume() {
  const key = location.hash.slice(1);
  if (!is_key(key)) return;
  begin(null);
  complain('');
  if (sent?.key !== key) show_empty();
  show_status({step: 'making', title: 'Checking', text: 'Loading the status of this picture.'});
  start_following(key, 0);
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  submit();
});
$('form').addEventListener('input', show_hint);
$('restart').addEventListener('click', restart);
addEventListener('hashchange', resume);
watch_pictures(choose, refuse);
show_hint();
show_history();
start_demo();
resume();
