// The uploads of this tab, newest first, as a list of links that resume them. The list ends with the tab.
import {$} from './dom.js';
import {is_key, parse_json} from './response.js';

const NAME = 'watermark.history';
const ENTRIES_MAX = 6;

function read() {
  const {entries} = parse_json(sessionStorage.getItem(NAME) ?? '');
  return Array.isArray(entries) ? entries.filter((entry) => is_key(entry.key)) : [];
}

export function remember(key, name, text) {
  const entries = [{key, name, text}, ...read().filter((entry) => entry.key !== key)].slice(0, ENTRIES_MAX);
  try {
    sessionStorage.setItem(NAME, JSON.stringify({entries}));
  } catch {
    return;  // storage is full or disabled: the list does not change
  }
  show_history();
}

export const name_of = (key) => read().find((entry) => entry.key === key)?.name ?? '';

export function show_history() {
  const items = read().map(({key, name, text}) => {
    const item = document.createElement('li');
    const link = document.createElement('a');
    link.href = `#${key}`;
    link.textContent = text;
    const what = document.createElement('span');
    what.className = 'soft small';
    what.textContent = name;
    item.append(link, ' ', what);
    return item;
  });
  $('history-list').replaceChildren(...items);
  $('history').hidden = items.length === 0;
}
