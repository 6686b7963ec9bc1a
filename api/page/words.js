// The texts of the page for each result: pure functions. A problem is {status, reason, detail, wait_s}, as response.js
// parses it; its words are {title, text, retry}, where retry is one of
//   wait   the page tries again by itself after wait_s
//   click  the user may try again
//   never  the same upload would fail the same way
import {span} from './timing.js';

export function size_words(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 999500) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

function largest(detail) {
  const found = /larger than (\d+) bytes/.exec(detail);
  return found ? `The limit is ${size_words(Number(found[1]))}. ` : '';
}

const NOT_LOST = 'Your picture is still selected.';

// By reason; a function if the detail matters.
const REASONS = {
  network: ['No connection', `The service cannot be reached. ${NOT_LOST}`, 'click'],
  rate_limited: ['Too many uploads at once', `You have reached the upload limit. ${NOT_LOST}`, 'wait'],
  body_too_large: (detail) => ['The picture is too large', `${largest(detail)}Choose a smaller picture.`, 'never'],
  image_too_large: (detail) => ['The picture has too many pixels', detail || 'Choose a smaller picture.', 'never'],
  unsupported_media_type: ['This is not a picture', 'Choose a JPEG, PNG or WebP file.', 'never'],
  bad_image: ['The picture is damaged', 'The file is incomplete or corrupted. Choose another copy of it.', 'never'],
  bad_request: (detail) => ['The upload was rejected', detail || 'The upload is invalid.', 'never'],
  headers_too_large: ['The upload was rejected', 'The request headers are too large.', 'never'],
  client_timeout: ['The upload took too long', 'The connection was too slow. Please try again.', 'click'],
  idempotency_conflict: ['The upload was rejected', 'It conflicts with another upload.', 'never'],
  breaker_open: ['The optimizer is unavailable', `It is not accepting pictures right now. ${NOT_LOST}`, 'wait'],
  bulkhead_full: ['The optimizer is busy', `It is processing as many pictures as it can. ${NOT_LOST}`, 'wait'],
  pool_full: ['The optimizer is busy', `It is processing as many pictures as it can. ${NOT_LOST}`, 'wait'],
  queue_full: ['The queue is full', `No more pictures can be queued right now. ${NOT_LOST}`, 'wait'],
  queue_unavailable: ['The queue is unavailable', `Your picture could not be queued. ${NOT_LOST}`, 'wait'],
  busy: ['The service is busy', `It is processing as many pictures as it can. ${NOT_LOST}`, 'wait'],
  draining: ['The service is restarting', `It will be available again soon. ${NOT_LOST}`, 'wait'],
  store_unavailable: (detail) => ['The picture could not be stored', `${detail} ${NOT_LOST}`.trim(), 'wait'],
  connect_failure: ['The optimizer could not be reached', NOT_LOST, 'click'],
  reset: ['The connection to the optimizer was lost', NOT_LOST, 'click'],
  bad_upstream_response: ['The optimizer sent an invalid response', NOT_LOST, 'click'],
  timeout: ['The optimizer did not respond in time', NOT_LOST, 'click'],
  fault: ['The optimizer failed', NOT_LOST, 'click'],
  internal_error: ['The optimizer failed', NOT_LOST, 'click'],
  failed: (detail) => ['The picture could not be processed', detail || 'All attempts failed.', 'click'],
  not_found: ['Picture not found', 'The link is wrong, or the picture has been deleted.', 'never'],
};

// By status, if the reason is not in the table.
function by_status(status) {
  if (status === 429) return REASONS.rate_limited;
  if (status === 413) return REASONS.body_too_large;
  if (status === 415) return REASONS.unsupported_media_type;
  if (status === 404 || status === 410) return REASONS.not_found;
  if (status === 503) return ['The service is unavailable', NOT_LOST, 'wait'];
  if (status === 504 || status === 408) return REASONS.timeout;
  if (status >= 500) return ['Something went wrong', NOT_LOST, 'click'];
  return REASONS.bad_request;
}

export function problem_words(problem) {
  const known = Object.hasOwn(REASONS, problem.reason) ? REASONS[problem.reason] : by_status(problem.status);
  const [title, text, retry] = typeof known === 'function' ? known(problem.detail) : known;
  return {title, text, retry: retry === 'wait' && problem.wait_s === null ? 'click' : retry};
}

// For a pending job: a status of the service, as GET /status/KEY returns it, or {status: 'queued'}.
export function job_words(state) {
  if (state.status === 'processing') return {title: 'Processing', text: 'The optimizer is processing your picture.'};
  if (state.status === 'retrying') {
    return {title: 'Queued', text: 'The optimizer is still unavailable. Your picture is saved and will be processed automatically.'};
  }
  return {title: 'Queued', text: 'The optimizer is unavailable. Your picture is saved and will be processed automatically.'};
}

// "Tried 4 times during the outage. Attempt 2 of 5. Number 3 in the queue." Empty: nothing is known.
export function attempt_words(state) {
  const parts = [];
  if (state.deferrals > 0) parts.push(`Tried ${state.deferrals === 1 ? 'once' : `${state.deferrals} times`} during the outage.`);
  if (state.attempt > 0) parts.push(`Attempt ${state.attempt}${state.max_attempts ? ` of ${state.max_attempts}` : ''}.`);
  if (Number.isInteger(state.position) && state.position > 0) parts.push(`Number ${state.position} in the queue.`);
  return parts.join(' ');
}

const WHY_OPEN = {
  consecutive_failures: 'several requests in a row failed',
  failure_ratio: 'too many recent requests failed',
  slow_call_ratio: 'too many recent requests were slow',
  probe_failed: 'the probe failed',
  probe_timed_out: 'the probe timed out',
  restored: 'it was open before the restart',
  operator_forced: 'an operator opened it',
};

// A breaker of GET /demo: {state, reason, retry_in_s}, or null.
export function breaker_words(breaker) {
  if (!breaker) return 'Breaker: state unknown.';
  if (breaker.state === 'closed') return 'Breaker: closed. Requests pass.';
  if (breaker.state === 'forced_closed') return 'Breaker: forced closed by an operator.';
  if (breaker.state === 'forced_open') return 'Breaker: forced open by an operator.';
  if (breaker.state === 'half_open') return 'Breaker: half open. A probe is running.';
  const why = WHY_OPEN[breaker.reason] ?? (breaker.reason || '').replaceAll('_', ' ');
  return why ? `Breaker: open because ${why}.` : 'Breaker: open.';
}

export function probe_words(breaker) {
  if (breaker?.state !== 'open' || !Number.isFinite(breaker.retry_in_s)) return '';
  return breaker.retry_in_s > 0 ? `Next probe in ${span(breaker.retry_in_s)}.` : 'The next request is a probe.';
}
