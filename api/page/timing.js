// When to try again: pure functions, without a clock or random numbers of their own.

const BACKOFF_S_MAX = 30;
const WAIT_S_MAX = 24 * 3600;

// Retry-After (RFC 9110, 10.2.3) as seconds from now: a number, or a date. Null: absent or invalid.
export function retry_after_s(value, now_ms) {
  const text = (value ?? '').trim();
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), WAIT_S_MAX);
  if (!/^[A-Z][a-z]{2}, /.test(text)) return null;
  const at_ms = Date.parse(text);
  if (!Number.isFinite(at_ms)) return null;
  return Math.min(Math.max(0, Math.ceil((at_ms - now_ms) / 1000)), WAIT_S_MAX);
}

// The delay after consecutive failures: doubles from 1 s to 30 s; `dice` in [0, 1) subtracts up to half.
export function backoff_s(failures, dice) {
  const whole_s = Math.min(BACKOFF_S_MAX, 2 ** Math.max(0, Math.min(failures, 10) - 1));
  return whole_s * (1 - dice / 2);
}

// "1 s", "45 s", "2 min 5 s", "3 min", "2 h 10 min".
export function span(seconds) {
  const whole_s = Math.max(0, Math.ceil(seconds));
  if (whole_s < 60) return `${whole_s} s`;
  const [large, small, units] = whole_s < 3600 ? [Math.floor(whole_s / 60), whole_s % 60, ['min', 's']]
    : [Math.floor(whole_s / 3600), Math.floor(whole_s % 3600 / 60), ['h', 'min']];
  return small === 0 ? `${large} ${units[0]}` : `${large} ${units[0]} ${small} ${units[1]}`;
}
