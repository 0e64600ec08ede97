// The points drawn by WebGL2, each a small disc: one call for all of them.
//
// The two renderers (map-pixels.js is the other) have the same methods, and know nothing of words.

const VERTEX = `#version 300 es
in float startX, startY, endX, endY;
in vec4 color;
uniform float share, size, opacity, last;
uniform vec2 center, zoom;
out vec4 tint;
void main() {
  vec2 place = mix(vec2(startX, startY), vec2(endX, endY), share);
  gl_Position = vec4((place - center) * zoom, 0.0, 1.0);
  float rank = last - float(gl_VertexID);          // the most frequent words come last, on top
  float frequent = 1.0 - log(rank + 1.0) / log(last + 2.0);
  gl_PointSize = size * (0.8 + 1.2 * frequent);
  tint = vec4(color.rgb, opacity);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 tint;
out vec4 pixel;
void main() {
  float far = length(gl_PointCoord - 0.5) * 2.0;
  float inside = 1.0 - smoothstep(0.7, 1.0, far);
  if (inside <= 0.0) discard;
  pixel = vec4(tint.rgb, 1.0) * tint.a * inside;   // premultiplied
}`;

const FLOATS = ["startX", "startY", "endX", "endY"];

/** Return a renderer, or null where there is no WebGL2. `onLost` is called when the graphics card gives up. */
export function glRenderer(canvas, onLost) {
  const gl = canvas.getContext("webgl2", { antialias: false, depth: false, stencil: false, premultipliedAlpha: true });
  if (!gl) return null;
  const program = link(gl);
  if (!program) return null;
  const buffers = Object.fromEntries([...FLOATS, "color"].map((name) => [name, gl.createBuffer()]));
  const uniforms = Object.fromEntries(["share", "size", "opacity", "last", "center", "zoom"].map((name) => [name, gl.getUniformLocation(program, name)]));
  let count = 0;

  gl.useProgram(program);
  for (const [name, buffer] of Object.entries(buffers)) {
    const place = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    if (name === "color") gl.vertexAttribPointer(place, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    else gl.vertexAttribPointer(place, 1, gl.FLOAT, false, 0, 0);
  }
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    onLost();
  });

  const upload = (name, values) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  };
  return {
    name: "webgl2",
    /** Take the points, most frequent first: they move from `start` to `end`, each `{x, y}` of n floats. */
    setPoints(start, end) {
      count = end.x.length;
      upload("startX", start.x.toReversed());
      upload("startY", start.y.toReversed());
      upload("endX", end.x.toReversed());
      upload("endY", end.y.toReversed());
    },
    /** Take (n × 4) bytes of colours. */
    setColors(bytes) {
      const pixels = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
      upload("color", pixels.toReversed());
    },
    /** Draw what the camera sees; `share` of the way from start to end has been gone; `size` in CSS pixels. */
    draw(camera, { share, size, opacity, ratio }) {
      const width = Math.round(camera.width * ratio);
      const height = Math.round(camera.height * ratio);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      gl.viewport(0, 0, width, height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      if (!count) return;
      gl.uniform1f(uniforms.share, share);
      gl.uniform1f(uniforms.size, size * ratio);
      gl.uniform1f(uniforms.opacity, opacity);
      gl.uniform1f(uniforms.last, count - 1);
      gl.uniform2f(uniforms.center, camera.x, camera.y);
      gl.uniform2f(uniforms.zoom, (2 * camera.scale) / camera.width, (2 * camera.scale) / camera.height);
      gl.drawArrays(gl.POINTS, 0, count);
    },
  };
}

function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS)) return program;
  console.warn("WebGL2 cannot draw the map:", gl.getProgramInfoLog(program));
  return null;
}
