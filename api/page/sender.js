// One upload. fetch() has no upload progress, so this uses XMLHttpRequest.
import {NO_CONNECTION, parse_json, problem_of} from './response.js';
import {retry_after_s} from './timing.js';

// Begins at once. `done` resolves to one of
//   {picture, key, was_cached}   {key, wait_s}: queued   {problem}   null: cancelled
// on_progress(sent, total) in bytes; they are equal when everything is sent and the response is pending.
export function send(picture, text, position, on_progress) {
  const form = new FormData();
  form.append('wm_text', text);
  form.append('wm_position', position);
  form.append('image', picture, picture.name || 'picture');

  const request = new XMLHttpRequest();
  const done = new Promise((resolve) => {
    request.upload.addEventListener('progress', (event) => on_progress(event.loaded, event.total));
    request.addEventListener('load', () => outcome_of(request).then(resolve));
    request.addEventListener('error', () => resolve({problem: NO_CONNECTION}));
    request.addEventListener('abort', () => resolve(null));
  });
  request.open('POST', '/upload');
  request.responseType = 'blob';
  request.send(form);
  return {done, cancel: () => request.abort()};
}

async function outcome_of(request) {
  const field = (name) => request.getResponseHeader(name);
  const {status, response} = request;
  if (status === 200) return {picture: response, key: field('X-Image-Key') ?? '', was_cached: field('X-Cache') === 'HIT'};
  const body = await response.text();
  if (status !== 202) return {problem: problem_of(status, field('Retry-After'), body)};
  return {key: String(parse_json(body).key ?? ''), wait_s: retry_after_s(field('Retry-After'), Date.now()) ?? 2};
}
