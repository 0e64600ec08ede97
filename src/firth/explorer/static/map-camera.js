// Which part of the map is seen: a centre in the map's coordinates and a scale in pixels a unit.

const CLOSEST = 4000; // times as close as the whole map

export class Camera {
  x = 0;
  y = 0;
  scale = 1;
  width = 1;
  height = 1;
  bounds = { left: -1, right: 1, bottom: -1, top: 1 };

  /** Take the size of the stage, in CSS pixels; the part that is seen keeps its centre and its width. */
  resize(width, height) {
    const zoom = this.zoom;
    this.width = Math.max(width, 1);
    this.height = Math.max(height, 1);
    this.scale = zoom * this.fitting;
  }

  /** The scale at which the whole map is seen. */
  get fitting() {
    const { left, right, bottom, top } = this.bounds;
    return 0.92 * Math.min(this.width / (right - left || 1), this.height / (top - bottom || 1));
  }

  /** How much closer than the whole map. */
  get zoom() {
    return this.scale / this.fitting;
  }

  /** Where to look to see all of the map: `{x, y, scale}`. */
  get whole() {
    const { left, right, bottom, top } = this.bounds;
    return { x: (left + right) / 2, y: (bottom + top) / 2, scale: this.fitting };
  }

  fit() {
    Object.assign(this, this.whole);
  }

  screenX(x) {
    return this.width / 2 + (x - this.x) * this.scale;
  }

  screenY(y) {
    return this.height / 2 - (y - this.y) * this.scale;
  }

  /** Return the map's coordinates of a pixel. */
  world(screenX, screenY) {
    return { x: this.x + (screenX - this.width / 2) / this.scale, y: this.y - (screenY - this.height / 2) / this.scale };
  }

  /** Move what is seen by pixels. */
  pan(dx, dy) {
    this.put(this.x - dx / this.scale, this.y + dy / this.scale, this.scale);
  }

  /** Zoom so that what is under a pixel stays there. */
  zoomAt(factor, screenX, screenY) {
    const before = this.world(screenX, screenY);
    this.put(this.x, this.y, this.scale * factor);
    const after = this.world(screenX, screenY);
    this.put(this.x + before.x - after.x, this.y + before.y - after.y, this.scale);
  }

  /** Look at a place; never further than the map goes, nor closer or wider than makes sense. */
  put(x, y, scale) {
    const { left, right, bottom, top } = this.bounds;
    this.scale = Math.min(Math.max(scale, 0.5 * this.fitting), CLOSEST * this.fitting);
    this.x = Math.min(Math.max(x, left), right);
    this.y = Math.min(Math.max(y, bottom), top);
  }

  /** Return the camera as it stands in an address: "x,y,zoom"; null where the whole map is seen. */
  written() {
    const { whole } = this;
    const still = Math.abs(whole.x - this.x) * this.scale < 1 && Math.abs(whole.y - this.y) * this.scale < 1;
    if (still && Math.abs(this.zoom - 1) < 0.01) return null;
    return `${this.x.toFixed(4)},${this.y.toFixed(4)},${this.zoom.toPrecision(4)}`;
  }

  /** Return `{x, y, scale}` of such a text, or null. */
  read(text) {
    const [x, y, zoom] = (text ?? "").split(",").map(Number);
    return [x, y, zoom].every(Number.isFinite) && zoom > 0 ? { x, y, scale: zoom * this.fitting } : null;
  }
}
