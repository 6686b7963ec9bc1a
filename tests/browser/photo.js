// The body of an async function: makes a JPEG as a camera would, hills over a lake in the evening, and comes to its
// base64. given: width, height, seed, quality. The same seed makes the same picture in the same browser.
const [width, height, seed, quality] = given;
const canvas = Object.assign(document.createElement('canvas'), {width, height});
const pen = canvas.getContext('2d');
let dice = seed >>> 0 || 1;
const roll = () => {
  dice ^= dice << 13; dice >>>= 0;
  dice ^= dice >>> 17;
  dice ^= dice << 5; dice >>>= 0;
  return dice / 2 ** 32;
};
const shade = (from, to, ...stops) => {
  const made = pen.createLinearGradient(0, from, 0, to);
  stops.forEach((colour, index) => made.addColorStop(index / (stops.length - 1), colour));
  return made;
};

const shore = height * 0.7;
pen.fillStyle = shade(0, shore, '#27436b', '#6d7fa8', '#e3a98b', '#fbd9a0');
pen.fillRect(0, 0, width, shore);
const sun = pen.createRadialGradient(width * 0.66, shore * 0.8, 0, width * 0.66, shore * 0.8, width * 0.3);
[[0, 'rgb(255 250 225)'], [0.09, 'rgb(255 240 200 / 95%)'], [0.2, 'rgb(255 214 150 / 40%)'], [1, 'rgb(255 200 140 / 0%)']]
  .forEach(([at, colour]) => sun.addColorStop(at, colour));
pen.fillStyle = sun;
pen.fillRect(0, 0, width, shore);

['#8a86a5', '#5d688c', '#3c4f6c', '#22384a'].forEach((colour, layer) => {
  const base = shore - height * (0.2 - layer * 0.052);
  const phases = [roll() * 7, roll() * 7, roll() * 7];
  pen.beginPath();
  pen.moveTo(0, shore);
  for (let x = 0; x <= width; x += 2) {
    const u = x / width;
    const rise = Math.sin(u * (4 + layer) + phases[0]) * 0.05 + Math.sin(u * 13 + phases[1]) * 0.018 +
      Math.sin(u * 47 + phases[2]) * 0.005;
    pen.lineTo(x, base - height * rise * (1 - layer * 0.15));
  }
  pen.lineTo(width, shore);
  pen.fillStyle = colour;
  pen.fill();
});

pen.save();  // the lake: what is above it, upside down and darker
pen.translate(0, shore * 2);
pen.scale(1, -1);
pen.drawImage(canvas, 0, 0, width, shore, 0, 0, width, shore);
pen.restore();
pen.fillStyle = shade(shore, height, 'rgb(24 42 66 / 30%)', 'rgb(12 24 38 / 80%)');
pen.fillRect(0, shore, width, height - shore);
pen.fillStyle = 'rgb(255 225 180 / 14%)';
for (let i = 0; i < 240; ++i) {
  const y = shore + (height - shore) * roll() ** 1.6;
  pen.fillRect(width * (0.66 + (roll() - 0.5) * 0.5), y, width * 0.06 * roll(), 1 + (y - shore) / height * 9);
}

const pixels = pen.getImageData(0, 0, width, height);
for (let i = 0; i < pixels.data.length; i += 4) {
  const grain = (roll() - 0.5) * 22;
  for (let band = 0; band < 3; ++band) pixels.data[i + band] += grain;
}
pen.putImageData(pixels, 0, 0);
const url = canvas.toDataURL('image/jpeg', quality);
return url.slice(url.indexOf(',') + 1);
