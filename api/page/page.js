// Sends the form, follows the job where there is one, shows before and after.
'use strict';

const $ = (id) => document.getElementById(id);
const STEPS = ['sending', 'queued', 'processing', 'done'];
const POLL_SECONDS_MAX = 15;
let shown = [];   // object URLs to give back
let run = 0;      // the latest upload: older ones fall silent

function show_step(step, message, mood) {
  $('progress').hidden = false;
  $('progress').className = mood || '';
  const at = STEPS.indexOf(step);
  for (const item of $('steps').children) {
    const index = STEPS.indexOf(item.dataset.step);
    item.className = index < at ? 'past' : index === at ? 'now' : '';
    if (index === at) item.setAttribute('aria-current', 'step');
    else item.removeAttribute('aria-current');
  }
  if ($('message').textContent !== message) $('message').textContent = message;
}

function fail(step, message) {
  show_step(step, message, 'failed');
  $('again').hidden = false;
  $('send').disabled = false;
}

function object_url(blob) {
  const url = URL.createObjectURL(blob);
  shown.push(url);
  return url;
}

function show_result(blob, note) {
  const file = $('image').files[0];
  $('before').src = object_url(file);
  $('after').src = object_url(blob);
  $('download').href = $('after').src;
  $('download').download = 'watermark-' + file.name;
  $('result').hidden = false;
  $('send').disabled = false;
  show_step('done', note, 'done');
}

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

function retry_seconds(answer, otherwise) {
  const seconds = Number.parseInt(answer.headers.get('Retry-After') || '', 10);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : otherwise;
}

async function sentence_of(answer) {
  try {
    const problem = await answer.json();
    return problem.detail || problem.title || 'The service answered ' + answer.status + '.';
  } catch {
    return 'The service answered ' + answer.status + '.';
  }
}

function describe(state) {
  const tries = state.attempt ? ' Attempt ' + state.attempt + ' of ' + state.max_attempts + '.' : '';
  if (state.status === 'processing') return 'Your picture is being made.' + tries;
  if (state.status === 'retrying') {
    const at = state.next_attempt_at ? ' Next at ' + new Date(state.next_attempt_at).toLocaleTimeString() + '.' : '';
    return 'It did not work yet; it will be tried again.' + tries + at;
  }
  return 'Your order is safe and waits for its turn.';
}

async function follow(status_url, seconds, mine) {
  for (;;) {
    await wait(Math.min(seconds, POLL_SECONDS_MAX));
    if (mine !== run) return;
    let answer;
    try {
      answer = await fetch(status_url, {cache: 'no-store'});
    } catch {
      show_step('queued', 'No connection; still trying. Your order is safe.');
      continue;
    }
    if (mine !== run) return;
    seconds = retry_seconds(answer, 2);
    if (answer.status === 404) return fail('queued', await sentence_of(answer));
    if (!answer.ok) {
      show_step('queued', 'The status cannot be told just now; still trying. Your order is safe.');
      continue;
    }
    const state = await answer.json();
    if (state.status === 'failed') return fail('processing', state.error || 'It could not be made.');
    if (state.status === 'done') {
      const picture = await fetch(state.url);
      if (!picture.ok) return fail('done', await sentence_of(picture));
      return show_result(await picture.blob(), 'Done. Thank you for waiting.');
    }
    show_step(state.status === 'processing' ? 'processing' : 'queued', describe(state));
  }
}

async function count_down(seconds, message, mine) {
  for (let left = seconds; left > 0 && mine === run; --left) {
    show_step('sending', message + ' Again in ' + left + ' s.', 'failed');
    await wait(1);
  }
  if (mine === run) send();
}

async function send() {
  const mine = ++run;
  for (const url of shown) URL.revokeObjectURL(url);
  shown = [];
  $('result').hidden = true;
  $('again').hidden = true;
  $('send').disabled = true;
  show_step('sending', 'Your picture is on its way.');
  let answer;
  try {
    answer = await fetch('/upload', {method: 'POST', body: new FormData($('form'))});
    if (mine !== run) return;
    if (answer.status === 200) {
      const hit = answer.headers.get('X-Cache') === 'HIT';
      return show_result(await answer.blob(), hit ? 'Done; this one was made before.' : 'Done.');
    }
    if (answer.status === 202) {
      const job = await answer.json();
      show_step('queued', describe({status: 'queued'}));
      return await follow(job.status_url, retry_seconds(answer, 2), mine);
    }
    const message = await sentence_of(answer);
    if (answer.status !== 429 && answer.status !== 503) return fail('sending', message);
    $('send').disabled = false;
    return await count_down(retry_seconds(answer, 5), message, mine);
  } catch {
    if (mine === run) fail('sending', 'The service could not be reached.');
  }
}

function name_chosen() {
  const file = $('image').files[0];
  $('chosen').textContent = file ? file.name : 'Choose a picture, or drop one here';
}

$('form').addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});
$('again').addEventListener('click', send);
$('image').addEventListener('change', name_chosen);
$('split').addEventListener('input', () => {
  $('compare').style.setProperty('--split', $('split').value + '%');
});
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  $('drop').addEventListener(name, (event) => {
    event.preventDefault();
    $('drop').classList.toggle('over', name === 'dragenter' || name === 'dragover');
    if (name === 'drop' && event.dataTransfer.files.length > 0) {
      $('image').files = event.dataTransfer.files;
      name_chosen();
    }
  });
}
