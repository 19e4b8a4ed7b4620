// A customer's dashboard. Rules of this file:
// 1. The API key and the token live in the variables below and nowhere else: no storage, no cookie, no URL.
// 2. What comes from the server becomes text, never markup.

import { Connection, HttpRefused, ticket } from "/wssec/client/wssec.js";
import { $, button, make, showState, tellEnding } from "/look/page.js";
import { Chart, drawn, pathOf, told } from "./chart.js";
import { offerTricks } from "./tricks.js";

const SPAN = 15 * 60_000;
const STEP = 10_000; // what is kept, beside the newest second
const METRICS = {
  revenue: { title: "Revenue a minute", unit: " €", digits: 0 },
  orders: { title: "Orders a minute", unit: "", digits: 0 },
  visitors: { title: "Visitors now", unit: "", digits: 0 },
  conversion: { title: "Of whom buy", unit: " %", digits: 2 },
  latency: { title: "Answers, slowest of twenty", unit: " ms", digits: 0, limit: 180 },
  errors: { title: "Errors", unit: " %", digits: 2, limit: 0.55 },
};
const TILES = ["revenue", "orders", "visitors", "conversion"];
const CHARTS = ["revenue", "latency", "errors"];

let key = null;
let token = null;
let me = null; // {tenant, name, key}: the key's public id
let connection = null;
const points = new Map(); // metric → [[time, value], …], the oldest first
const tiles = new Map();
const charts = new Map();


// --- the key, the token ---

/** Exchange the key for a token of five minutes; done again before that ends. */
async function exchange() {
  const headers = { "Content-Type": "application/json", "X-Api-Key": key };
  const answer = await fetch("/token", { method: "POST", headers, body: "{}", cache: "no-store", redirect: "error" });
  if (!answer.ok) throw new HttpRefused(answer);
  me = await answer.json();
  token = me.token;
  return token;
}

async function enter(event) {
  event.preventDefault();
  key = $("api-key").value.trim();
  $("door-error").textContent = "";
  try {
    if (!/^[!-~]{16,512}$/.test(key)) throw new HttpRefused({ status: 401, headers: new Headers() });
    await exchange();
  } catch ({ status }) {
    key = null;
    $("door-error").textContent = status === 401 ? "This key opens nothing. It may have been revoked." : "The server does not answer as it should.";
    return;
  }
  $("api-key").value = "";
  $("door").hidden = true;
  $("board").hidden = false;
  $("name").textContent = me.name;
  $("key").textContent = me.key;
  showPanes();
  connect();
}

function leave() {
  connection?.close();
  key = token = me = connection = null;
  points.clear();
  $("alarms").replaceChildren();
  $("no-alarms").hidden = false;
  showDoor();
}

// --- the connection ---

function connect() {
  connection = new Connection("/ws/dashboard", { credential: ticket({ token: () => token }), renew: exchange });
  connection.on("dashboard.figures", hear);
  connection.on("dashboard.alarm", showAlarm);
  connection.on("wssec.gap", ask);
  showState(connection, $("status"), $("banner"));
  connection.watch(({ name, reason }) => name === "stopped" && tellEnding(reason, { reopen: () => connection.open(), leave }));
  connection.subscribe(`tenant:${me.tenant}:dashboard:overview`).then(ask, () => {});
  connection.subscribe(`tenant:${me.tenant}:alarms`);
  connection.open();
  offerTricks({ me, credential: ticket({ token: () => token }) });
}

/** What was measured before; what is new comes by itself. */
function ask() {
  const since = new Date(Date.now() - SPAN).toISOString();
  const metrics = Object.keys(METRICS);
  connection.request("dashboard.ask", { dashboard: "overview", metrics, since, step: "10s", most: 90 }).catch(() => {});
}

// --- figures ---

function hear({ series }) {
  const since = Date.now() - SPAN;
  for (const { metric, samples } of series) {
    const known = new Map(points.get(metric) ?? []);
    for (const { at, value } of samples) if (value !== null) known.set(Date.parse(at), value);
    const sorted = [...known].filter(([at]) => at >= since).sort(([one], [other]) => one - other);
    points.set(metric, sorted.filter(([at], number) => at % STEP === 0 || number === sorted.length - 1));
  }
  requestAnimationFrame(draw);
}

function draw() {
  for (const name of TILES) drawTile(name);
  for (const name of CHARTS) charts.get(name).draw(points.get(name) ?? []);
}

function drawTile(name) {
  const mine = points.get(name);
  if (!mine?.length) return;
  const { figure, change, spark } = tiles.get(name);
  const { unit, digits } = METRICS[name];
  const now = mine.at(-1)[1];
  const usual = mine.reduce((sum, [, value]) => sum + value, 0) / mine.length;
  const percent = (100 * (now - usual)) / usual;
  figure.textContent = `${told(now, digits)}${unit}`;
  change.textContent = `${told(Math.abs(percent), 1)} % ${percent < 0 ? "below" : "above"} usual`;
  change.dataset.way = percent < 0 ? "down" : "up";
  const values = mine.map(([, value]) => value);
  const [low, high, first, last] = [Math.min(...values), Math.max(...values), mine[0][0], mine.at(-1)[0]];
  spark.setAttribute("d", pathOf(mine, (at) => (120 * (at - first)) / (last - first || 1), (value) => 30 - (28 * (value - low)) / (high - low || 1)));
}

function showPanes() {
  $("tiles").replaceChildren(...TILES.map(tileOf));
  for (const name of CHARTS) if (!charts.has(name)) charts.set(name, new Chart($(`chart-${name}`), METRICS[name]));
}

function tileOf(name) {
  const svg = drawn("svg", { class: "spark", viewBox: "0 0 120 32", preserveAspectRatio: "none", "aria-hidden": "true" });
  const spark = svg.appendChild(drawn("path"));
  const [figure, change] = [make("p", "amount", "–"), make("p", "change small")];
  tiles.set(name, { figure, change, spark });
  return make("section", "pane tile", "", make("h2", "", METRICS[name].title), figure, change, svg);
}

function showAlarm({ metric, severity, value, threshold, at }) {
  const id = `alarm-${metric}-${Date.parse(at)}`;
  if ($(id)) return; // after a reconnect it is told again
  const { title, unit, digits } = METRICS[metric];
  const text = make("span", "", "", make("strong", "", title), ` ${told(value, digits)}${unit}, above ${told(threshold, digits)}${unit}`);
  const item = make("li", "alarm", "", text, make("time", "muted small", new Date(at).toLocaleTimeString("en-GB")));
  item.id = id;
  item.dataset.severity = severity;
  $("no-alarms").hidden = true;
  $("alarms").prepend(item);
  if ($("alarms").childElementCount > 6) $("alarms").lastElementChild.remove();
}

// --- the door ---

async function showDoor() {
  $("board").hidden = true;
  $("door").hidden = false;
  const answer = await fetch("/demo-keys", { cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return; // a product has no such thing
  const { customers } = await answer.json();
  $("demo").hidden = false;
  $("customers").replaceChildren(...customers.map(customerOf));
}

function customerOf({ tenant, name }) {
  const beOne = async () => {
    const body = JSON.stringify({ tenant });
    const answer = await fetch("/demo-keys", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (answer.ok) $("api-key").value = (await answer.json()).key;
    $("api-key").focus();
  };
  return make("li", "", "", button(name, beOne, "quiet"));
}

$("show").addEventListener("submit", enter);
$("leave").addEventListener("click", leave);
showDoor();
