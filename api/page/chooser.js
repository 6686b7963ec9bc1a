// Which picture: by the file chooser, dropped anywhere on the page, or pasted.
import {$} from './dom.js';

const TYPES = ['image/jpeg', 'image/png', 'image/webp'];

// on_picture(file) for what may be one; on_refused(file) for what says itself that it is none.
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
  let depth = 0;  // dragenter and dragleave come for every element on the way
  const mark = (on) => {
    $('dropping').hidden = !on;
    $('drop').classList.toggle('over', on);
  };
  addEventListener('dragenter', (event) => {
    if (!has_files(event)) return;
    event.preventDefault();
    ++depth;
    mark(true);
  });
  addEventListener('dragover', (event) => {
    if (!has_files(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
  });
  addEventListener('dragleave', (event) => {
    if (!has_files(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) mark(false);
  });
  addEventListener('drop', (event) => {
    if (!has_files(event)) return;
    event.preventDefault();
    depth = 0;
    mark(false);
    take(event.dataTransfer.files);
  });
}
