/**
 * The operations page. Rules of this file:
 * 1. Whatever comes from the server becomes text, never markup: `textContent` alone, and the page's policy sees to it.
 * 2. It asks, the server answers: nothing is asked for while nobody looks at the page.
 * 3. What is hidden is a courtesy; the server decides at every message. Nothing is done without being confirmed.
 */

const OVERVIEW_EVERY = 3_000;
const LIST_EVERY = 5_000;
const AUDIT_EVERY = 1_000;
const TRUST_EVERY = 5_000;
const SPREAD_EVERY = 300;
const TYPED_AFTER = 150;
const SPREAD_MOST = 100;
const ANSWER_WITHIN = 10_000;
const LONGEST_WAIT = 15_000;
const LINES_KEPT = 300;
const SAMPLES_KEPT = 720;
const STAGES_SHOWN = 5;
const MUTE_SECONDS = 3_600;

const { base, csrf, mayAct } = document.body.dataset;
const $ = (id) => document.getElementById(id);

// --- words ---

const whole = new Intl.NumberFormat("en");
const number = (value) => (value === null || value === undefined ? "–" : whole.format(Math.round(value)));

function bytes(value) {
  if (!value) return "0";
  const step = Math.min(3, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** step).toFixed(step && value / 1024 ** step < 100 ? 1 : 0)} ${["B", "KiB", "MiB", "GiB"][step]}`;
}

function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  for (const [unit, size] of [["d", 86_400], ["h", 3_600], ["min", 60]]) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

const clock = (wall) => new Date(wall * 1000).toLocaleTimeString("en-GB");

// --- elements ---

function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Put a text in place only where it differs, so that nothing is read out, or selected, in vain. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Make the rows of a table body those of `rows`; a row that stays keeps its element, and so the focus in it. */
function fill(body, rows, keyOf, cellsOf) {
  if (!rows.length && body.dataset.none) {
    if (!body.querySelector(".none")) {
      const cell = make("td", "none", body.dataset.none);
      cell.colSpan = 9;
      body.replaceChildren(make("tr", "", cell));
    }
    return;
  }
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  const wanted = new Set(rows.map((row) => String(keyOf(row))));
  for (const row of [...body.children]) if (!wanted.has(row.dataset.key)) row.remove();
  rows.forEach((data, at) => {
    const key = String(keyOf(data));
    const row = (wanted.delete(key) && known.get(key)) || make("tr");
    row.dataset.key = key;
    cellsOf(data).forEach((cell, column) => {
      const element = row.children[column] ?? row.appendChild(make("td"));
      const { text = cell, open = null, isNumber = false } = cell?.text === undefined ? {} : cell;
      element.classList.toggle("number", isNumber);
      let inner = element;
      if (open !== null) {
        inner = element.querySelector("button") ?? element.appendChild(make("button", "open"));
        inner.type = "button";
        inner.onclick = () => open(data);
      }
      say(inner, String(text ?? ""));
    });
    row.toggleAttribute("data-closing", data.closing === true);
    if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
  });
}

const count = (value) => ({ text: number(value), isNumber: true });

// --- the socket ---

let socket = null;
let ids = 0;
let failures = 0;
let isOver = false;
let retry = 0;
const pending = new Map();

function ask(type, data = {}) {
  if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Error("not connected"));
  const id = `m${++ids}`;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(id, { type: "error", detail: "No answer came." }), ANSWER_WITHIN);
    pending.set(id, { resolve, reject, timer });
    socket.send(JSON.stringify({ type, id, data }));
  });
}

function settle(id, message) {
  const waiting = pending.get(id);
  if (waiting === undefined) return;
  pending.delete(id);
  clearTimeout(waiting.timer);
  if (message.type === "error") {
    const faults = Object.values(message.fields ?? {}).flat().join(" ");
    waiting.reject(new Error([message.detail, faults].filter(Boolean).join(" ")));
  } else waiting.resolve(message.data);
}

function connect() {
  clearTimeout(retry);
  if (isOver || (socket !== null && socket.readyState <= WebSocket.OPEN)) return;
  const url = new URL(`${base}/socket`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url, csrf ? ["wssec.v1", `wssec.csrf.${csrf}`] : ["wssec.v1"]);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "wssec.ready") {
      samples.length = seen = 0; // another process may answer now
      $("audit-lines").replaceChildren();
      begin();
    }
    else if (message.id !== undefined) settle(message.id, message);
  };
  socket.onclose = ({ code }) => lost(code);
}

function begin() {
  failures = 0;
  tellState("open", "Live");
  for (const each of [look, list, trust, tail]) each();
}

async function lost(code) {
  for (const id of [...pending.keys()]) settle(id, { type: "error", detail: "The connection is gone." });
  if (isOver) return;
  tellState("waiting", "Not connected");
  if (code >= 4000 && await hasEnded()) return end();
  if (document.hidden) return; // whoever comes back to the page connects
  const wait = Math.min(LONGEST_WAIT, 1_000 * 2 ** failures++);
  retry = setTimeout(async () => (failures > 2 && await hasEnded() ? end() : connect()), Math.random() * wait + 250);
}

/** Whether the page itself would not be shown any more. */
async function hasEnded() {
  try {
    const response = await fetch(base, { redirect: "manual", cache: "no-store" });
    return response.type === "opaqueredirect" || response.status === 401 || response.status === 403;
  } catch {
    return false;
  }
}

function end() {
  isOver = true;
  tellState("ended", "Signed out");
  tellFault("You are signed out, or may not see this page any more. Load it anew.");
}

function tellState(state, text) {
  $("status").dataset.state = state;
  say($("status"), text);
}

function tellFault(text) {
  $("fault").hidden = !text;
  say($("fault"), text);
}

/** Ask again and again, while somebody looks and somebody answers. */
function every(milliseconds, question) {
  setInterval(() => document.hidden || socket?.readyState !== WebSocket.OPEN || question(), milliseconds);
}

/** Do it, unless it is being done. What fails is tried again at the next turn, and says so at the top until then. */
function once(work) {
  let isBusy = false;
  return async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      await work();
    } catch (error) {
      if (socket?.readyState === WebSocket.OPEN) tellFault(error.message);
    } finally {
      isBusy = false;
    }
  };
}

// --- now ---

const samples = [];

const look = once(async () => {
  const since = samples.length ? samples[samples.length - 1][0] : 0;
  const now = await ask("ops.overview", { since });
  samples.push(...now.samples);
  samples.splice(0, samples.length - SAMPLES_KEPT);
  tellFault(now.fault && `Nobody new is let in: ${now.fault}`);
  tellTiles(now);
  tellAlerts(now.alerts);
  tellRefusals(now);
  tellChannels(now);
  if (samples.length) draw(now);
});

function tile(id, text, isBad = false) {
  say($(id), text);
  $(id).parentElement.toggleAttribute("data-bad", isBad);
}

function tellTiles(now) {
  const minute = samples.filter(([at]) => at > now.at - 60);
  const refused = minute.reduce((sum, [, , stages]) => sum + total(stages), 0);
  say($("node"), now.node);
  tile("tile-connections", number(now.connections));
  tile("tile-strangers", number(now.strangers));
  tile("tile-refused", number(refused));
  tile("tile-slow", number(now.slow_count));
  tile("tile-queued", bytes(now.queued_bytes));
  tile("tile-lag", span(now.loop_lag), now.loop_lag > 1);
  tile("tile-memory", bytes(now.memory));
  tile("tile-mirror", now.mirror_age === null ? "none" : span(now.mirror_age), now.mirror_age === null);
  tile("tile-dropped", number(now.audit_dropped), now.audit_dropped > 0);
}

function tellAlerts(alerts) {
  const lines = alerts.map((one) => `${one.what} ${one.whom}: ${number(one.value)} ${one.unit}, since ${clock(one.since)}`);
  if (lines.join("\n") === $("alerts").dataset.said) return;
  $("alerts").dataset.said = lines.join("\n");
  $("alerts").replaceChildren(...lines.map((line) => make("p", "", line)));
}

const total = (stages) => Object.values(stages).reduce((sum, value) => sum + value, 0);

function tellRefusals(now) {
  const reason = (row) => `${row.stage} ${row.status}`;
  fill($("by-reason"), now.refusals, reason, (row) => [row.stage, row.status || "closed", count(row.count)]);
  const origin = (row) => [row.origin, count(row.accepted), count(row.refused)];
  fill($("origins"), now.origins, (row) => row.origin, origin);
  const address = (row) => [{ text: row.address, open: seek }, count(row.connections), count(row.refused)];
  fill($("addresses"), now.addresses, (row) => row.address, address);
}

function seek({ address }) {
  $("search-text").value = address;
  $("search-text").focus();
  restart();
}

function tellChannels(now) {
  say($("channel-count"), number(now.channels.total));
  const channel = (row) => [row.channel, row.pattern, count(row.listeners)];
  fill($("channel-rows"), now.channels.rows, (row) => row.channel, channel);
  const left = (row) => (row.until === null ? "good" : span(row.until - now.at));
  const measure = (row) => [row.measure, row.channel, row.whom ?? "everybody", left(row)];
  fill($("moderation"), now.channels.measures, (row) => `${row.measure} ${row.channel} ${row.whom}`, measure);
  const slow = (row) => [{ text: row.subject, open: show }, row.address, { text: bytes(row.queued), isNumber: true }];
  fill($("slow"), now.slow, (row) => row.connection, slow);
}

// --- charts ---

const charts = new Map();
const isDark = matchMedia("(prefers-color-scheme: dark)");

/** The most frequent reasons of the hour, and all others together. */
function stagesOf() {
  const sums = new Map();
  for (const [, , stages] of samples) {
    for (const [stage, value] of Object.entries(stages)) sums.set(stage, (sums.get(stage) ?? 0) + value);
  }
  return [...sums].sort((one, other) => other[1] - one[1]).slice(0, STAGES_SHOWN).map(([stage]) => stage);
}

function draw(now) {
  const times = samples.map(([at]) => at);
  const open = samples.map(([, connections]) => connections);
  chart("chart-connections", ["Connections"], [times, open]);
  const lowest = Math.min(...open);
  const said = `now ${number(now.connections)}, between ${number(lowest)} and ${number(Math.max(...open))}`;
  say($("chart-connections-said"), `${span(now.at - times[0])}: ${said}`);
  $("chart-connections").ariaLabel = `Connections over ${span(now.at - times[0])}: ${said}`;

  const stages = stagesOf();
  const lines = stages.map((stage) => samples.map(([, , refused]) => refused[stage] ?? 0));
  const others = samples.map(([, , refused]) => total(refused) - stages.reduce((sum, stage) => sum + (refused[stage] ?? 0), 0));
  const messages = samples.map(([, , , errors]) => errors);
  const names = [...stages];
  const series = [times, ...lines];
  for (const [name, values] of [["other", others], ["messages", messages]]) {
    if (values.some((value) => value > 0)) {
      names.push(name);
      series.push(values);
    }
  }
  if (!names.length) [names[0], series[1]] = ["none", times.map(() => 0)];
  chart("chart-refusals", names, series);
  if ($("legend").dataset.said !== names.join()) {
    $("legend").dataset.said = names.join();
    $("legend").replaceChildren(...names.map((name, hue) => {
      const item = make("li", "", name);
      item.dataset.hue = hue;
      return item;
    }));
  }
  const told = samples.reduce((sum, [, , refused]) => sum + total(refused), 0);
  $("chart-refusals").ariaLabel = `Refusals over ${span(now.at - times[0])}: ${number(told)}, ${names.join(", ")}`;
}

function chart(id, names, data) {
  const known = charts.get(id);
  const look = `${names.join()} ${isDark.matches}`;
  if (known?.look === look) {
    known.plot.setData(data);
    return;
  }
  known?.plot.destroy();
  const place = $(id);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  const lines = names.map((name, at) => {
    const stroke = colour(`hue-${Math.min(at, 5)}`);
    return { label: name, stroke, width: 2, fill: names.length === 1 ? `${stroke}22` : undefined, points: { show: false } };
  });
  const options = {
    width: place.clientWidth,
    height: place.clientHeight,
    padding: [12, 10, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (plot, low, high) => [0, Math.max(4, (high ?? 0) * 1.1)] } },
    axes: [{ ...axis, space: 80, size: 32, values: (plot, ticks, at, space, step) => ticks.map((tick) => clock(tick).slice(0, step < 60 ? 8 : 5)) }, { ...axis, size: 56, values: (plot, ticks) => ticks.map((tick) => (tick % 1 ? "" : number(tick))) }],
    series: [{}, ...lines],
  };
  charts.set(id, { look, plot: new uPlot(options, data, place) });
}

new ResizeObserver((entries) => {
  for (const { target } of entries) {
    charts.get(target.id)?.plot.setSize({ width: target.clientWidth, height: target.clientHeight });
  }
}).observe($("chart-connections"));
new ResizeObserver(() => {
  const place = $("chart-refusals");
  charts.get(place.id)?.plot.setSize({ width: place.clientWidth, height: place.clientHeight });
}).observe($("chart-refusals"));

// --- connections ---

let page = 0;
let asked = 0;

const list = async () => {
  const turn = ++asked;
  const search = $("search-text").value.trim();
  try {
    const found = await ask("ops.connections", { scope: $("scope").value, search, page });
    if (turn !== asked) return; // somebody has typed on
    if (!found.rows.length && page > 0) {
      page = Math.max(0, Math.ceil(found.matched / 50) - 1);
      return list();
    }
    tellConnections(found, search);
  } catch (error) {
    if (socket?.readyState === WebSocket.OPEN) tellFault(error.message);
  }
};

function tellConnections(found, search) {
  const now = Date.now() / 1000;
  fill($("rows"), found.rows, (row) => row.connection, (row) => [
    { text: row.anonymous ? `${row.subject} (nobody)` : row.subject, open: show },
    row.tenant,
    row.address,
    row.endpoint,
    span(Math.max(0, now - row.since)),
    { text: row.queued ? bytes(row.queued) : "", isNumber: true },
  ]);
  const first = found.page * 50;
  const shown = found.rows.length ? `${number(first + 1)}–${number(first + found.rows.length)} of ` : "";
  const of = search ? ` that match, of ${number(found.total)}` : "";
  say($("matched"), `${shown}${number(found.matched)} connections${of}`);
  $("previous").disabled = page === 0;
  $("next").disabled = first + found.rows.length >= found.matched;
}

function restart() {
  page = 0;
  list();
}

function turn(by) {
  page += by;
  list();
}

// --- one of them, and what may be done ---

let shown = null;

async function show(row) {
  shown = row;
  $("details-fault").textContent = "";
  say($("details-title"), row.subject);
  $("facts").replaceChildren();
  for (const button of document.querySelectorAll("[data-action]")) button.disabled = true;
  $("details").showModal();
  let facts = row;
  try {
    const found = await ask("ops.connection", { connection: row.connection });
    if (shown !== row) return; // somebody has opened another
    if (found.is_gone) $("details-fault").textContent = "It is gone, or on another node: more is not known here.";
    else facts = shown = found;
  } catch (error) {
    $("details-fault").textContent = error.message;
  }
  tellFacts(facts);
}

function tellFacts(one) {
  const rows = [
    ["Session", one.session],
    ["Issuer", one.issuer],
    ["Tenant", one.tenant],
    ["Address", one.address],
    ["Endpoint", one.endpoint],
    ["Node", one.node],
    ["Since", one.since && new Date(one.since * 1000).toLocaleString("en-GB")],
    ["Token", one.token],
    ["Key", one.key],
    ["Token ends in", one.expires_in === undefined ? null : span(one.expires_in)],
    ["Roles", one.roles?.join(", ")],
    ["May", one.grants && [...one.grants, ...(one.grants_more ? [`and ${one.grants_more} more`] : [])].join(", ")],
    ["Listens to", one.channels_listened?.join(", ")],
    ["Said, frames", one.heard_frames === undefined ? null : number(one.heard_frames)],
    ["Was sent", one.sent_bytes === undefined ? null : bytes(one.sent_bytes)],
    ["Waits for it", one.queued === undefined ? null : bytes(one.queued)],
  ];
  $("facts").replaceChildren(...rows.filter(([, value]) => value).map(([name, value]) => {
    const said = make("dd", "value", String(value));
    return make("div", "", make("dt", "", name), said);
  }));
  if (mayAct === undefined) return;
  for (const button of document.querySelectorAll("[data-action]")) button.disabled = !one[button.dataset.by];
  const channels = one.channels_listened ?? [];
  $("channel-acts").hidden = channels.length === 0;
  $("of-channel").replaceChildren(...channels.map((name) => make("option", "", name)));
}

let confirmation = null;

async function propose(button) {
  const { action, by } = button.dataset;
  const data = { action, [by]: shown[by] };
  if (by === "subject" && shown.issuer) data.issuer = shown.issuer;
  if (button.dataset.channel !== undefined) data.channel = $("of-channel").value;
  if (action === "mute") data.seconds = MUTE_SECONDS;
  try {
    confirmation = await ask("ops.propose", data);
  } catch (error) {
    $("details-fault").textContent = error.message;
    return;
  }
  say($("reason-label"), action === "disconnect" ? "Reason, for the audit and the client" : "Reason, for the audit");
  $("reason").value = "";
  $("confirm-fault").textContent = "";
  say($("confirm-title"), `${button.textContent}?`);
  const many = confirmation.connections === 1 ? "1 connection" : `${number(confirmation.connections)} connections`;
  say($("confirm-text"), `${confirmation.about}: ${many} of this process, and those on other nodes.`);
  say($("confirm-yes"), button.textContent);
  $("confirm").showModal();
}

async function carryOut() {
  $("confirm-yes").disabled = true;
  try {
    const done = await ask("ops.confirm", { confirm: confirmation.confirm, reason: $("reason").value });
    $("confirm").close();
    $("details").close();
    const many = done.connections === 1 ? "1 connection" : `${number(done.connections)} connections`;
    say($("done"), `Done: ${done.about}; ${many} here.`);
    list();
    look();
    watchSpread(SPREAD_MOST);
  } catch (error) {
    $("confirm-fault").textContent = `${error.message} Close this, and propose it again.`;
  } finally {
    $("confirm-yes").disabled = false;
  }
}

// --- keys, revocations, nodes ---

let nodes = [];
let spread = { about: "", nodes: [] };

async function watchSpread(most) {
  try {
    spread = await ask("ops.spread");
  } catch {
    return; // the nodes are asked about again with the next action
  }
  tellNodes();
  if (most > 0 && spread.nodes.some((one) => one.left > 0)) setTimeout(() => watchSpread(most - 1), SPREAD_EVERY);
  else trust();
}

function tellNodes() {
  const last = new Map(spread.nodes.map((one) => [one.node, one]));
  if (spread.about) say($("spread-about"), `Last action here: ${spread.about}`);
  const how = (one) => {
    if (one === undefined) return "";
    return one.left ? `${number(one.left)} of ${number(one.meant)} are still there` : `${number(one.meant)} gone within ${span(one.seconds)}`;
  };
  const row = (one) => [one.own ? `${one.node} (this one)` : one.node, count(one.connections), how(last.get(one.node))];
  fill($("nodes"), nodes, (one) => one.node, row);
}

const trust = once(async () => {
  const now = await ask("ops.trust");
  nodes = now.nodes;
  tellNodes();
  say($("store"), now.store);
  say($("generation"), now.generation === null ? "none: nobody comes in" : `${now.generation.slice(0, 12)}, since ${new Date(now.generation_at * 1000).toLocaleDateString("en-GB")}`);
  tile("mirror", now.mirror_age === null ? "none" : `${span(now.mirror_age)} old`, now.mirror_age === null || now.mirror_age > now.mirror_most);
  say($("revocations"), number(now.revocations));
  fill($("keys"), now.keys, (key) => key.kid, (key) => [
    key.kid.slice(0, 12), key.alg, key.signs ? `${key.state}, signs` : key.state, span(key.age), key.verifies_for === null ? "good" : span(key.verifies_for),
  ]);
  fill($("newest"), now.newest, (one) => one.id, (one) => [one.kind, one.value, span(Math.max(0, Date.now() / 1000 - one.at)), one.reason]);
});

// --- the audit ---

let seen = 0;
let isPaused = false;

const tail = once(async () => {
  if (isPaused) return;
  const found = await ask("ops.audit", { after: seen });
  seen = found.seq;
  $("audit-lines").prepend(...found.lines.reverse().map(lineOf));
  while ($("audit-lines").children.length > LINES_KEPT) $("audit-lines").lastElementChild.remove();
  filter();
});

function lineOf(text) {
  const { v, at, event, ...facts } = JSON.parse(text);
  const said = Object.entries(facts).map(([name, value]) => `${name}=${value}`).join(" ");
  const time = make("time", "muted", clock(at));
  time.dateTime = new Date(at * 1000).toISOString();
  return make("li", "", time, " ", make("strong", "", event), ` ${said}`);
}

function filter() {
  const wanted = $("audit-filter").value.trim().toLowerCase();
  for (const line of $("audit-lines").children) line.hidden = wanted !== "" && !line.textContent.toLowerCase().includes(wanted);
}

// --- what people do ---

$("search").addEventListener("submit", (event) => event.preventDefault());
let typed = 0;
$("search-text").addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(restart, TYPED_AFTER);
});
$("scope").addEventListener("change", restart);
$("previous").addEventListener("click", () => turn(-1));
$("next").addEventListener("click", () => turn(1));
$("details-close").addEventListener("click", () => $("details").close());
for (const button of document.querySelectorAll("[data-action]")) button.addEventListener("click", () => propose(button));
$("confirm-no")?.addEventListener("click", () => $("confirm").close());
$("confirm-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  carryOut();
});
$("audit-form").addEventListener("submit", (event) => event.preventDefault());
$("audit-filter").addEventListener("input", filter);
$("audit-pause").addEventListener("click", () => {
  isPaused = !isPaused;
  $("audit-pause").ariaPressed = String(isPaused);
});
$("sign-out").addEventListener("click", async () => {
  isOver = true;
  await fetch(`${base}/sign-out`, { method: "POST", headers: csrf ? { "X-CSRF-Token": csrf } : {} });
  location.assign(`${base}/sign-in`);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (socket.readyState === WebSocket.OPEN) begin();
  else connect();
});
isDark.addEventListener("change", look);

every(OVERVIEW_EVERY, look);
every(LIST_EVERY, () => $("scope").value === "here" && list());
every(TRUST_EVERY, trust);
every(AUDIT_EVERY, tail);
connect();
