// Selecting a picture: with the file dialog, by dropping it on the page, or by pasting it.
import {$} from './dom.js';

const TYPES = ['image/jpeg', 'image/png', 'image/webp'];

// on_picture(file): its type is supported; on_refused(file): its type is not.
export function watch_pictures(on_picture, on_refused) {
  const take = (files) => {
    const list = [...files];
    if (list.length === 0) return false;
    const picture = list.find((file) => TYPES.includes(file.type));
    if (picture) on_picture(picture);
    else on_refused(list[0]);
    return true;
  };
  $('image').addEventListener('change', () => {
    take($('image').files);
    $('image').value = '';  // so that the same file can be chosen again
  });
  document.addEventListener('paste', (event) => {
    if (event.clipboardData && take(event.clipboardData.files)) event.preventDefault();
  });
  watch_drags(take);
}

const has_files = (event) => [...event.dataTransfer?.types ?? []].includes('Files');

function watch_drags(take) {
  const mark = (on) => {
    $('dropping').hidden = !on;
    $('drop').classList.toggle('over', on);
  };
  const on = (name, act) => addEventListener(name, (event) => {
    if (has_files(event)) act(event);
  });
  on('dragenter', (event) => event.preventDefault());
  on('dragover', (event) => {
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    mark(true);
  });
  // The event fires for every element; only the one without a related target leaves the page.
  on('dragleave', (event) => {
    if (event.relatedTarget === null) mark(false);
  });
  on('drop', (event) => {
    event.preventDefault();
    mark(false);
    take(event.dataTransfer.files);
  });
}
