/**
 * The owner's page. Rules of this file:
 * 1. What people have written becomes text, never markup.
 * 2. What the page hides or disables is a courtesy; the server decides at every message.
 * 3. A device has done something once it says so, and not when it was told to.
 */

import { Connection } from "/wssec/client/wssec.js";

import { $, ask, make, showDoor, showState, tellEnding } from "/look/page.js";

import { Card } from "./cards.js";

const ANSWERED_WITHIN = 5_000;
const LOG_KEPT = 8;

let connection = null;
const cards = new Map(); // device → Card
const orders = new Map(); // command → {card, what, timer}

const capital = (name) => name[0].toUpperCase() + name.slice(1);

// --- coming and going ---

function atDoor() {
  const text = "A development server: choose who you are. There is no password.";
  showDoor($("door"), { title: "Hearth", text, entered: enter });
}

function enter() {
  sessionStorage.isSignedIn = "yes"; // whoever loads the page anew need not sign in again
  connection = new Connection("/ws/owner"); // a ticket for each attempt, bought by the cookie
  connection.on("device.reported", ({ device, readings }) => cards.get(device)?.show(readings));
  connection.on("device.seen", ({ device, online, at }) => see(device, online, new Date(at)));
  connection.on("device.acknowledged", answered);
  connection.open();
  showState(connection, $("status"), $("waiting"));
  connection.watch(({ name, reason }) => {
    if (name === "open") begin().catch(() => null); // the connection has ended again: the next one asks again
    if (name === "stopped") tellEnding(reason, { reopen: () => connection.open(), leave: startAnew });
  });
}

function startAnew() {
  delete sessionStorage.isSignedIn;
  location.reload();
}

/** After every connect: which devices there are, and whether they are there. */
async function begin() {
  const told = await connection.request("device.mine");
  $("app").hidden = false;
  $("me-name").textContent = capital(told.me);
  $("house-title").textContent = `${capital(told.me)}’s house`;
  for (const one of told.devices) take(one);
  showCount();
}

// --- devices ---

function take(one) {
  if (cards.has(one.device)) return cards.get(one.device).seen(one.online);
  const card = new Card(one, (settings, action) => order(one.device, settings, action), () => askRemoval(one.device));
  cards.set(one.device, card);
  $("devices").append(card.element);
  connection.subscribe(`device:${one.device}`, { since: 0 }).catch(() => null);
}

/** Live, or from the channel's history as the page is opened: so it says when that was. */
function see(device, isOnline, at) {
  const card = cards.get(device);
  if (!card) return;
  if (card.isOnline !== isOnline) card.tell("");
  card.seen(isOnline);
  log(`${card.label} ${isOnline ? "is here" : "has gone"}`, at);
  showCount();
}

function showCount() {
  const here = [...cards.values()].filter((card) => card.isOnline).length;
  $("house-text").textContent = cards.size ? `${here} of ${cards.size} online.` : "There is no device yet. Add the first.";
}

async function order(device, settings, action = "set") {
  const card = cards.get(device);
  const command = crypto.randomUUID();
  const timer = setTimeout(() => answered({ command, done: false, why: "no answer" }), ANSWERED_WITHIN);
  orders.set(command, { card, what: inWords(action, settings), timer });
  card.tell("…");
  try {
    const { online } = await connection.request("device.command", { device, command, action, settings });
    if (!online) answered({ command, done: false, why: "it is not here" });
  } catch ({ code }) {
    answered({ command, done: false, why: code });
  }
}

function answered({ command, done, why }) {
  const asked = orders.get(command);
  if (!asked) return;
  orders.delete(command);
  clearTimeout(asked.timer);
  asked.card.tell(done ? "Done" : `Not done: ${why}`, done ? "good" : "bad");
  log(`${asked.card.label}: ${asked.what}${done ? "" : `, not done: ${why}`}`);
}

function inWords(action, settings) {
  const [[name, value] = []] = Object.entries(settings);
  const words = { on: value ? "on" : "off", brightness: `${value} %`, target: `${value} °C` };
  return action === "set" ? words[name] : action;
}

function log(text, at = new Date()) {
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  $("log").prepend(make("li", "", "", make("time", "muted small", time), ` ${text}`));
  for (const old of [...$("log").children].slice(LOG_KEPT)) old.remove();
  $("log-empty").hidden = true;
}

// --- adding, removing ---

async function enrol(event) {
  event.preventDefault();
  const kind = new FormData($("enrol")).get("kind");
  $("enrol-error").textContent = "";
  try {
    const told = await connection.request("device.enrol", { kind, label: $("label").value.trim() });
    take({ ...told, online: false });
    showCount();
    $("pairing").textContent = JSON.stringify({ url: location.origin, device: told.device, kind, key: told.key }, null, 1);
    $("enrol").hidden = true;
    $("paired").hidden = false;
  } catch ({ code }) {
    $("enrol-error").textContent = code === "rate_limited" ? "Not so many at once." : "The server refused this name.";
  }
}

function askRemoval(device) {
  $("removing-title").textContent = `Remove ${cards.get(device).label}?`;
  $("removing-yes").onclick = async () => {
    $("removing").close();
    await connection.request("device.remove", { device }).then(
      () => dismiss(device),
      ({ code }) => cards.get(device).tell(`Not removed: ${code}`, "bad"),
    );
  };
  $("removing").showModal();
}

function dismiss(device) {
  const card = cards.get(device);
  cards.delete(device);
  card.element.remove();
  log(`${card.label} was removed, and is refused from now on`);
  showCount();
}

async function tryForeign(event) {
  event.preventDefault();
  const device = $("foreign-name").value.trim();
  const attempt = {
    command: () => connection.request("device.command", { device, command: crypto.randomUUID(), action: "set", settings: { on: 1 } }),
    watch: () => connection.subscribe(`device:${device}`),
    remove: () => connection.request("device.remove", { device }),
  }[event.submitter.value];
  $("foreign-told").textContent = await attempt().then(
    () => "The server has done it: this one is yours.",
    ({ code }) => `Refused: ${code}`,
  );
}

$("add").addEventListener("click", () => {
  $("enrol").reset();
  $("enrol").hidden = false;
  $("paired").hidden = true;
  $("pairing").textContent = "";
  $("adding").showModal();
  $("label").focus();
});
$("adding").addEventListener("close", () => ($("pairing").textContent = "")); // the key is nowhere any more
$("enrol").addEventListener("submit", enrol);
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("pairing").textContent);
  $("copy").textContent = "Copied";
});
$("foreign").addEventListener("submit", tryForeign);
for (const button of document.querySelectorAll("[data-closes]")) {
  button.addEventListener("click", () => $(button.dataset.closes).close());
}
$("sign-out").addEventListener("click", async () => {
  connection.close();
  await ask("POST", "/sign-out").catch(() => null); // without it the login ends in time
  startAnew();
});

if (sessionStorage.isSignedIn) enter();
else atDoor();
