// What happened, in words a person can use: pure functions. A problem is {status, reason, detail, wait_s}, as answer.js
// reads it; the words are {title, text, retry}, retry being one of
//   wait   it is worth coming again after wait_s, which the page does by itself
//   click  it may be worth another try; that is the person's to say
//   never  the same upload would fail the same way
import {span} from './timing.js';

export function size_words(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 999500) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

function largest(detail) {
  const found = /larger than (\d+) bytes/.exec(detail);
  return found ? `It may have ${size_words(Number(found[1]))} at most. ` : '';
}

const NOT_LOST = 'Nothing is lost: your picture is still chosen here.';

// By reason; a function where the detail matters.
const REASONS = {
  network: ['No connection', `The service cannot be reached. ${NOT_LOST}`, 'click'],
  rate_limited: ['Too many uploads at once', `There is a limit for each visitor. ${NOT_LOST}`, 'wait'],
  body_too_large: (detail) => ['The picture is too large', `${largest(detail)}A smaller one will do.`, 'never'],
  image_too_large: (detail) => ['The picture has too many pixels', detail || 'A smaller one will do.', 'never'],
  unsupported_media_type: ['This is not a picture', 'The service takes JPEG, PNG and WebP.', 'never'],
  bad_image: ['The picture is damaged', 'It cannot be read to its end. Perhaps another copy of it can.', 'never'],
  bad_request: (detail) => ['The service did not take it', detail || 'Something about the upload is not right.', 'never'],
  headers_too_large: ['The service did not take it', 'The request\'s head is too large.', 'never'],
  client_timeout: ['The upload took too long', 'The connection stood still. Perhaps it is better now.', 'click'],
  idempotency_conflict: ['The service is confused', 'It knows this upload as another one.', 'never'],
  breaker_open: ['The optimizer is unwell', `It gets a rest just now. ${NOT_LOST}`, 'wait'],
  bulkhead_full: ['The optimizer is busy', `All of its places are taken. ${NOT_LOST}`, 'wait'],
  queue_full: ['The queue is full', `No more pictures can be kept just now. ${NOT_LOST}`, 'wait'],
  queue_unavailable: ['The picture cannot be kept just now', `The queue is away. ${NOT_LOST}`, 'wait'],
  busy: ['The service is busy', `Too many pictures are being worked on. ${NOT_LOST}`, 'wait'],
  draining: ['The service is being restarted', `It will be back soon. ${NOT_LOST}`, 'wait'],
  store_unavailable: (detail) => ['The picture cannot be stored just now', `${detail} ${NOT_LOST}`.trim(), 'wait'],
  connect_failure: ['The optimizer could not be reached', NOT_LOST, 'click'],
  reset: ['The optimizer broke off', NOT_LOST, 'click'],
  bad_upstream_response: ['The optimizer\'s answer made no sense', NOT_LOST, 'click'],
  timeout: ['It took too long', `The optimizer did not answer in time. ${NOT_LOST}`, 'click'],
  fault: ['The optimizer failed', NOT_LOST, 'click'],
  internal_error: ['The optimizer failed', NOT_LOST, 'click'],
  failed: (detail) => ['The picture could not be made', detail || 'All attempts have failed.', 'click'],
  not_found: ['There is no such picture', 'The link is wrong, or it is too old: results are not kept for ever.', 'never'],
};

// By status, where the reason is none of these.
function by_status(status) {
  if (status === 429) return REASONS.rate_limited;
  if (status === 413) return REASONS.body_too_large;
  if (status === 415) return REASONS.unsupported_media_type;
  if (status === 404 || status === 410) return REASONS.not_found;
  if (status === 503) return ['The service cannot do it just now', NOT_LOST, 'wait'];
  if (status === 504 || status === 408) return REASONS.timeout;
  if (status >= 500) return ['Something went wrong at the service', NOT_LOST, 'click'];
  return REASONS.bad_request;
}

export function problem_words(problem) {
  const known = Object.hasOwn(REASONS, problem.reason) ? REASONS[problem.reason] : by_status(problem.status);
  const [title, text, retry] = typeof known === 'function' ? known(problem.detail) : known;
  return {title, text, retry: retry === 'wait' && problem.wait_s === null ? 'click' : retry};
}

// While a job is kept: a status of the service's, as GET /status/KEY answers it, or {status: 'queued'}.
export function job_words(state) {
  if (state.status === 'processing') return {title: 'Being made', text: 'The optimizer is at your picture right now.'};
  if (state.status === 'retrying') {
    return {title: 'Accepted', text: 'The optimizer is still unwell. Your picture is kept and will be finished.'};
  }
  return {title: 'Accepted', text: 'The optimizer is unwell; your picture is kept and will be finished.'};
}

// "Attempt 2 of 5. Third in the queue." Empty: nothing to tell.
export function attempt_words(state) {
  const parts = [];
  if (state.attempt > 0) parts.push(`Attempt ${state.attempt}${state.max_attempts ? ` of ${state.max_attempts}` : ''}.`);
  if (Number.isInteger(state.position) && state.position > 0) parts.push(`Number ${state.position} in the queue.`);
  return parts.join(' ');
}

const WHY_OPEN = {
  consecutive_failures: 'several calls in a row failed',
  failure_ratio: 'too many of the recent calls failed',
  slow_call_ratio: 'too many of the recent calls were slow',
  probe_failed: 'the probe failed',
  probe_timed_out: 'the probe had no answer in time',
  operator_forced: 'an operator opened it',
};

// A breaker of GET /demo: {state, reason, retry_in_s}, or null.
export function breaker_words(breaker) {
  if (!breaker) return 'Breaker: nothing is known of it.';
  if (breaker.state === 'closed') return 'Breaker: closed, calls go through.';
  if (breaker.state === 'forced_closed') return 'Breaker: held closed by an operator.';
  if (breaker.state === 'forced_open') return 'Breaker: held open by an operator.';
  if (breaker.state === 'half_open') return 'Breaker: half open, a probe decides.';
  const why = WHY_OPEN[breaker.reason] ?? (breaker.reason || '').replaceAll('_', ' ');
  return why ? `Breaker: open because ${why}.` : 'Breaker: open.';
}

export function probe_words(breaker) {
  if (breaker?.state !== 'open' || !Number.isFinite(breaker.retry_in_s)) return '';
  return breaker.retry_in_s > 0 ? `Next probe in ${span(breaker.retry_in_s)}.` : 'A probe is due: the next call is one.';
}
