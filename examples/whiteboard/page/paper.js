/** The sheet: strokes in the board's own units, drawn on a canvas of whatever size. It knows nothing of the server. */

export const SIZE = { width: 1600, height: 1000 };
const MOST_POINTS = 200; // as the schema has it
const LEAST_STEP = 2.5; // units between two points of a pen
const REVEAL = 260; // milliseconds in which a stroke of somebody else's appears

export class Paper {
  #canvas;
  #strokes = new Map(); // author/id → stroke, in the order in which they were drawn
  #born = new Map();
  #draft = null;
  #isAsked = false;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  get count() {
    return this.#strokes.size;
  }

  /** Put a stroke on the sheet; `isNew` lets it appear as if it were drawn just now. */
  add(stroke, isNew = false) {
    const key = keyOf(stroke.author, stroke.stroke);
    if (isNew && !this.#strokes.has(key) && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#born.set(key, performance.now());
    }
    this.#strokes.set(key, stroke);
    this.#ask();
  }

  /** Take an author's own stroke away; nobody else's is, whatever its id. */
  remove(author, id) {
    this.#strokes.delete(keyOf(author, id));
    this.#ask();
  }

  clear() {
    this.#strokes.clear();
    this.#ask();
  }

  /** The id of the last stroke of an author. */
  lastOf(author) {
    return [...this.#strokes.values()].filter((one) => one.author === author).at(-1)?.stroke;
  }

  /** What is being drawn, and is nobody else's business yet; null ends it. */
  set draft(stroke) {
    this.#draft = stroke;
    this.#ask();
  }

  /** A place in the window → in units of the board. */
  place({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    return within({
      x: ((clientX - box.left) / box.width) * SIZE.width,
      y: ((clientY - box.top) / box.height) * SIZE.height,
    });
  }

  /** As large as its parent allows; the canvas has as many pixels as the screen. */
  fit(width, height) {
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#paint();
  }

  #ask() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#isAsked = false;
    const context = this.#canvas.getContext("2d");
    const scale = this.#canvas.width / SIZE.width;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const now = performance.now();
    for (const [key, stroke] of this.#strokes) draw(context, stroke, this.#shown(key, now));
    if (this.#draft) draw(context, this.#draft, 1);
    if (this.#born.size) this.#ask();
  }

  #shown(key, now) {
    const born = this.#born.get(key);
    if (born === undefined) return 1;
    const part = (now - born) / REVEAL;
    if (part >= 1) this.#born.delete(key);
    return Math.min(1, Math.max(0, part));
  }
}

/** The points of a stroke with one more, as few as will do: a pen's are thinned out, a shape has two. */
export function extended(shape, points, point) {
  if (shape !== "freehand") return [points[0], point];
  const last = points.at(-1);
  if (Math.hypot(point.x - last.x, point.y - last.y) < LEAST_STEP) return points;
  const kept = points.length < MOST_POINTS ? points : points.filter((_, index) => index % 2 === 0);
  return [...kept, point];
}

/** A place on the board, in tenths. */
export function within({ x, y }) {
  const round = (value, most) => Math.round(Math.min(most, Math.max(0, value)) * 10) / 10;
  return { x: round(x, SIZE.width), y: round(y, SIZE.height) };
}

function keyOf(author, id) {
  return `${author}/${id}`;
}

function draw(context, { shape, points, color, style }, part) {
  context.strokeStyle = color;
  context.lineWidth = style.width;
  context.globalAlpha = style.opacity ?? 1;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  const last = points.at(-1);
  if (shape === "freehand") pen(context, points.slice(0, Math.max(1, Math.ceil(points.length * part))));
  else if (shape === "rectangle") context.rect(points[0].x, points[0].y, last.x - points[0].x, last.y - points[0].y);
  else if (shape === "ellipse") ellipse(context, points[0], last);
  else line(context, points[0], last, part, shape === "arrow" ? 12 + style.width * 2 : 0);
  context.stroke();
  context.globalAlpha = 1;
}

function pen(context, points) {
  context.moveTo(points[0].x, points[0].y);
  if (points.length === 1) context.lineTo(points[0].x + 0.1, points[0].y);
  for (let at = 1; at < points.length; at++) {
    const [from, to] = [points[at - 1], points[at]];
    context.quadraticCurveTo(from.x, from.y, (from.x + to.x) / 2, (from.y + to.y) / 2);
  }
  context.lineTo(points.at(-1).x, points.at(-1).y);
}

function ellipse(context, from, to) {
  const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  context.ellipse(x, y, Math.abs(to.x - from.x) / 2, Math.abs(to.y - from.y) / 2, 0, 0, 2 * Math.PI);
}

function line(context, from, to, part, head) {
  const end = { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
  context.moveTo(from.x, from.y);
  context.lineTo(end.x, end.y);
  const angle = Math.atan2(end.y - from.y, end.x - from.x);
  for (const turn of head ? [-0.45, 0.45] : []) {
    context.moveTo(end.x, end.y);
    context.lineTo(end.x - head * Math.cos(angle + turn), end.y - head * Math.sin(angle + turn));
  }
}
