// What prices look like: a line in a row, a larger one with an area, and a ladder.

import { make } from "/look/page.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 0.12; // of the height, above and below the line

/** The path of a line through values that ends at the right edge; `most` values fill the width. */
export function pathOf(values, most, width, height) {
  if (values.length < 2) return "";
  const { y } = scaleOf(values, height);
  const step = width / (most - 1);
  const from = width - (values.length - 1) * step;
  return values.map((value, at) => `${at ? "L" : "M"}${(from + at * step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
}

/** Where a value is, in a drawing of this height that shows all of these. */
export function scaleOf(values, height) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const spread = high - low || 1;
  return { low, high, y: (value) => height * (1 - MARGIN) - ((value - low) / spread) * height * (1 - 2 * MARGIN) };
}

/** A small drawing without axes, for a row. */
export function sparkline() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 58 28");
  svg.setAttribute("class", "spark");
  svg.setAttribute("aria-hidden", "true");
  const path = svg.appendChild(document.createElementNS(SVG, "path"));
  return { svg, draw: (values) => path.setAttribute("d", pathOf(values, 120, 58, 28)) };
}

/** One side of the ladder; `choose` is told the price that somebody presses. */
export function rungs(body, levels, most, choose) {
  while (body.rows.length < levels.length) body.append(rung(choose));
  while (body.rows.length > levels.length) body.deleteRow(-1);
  levels.forEach(({ price, quantity }, at) => {
    const row = body.rows[at];
    const button = row.firstChild.firstChild;
    if (button.textContent !== price) button.textContent = price;
    row.lastChild.textContent = quantity.toLocaleString("en-GB");
    row.style.setProperty("--share", `${Math.round((100 * quantity) / most)}%`);
  });
}

function rung(choose) {
  const button = make("button", "rung");
  button.type = "button";
  button.title = "Use as limit";
  button.addEventListener("click", () => choose(button.textContent));
  return make("tr", "", "", make("td", "", "", button), make("td"));
}
