// A line over time, drawn as SVG: no library, no style that the page's policy would refuse.

import { make } from "/look/page.js";

const SVG = "http://www.w3.org/2000/svg";
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 8, 10, 22];
const TICKS = 3;

export function drawn(tag, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

/** A number for people. */
export function told(value, digits) {
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const clock = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** The path of a line through [time, value] pairs. */
export function pathOf(points, x, y) {
  return points.map(([at, value], number) => `${number ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
}

/** A chart that fills its host; `draw(points)` shows [time, value] pairs, `limit` a line that should not be crossed. */
export class Chart {
  #host;
  #svg = drawn("svg", { role: "img" });
  #tip = make("p", "tip");
  #points = [];
  #what;

  constructor(host, what) {
    this.#host = host;
    this.#what = what;
    this.#tip.hidden = true;
    host.replaceChildren(this.#svg, this.#tip);
    new ResizeObserver(() => this.draw(this.#points)).observe(host);
    host.addEventListener("pointermove", (event) => this.#point(event));
    host.addEventListener("pointerleave", () => (this.#tip.hidden = true));
  }

  draw(points) {
    this.#points = points;
    const [width, height] = [this.#host.clientWidth, this.#host.clientHeight];
    if (points.length < 2 || width === 0) return;
    const { x, y, steps } = this.#scales(width, height);
    const line = pathOf(points, x, y);
    const bottom = height - BOTTOM;
    const area = `${line}V${bottom}H${x(points[0][0]).toFixed(1)}Z`;
    const [last, value] = points.at(-1);
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.setAttribute("aria-label", `${this.#what.title}: now ${this.#words(value)}`);
    this.#svg.replaceChildren(
      ...steps.flatMap((step) => [
        drawn("path", { class: "grid", d: `M${LEFT} ${y(step).toFixed(1)}H${width - RIGHT}` }),
        drawn("text", { class: "tick", x: LEFT - 8, y: y(step) + 4, "text-anchor": "end" }, told(step, this.#what.digits)),
      ]),
      ...this.#times(width).map((at) => drawn("text", { class: "tick", x: x(at), y: height - 4, "text-anchor": "middle" }, clock(at))),
      drawn("path", { class: "area", d: area }),
      drawn("path", { class: "line", d: line }),
      ...(this.#what.limit ? [drawn("path", { class: "limit", d: `M${LEFT} ${y(this.#what.limit).toFixed(1)}H${width - RIGHT}` })] : []),
      drawn("circle", { class: "dot", cx: x(last), cy: y(value), r: 4 }),
    );
  }

  #scales(width, height) {
    const values = this.#points.map(([, value]) => value).concat(this.#what.limit ?? []);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const step = round((high - low) / TICKS || 1);
    const [from, to] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
    const [first, last] = [this.#points[0][0], this.#points.at(-1)[0]];
    return {
      steps: Array.from({ length: Math.round((to - from) / step) + 1 }, (_, number) => from + number * step),
      x: (at) => LEFT + ((at - first) / (last - first)) * (width - LEFT - RIGHT),
      y: (value) => height - BOTTOM - ((value - from) / (to - from || 1)) * (height - TOP - BOTTOM),
    };
  }

  #times(width) {
    const [first, last] = [this.#points[0][0], this.#points.at(-1)[0]];
    const every = (width > 420 ? 3 : 5) * 60_000;
    const found = [];
    for (let at = Math.ceil(first / every) * every; at <= last; at += every) found.push(at);
    return found.filter((at) => at - first > (last - first) / 20 && last - at > (last - first) / 25);
  }

  #point(event) {
    if (this.#points.length < 2) return;
    const share = (event.offsetX - LEFT) / (this.#host.clientWidth - LEFT - RIGHT);
    const [first, last] = [this.#points[0][0], this.#points.at(-1)[0]];
    const wanted = first + share * (last - first);
    const [at, value] = this.#points.reduce((best, one) => (Math.abs(one[0] - wanted) < Math.abs(best[0] - wanted) ? one : best));
    this.#tip.textContent = `${new Date(at).toLocaleTimeString("en-GB")}  ${this.#words(value)}`;
    this.#tip.style.left = `${Math.min(Math.max(event.offsetX, 70), this.#host.clientWidth - 70)}px`;
    this.#tip.hidden = false;
  }

  #words(value) {
    return `${told(value, this.#what.digits)}${this.#what.unit}`;
  }
}

/** The next of 1, 2, 2.5, 5, 10 … that is not smaller. */
function round(step) {
  const ten = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 2.5, 5, 10].find((each) => each * ten >= step * 0.999) * ten;
}
