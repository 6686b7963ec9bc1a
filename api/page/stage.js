// The large picture: the selected one with a preview of the text, or the result with a comparison.
import {$, BlobUrl, set_text} from './dom.js';
import {size_words} from './words.js';

const TILES = 15;
const before_url = new BlobUrl();
const after_url = new BlobUrl();

function set_split(percent) {
  $('frame').style.setProperty('--split', `${percent}%`);
  $('split').setAttribute('aria-valuetext', `${percent} % original, ${100 - percent} % watermarked`);
}

function compare(on) {
  for (const id of ['over', 'handle', 'split', 'sides']) $(id).hidden = !on;
}

function show(image_url, alt) {
  $('under').src = image_url;
  $('under').alt = alt;
  $('frame').hidden = false;
  $('no-preview').hidden = true;
  $('view').hidden = false;
  $('drop').hidden = true;
}

export function show_empty() {
  before_url.drop();
  after_url.drop();
  $('view').hidden = true;
  $('drop').hidden = false;
  $('image').hidden = false;
}

export function show_chosen(picture) {
  compare(false);
  show(before_url.of(picture), 'The selected picture');
  set_text($('picked-name'), `${picture.name || 'pasted picture'}, ${size_words(picture.size)}`);
  $('marks').hidden = false;
  $('download').hidden = true;
  $('restart').hidden = true;
  $('change').hidden = false;
  $('image').hidden = false;
}

// `original` is null if only the result is available: after a reload, or from a shared link.
export function show_result(result, original, name) {
  $('marks').hidden = true;
  show(after_url.of(result), 'The watermarked picture');
  compare(original !== null);
  if (original !== null) {
    $('over').src = before_url.of(original);
    $('split').value = 50;
    set_split(50);
  }
  set_text($('picked-name'), `${name}, ${size_words(result.size)}`);
  $('download').href = $('under').src;
  $('download').download = name;
  $('download').hidden = false;
  $('restart').hidden = false;
  $('change').hidden = true;
  $('image').hidden = true;  // it has no visible label now
}

export function show_marks(text, position) {
  const count = position === 'tiled' ? TILES : 1;
  const marks = Array.from({length: count}, () => {
    const mark = document.createElement('span');
    mark.textContent = text;
    return mark;
  });
  $('marks').dataset.position = position;
  $('marks').replaceChildren(...marks);
}

$('split').addEventListener('input', () => set_split(Number($('split').value)));
$('under').addEventListener('error', () => {
  $('frame').hidden = true;
  $('no-preview').hidden = false;
});
