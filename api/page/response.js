// Parses the responses of the service. A problem is {status, reason, detail, wait_s}; wait_s is null without Retry-After.
import {retry_after_s} from './timing.js';

export const NO_CONNECTION = {status: 0, reason: 'network', detail: '', wait_s: null};

export function parse_json(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}

const text_of = (value) => typeof value === 'string' ? value : '';

export function problem_of(status, retry_after, body) {
  const json = parse_json(body);
  return {status, reason: text_of(json.reason), detail: text_of(json.detail), wait_s: retry_after_s(retry_after, Date.now())};
}

export async function problem_of_response(response) {
  const body = await response.text().catch(() => '');
  return problem_of(response.status, response.headers.get('Retry-After'), body);
}

export const is_key = (text) => /^[0-9a-f]{64}$/.test(text);
