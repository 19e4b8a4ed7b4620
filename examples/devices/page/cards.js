// How a device looks: a card made of a template, and what is shown of its readings. Names become text, never markup.

import { $ } from "/look/page.js";

const KEPT = 40;

/** A card; `order(settings, action)` has the device do something, `remove()` asks whether it should go. */
export class Card {
  #points = [];

  constructor({ device, kind, label, online }, order, remove) {
    this.element = $(kind).content.cloneNode(true).firstElementChild;
    this.kind = kind;
    this.label = label;
    this.$("h2").textContent = label;
    this.$("code").textContent = this.$("code").title = device;
    this.$(".locate").addEventListener("click", () => order({}, "locate"));
    this.$(".remove").addEventListener("click", remove);
    if (kind === "lamp") this.#furnishLamp(order);
    else this.#furnishThermostat(order);
    this.seen(online);
  }

  $(selector) {
    return this.element.querySelector(selector);
  }

  seen(isOnline) {
    this.isOnline = isOnline;
    this.element.dataset.online = String(isOnline);
    this.$(".presence").textContent = isOnline ? "online" : "offline";
    this.$(".presence").dataset.tone = isOnline ? "good" : "";
    for (const control of this.element.querySelectorAll("input, .steps button, .locate")) control.disabled = !isOnline;
  }

  /** What became of an order. */
  tell(text, way = "") {
    this.$(".outcome").textContent = text;
    this.$(".outcome").dataset.way = way;
  }

  show(readings) {
    const values = Object.fromEntries(readings.map(({ sensor, value }) => [sensor, value]));
    if (this.kind === "lamp") this.#showLamp(values);
    else this.#showThermostat(values);
  }

  #furnishLamp(order) {
    this.$(".on").setAttribute("aria-label", `${this.label}: on`);
    this.$(".brightness").setAttribute("aria-label", `${this.label}: brightness`);
    this.$(".on").addEventListener("change", ({ target }) => order({ on: target.checked ? 1 : 0 }));
    this.$(".brightness").addEventListener("change", ({ target }) => order({ brightness: Number(target.value) }));
  }

  #showLamp({ on, brightness, power }) {
    this.$(".value").textContent = on ? `${brightness} %` : "Off";
    this.$(".extra").textContent = `${power.toFixed(1)} W`;
    this.element.dataset.on = String(Boolean(on));
    this.element.style.setProperty("--bright", String(on ? 0.25 + (0.75 * brightness) / 100 : 0));
    if (document.activeElement !== this.$(".on")) this.$(".on").checked = Boolean(on);
    if (document.activeElement !== this.$(".brightness")) this.$(".brightness").value = String(brightness);
  }

  #furnishThermostat(order) {
    const step = (by) => order({ target: Math.min(30, Math.max(5, (this.target ?? 20) + by)) });
    this.$(".colder").addEventListener("click", () => step(-0.5));
    this.$(".warmer").addEventListener("click", () => step(0.5));
  }

  #showThermostat({ temperature, target }) {
    this.target = target;
    this.$(".value").textContent = `${temperature.toFixed(1)} °C`;
    this.$(".extra").textContent = Math.abs(target - temperature) < 0.3 ? "as wanted" : target > temperature ? "heating" : "cooling down";
    this.$(".target").textContent = `${target.toFixed(1)} °C`;
    this.#points = [...this.#points, temperature].slice(-KEPT);
    this.#draw(target);
  }

  #draw(target) {
    const [least, most] = [Math.min(target, ...this.#points) - 0.5, Math.max(target, ...this.#points) + 0.5];
    const y = (value) => (92 - ((value - least) / (most - least)) * 84).toFixed(1);
    const x = (index) => (((KEPT - this.#points.length + index) / (KEPT - 1)) * 240).toFixed(1); // the newest at the right
    const curve = this.#points.map((value, index) => `${index ? "L" : "M"}${x(index)} ${y(value)}`).join("");
    this.$(".curve").setAttribute("d", curve);
    this.$(".area").setAttribute("d", `${curve}L240 96L${x(0)} 96Z`);
    this.$(".level").setAttribute("d", `M0 ${y(target)}H240`);
  }
}
