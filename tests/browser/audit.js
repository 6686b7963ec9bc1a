// Looks at the page as it stands and comes to a list of complaints: text below 4.5:1 (3:1 where it is large), edges of
// controls below 3:1, controls smaller than 24 by 24 pixels, ids that stand twice, labels that lead nowhere, pictures
// without alternatives, text that sticks out of the window. The ratios are those of WCAG 2.2.
const complaints = [];
const seen = (element) => element.checkVisibility({opacityProperty: false, visibilityProperty: true});
const name_of = (element) => element.id ? `#${element.id}` : `${element.localName}.${element.className}`;

const pen = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d', {willReadFrequently: true});
const colour_of = (css) => {
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = css;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
  return {rgb: [red, green, blue], alpha: alpha / 255};
};
const over = (top, below) => top.rgb.map((value, band) => value * top.alpha + below[band] * (1 - top.alpha));
const behind = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(colour_of(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
};
const luminance = (rgb) => {
  const [red, green, blue] = rgb.map((value) => value / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ratio = (a, b) => {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
};

let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || !seen(element) || element.closest('.frame, .unseen, :disabled, noscript')) continue;
  const style = getComputedStyle(element);
  const size = parseFloat(style.fontSize);
  if (size === 0) continue;
  ++texts;
  const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
  const ground = behind(element);
  const has = ratio(over(colour_of(style.color), ground), ground);
  if (has < wanted) complaints.push(`${name_of(element)} “${node.data.trim().slice(0, 30)}”: ${has.toFixed(2)}:1, wants ${wanted}:1`);
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const box of range.getClientRects()) {
    if (box.right > innerWidth + 1 || box.left < -1) complaints.push(`${name_of(element)} sticks out of the window`);
  }
}
if (texts < 8) complaints.push(`only ${texts} texts were looked at`);

for (const element of document.querySelectorAll('button, input, select, .drop')) {
  if (!seen(element) || element.matches('#image, [type=radio], [type=range], :disabled')) continue;
  const style = getComputedStyle(element);
  const ground = behind(element.parentElement);
  const edge = over(colour_of(style.borderTopColor), ground);
  const face = over(colour_of(style.backgroundColor), ground);
  if (Math.max(ratio(edge, ground), ratio(face, ground)) < 3) complaints.push(`${name_of(element)}: its edge is below 3:1`);
}

for (const element of document.querySelectorAll('a[href], button, input, select')) {
  if (!seen(element) || element.matches('.unseen') || (element.localName === 'a' && !element.matches('.button'))) continue;
  const box = element.getBoundingClientRect();
  if (box.width < 24 || box.height < 24) complaints.push(`${name_of(element)} is ${box.width} by ${box.height} pixels`);
}

const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) complaints.push(`#${id} stands twice`);
for (const label of document.querySelectorAll('label')) if (!label.control) complaints.push(`${name_of(label)} labels nothing`);
for (const image of document.images) if (!image.hasAttribute('alt')) complaints.push(`${name_of(image)} has no alt`);
if (!document.documentElement.lang) complaints.push('the page has no language');
if (document.documentElement.scrollWidth > innerWidth) complaints.push(`wider than the window: ${document.documentElement.scrollWidth}`);
return complaints;
