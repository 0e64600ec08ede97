// The points painted pixel by pixel on a canvas, for browsers without WebGL2 (map-gl.js has the words on each
// method). Squares instead of discs; everything else is the same.

/** Return a renderer. */
export function pixelRenderer(canvas) {
  const context = canvas.getContext("2d");
  let start = null;
  let end = null;
  let colors = null; // one 32-bit number a point, as it stands in memory
  let image = null;
  return {
    name: "canvas",
    setPoints(from, to) {
      start = from;
      end = to;
    },
    setColors(bytes) {
      colors = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    },
    draw(camera, { share, size, opacity, ratio }) {
      const width = Math.round(camera.width * ratio);
      const height = Math.round(camera.height * ratio);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      if (image?.width !== width || image?.height !== height) image = context.createImageData(width, height);
      const pixels = new Uint32Array(image.data.buffer);
      pixels.fill(0);
      if (end && colors) {
        paint(pixels, width, height, { start, end, colors: faded(colors, opacity), share, camera, ratio, side: Math.max(1, Math.round(size * ratio)) });
      }
      context.putImageData(image, 0, 0);
    },
  };
}

/** Return colours with their opacity (the last byte in memory) changed. */
function faded(colors, opacity) {
  const alpha = new Uint32Array(new Uint8Array([0, 0, 0, Math.round(255 * opacity)]).buffer)[0];
  const rest = new Uint32Array(new Uint8Array([255, 255, 255, 0]).buffer)[0];
  return (point) => ((colors[point] & rest) | alpha) >>> 0;
}

/** Paint squares of `side` device pixels, the most frequent words last. */
function paint(pixels, width, height, { start, end, colors, share, camera, ratio, side }) {
  const scale = camera.scale * ratio;
  const left = width / 2 - camera.x * scale - side / 2;
  const top = height / 2 + camera.y * scale - side / 2;
  for (let point = end.x.length - 1; point >= 0; point--) {
    const x = start.x[point] + share * (end.x[point] - start.x[point]);
    const y = start.y[point] + share * (end.y[point] - start.y[point]);
    const column = Math.round(left + x * scale);
    const row = Math.round(top - y * scale);
    if (column < 0 || row < 0 || column + side > width || row + side > height) continue;
    const pixel = colors(point);
    for (let line = 0; line < side; line++) {
      const from = (row + line) * width + column;
      pixels.fill(pixel, from, from + side);
    }
  }
}
