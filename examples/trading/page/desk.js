// The trading desk. Rules of this file:
// 1. What comes from the server becomes text, never markup.
// 2. A screen is drawn once a frame, however many quotes have come: what counts is the newest.
// 3. An order is what the server says of it. The page shows nothing as done that it has only asked for.

import { Connection } from "/wssec/client/wssec.js";
import { $, avatarOf, button, make, showState, tellEnding } from "/look/page.js";
import { pathOf, rungs, scaleOf, sparkline } from "./drawing.js";
import { offerCheats } from "./cheats.js";
import * as session from "./session.js";

const KEPT = 600; // prices of a symbol: thirty seconds of a feed of twenty a second
const FEWEST = 160; // prices that the chart is wide, until there are more
const [WIDTH, HEIGHT] = [640, 240];

const listed = new Map(); // symbol → {symbol, name, prices, quote, row, …}
const orders = new Map(); // id → what the server said last
const changed = new Set();
let shown = null;
let connection = null;
let heard = 0;
let newest = 0;

const money = (value) => Number(value).toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const chosen = (name) => $("ticket").elements[name].value;

// --- the connection ---

function enter() {
  $("door").hidden = true;
  $("desk").hidden = false;
  const { name, account, symbols } = session.me;
  $("me-name").textContent = name;
  $("me-account").textContent = account ? `account ${account}` : "watches";
  $("blotter-account").textContent = `account ${account}`;
  $("blotter").hidden = !account;
  $("no-orders").hidden = false;
  $("ticket").hidden = !account;
  $("no-account").hidden = Boolean(account);
  $("key").textContent = session.key ? `Signed by the key ${session.key.jwk.x.slice(-6)} of this browser` : "";
  for (const each of symbols) list(each);
  choose(symbols[0].symbol);

  connection = new Connection("/ws/desk", {
    credential: session.credential,
    renew: session.renew,
    signer: (nonce) => session.key.signer(nonce),
    signed: ["order.place", "order.cancel"],
  });
  connection.on("market.quote", hear);
  connection.on("order.changed", showOrder);
  showState(connection, $("status"), $("banner"));
  connection.watch(({ name, reason }) => {
    $("place").disabled = name !== "open";
    if (name === "stopped") tellEnding(reason, { reopen: () => connection.open(), leave: forget });
  });
  for (const { symbol } of symbols) connection.subscribe(`market:${symbol}`);
  connection.open();
  offerCheats();
}

function leave() {
  session.signOut();
  forget();
}

function forget() {
  session.forget();
  connection?.close();
  connection = shown = null;
  listed.clear();
  orders.clear();
  $("watch").replaceChildren();
  $("orders").replaceChildren();
  showDoor();
}

// --- quotes ---

function list({ symbol, name }) {
  const spark = sparkline();
  const row = button("", () => choose(symbol), "row");
  const [price, change] = [make("span", "row-price", "–"), make("span", "change")];
  row.append(make("span", "ticker", symbol), make("span", "row-name muted", name), spark.svg, price, change);
  $("watch").append(make("li", "", "", row));
  listed.set(symbol, { symbol, name, row, spark, price, change, prices: [], quote: null });
}

function hear(quote) {
  const one = listed.get(quote.symbol);
  if (!one || quote.bid === null || quote.ask === null) return;
  one.quote = quote;
  one.prices.push((Number(quote.bid) + Number(quote.ask)) / 2);
  if (one.prices.length > KEPT) one.prices.shift();
  one.first ??= one.prices[0];
  heard += 1;
  newest = Date.parse(quote.at);
  if (changed.size === 0) requestAnimationFrame(draw);
  changed.add(one);
}

function draw() {
  for (const one of changed) {
    const price = one.prices.at(-1);
    one.price.textContent = money(price);
    showChange(one.change, price, one.first);
    one.row.dataset.way = wayOf(price, one.first);
    one.spark.draw(one.prices.slice(-120));
    if (one === shown) drawShown(one);
  }
  changed.clear();
}

function drawShown({ prices, quote, first }) {
  const price = prices.at(-1);
  $("price").textContent = money(price);
  showChange($("change"), price, first);
  $("plot").dataset.way = wayOf(price, first);
  const most = Math.max(prices.length, FEWEST);
  const path = pathOf(prices, most, WIDTH, HEIGHT);
  const { low, high, y } = scaleOf(prices, HEIGHT);
  const from = WIDTH - ((prices.length - 1) * WIDTH) / (most - 1);
  $("line").setAttribute("d", path);
  $("area").setAttribute("d", path && `${path}V${HEIGHT}H${from.toFixed(1)}Z`);
  $("level").setAttribute("d", `M0 ${y(price).toFixed(1)}H${WIDTH}`);
  $("low").textContent = `low ${money(low)}`;
  $("high").textContent = `high ${money(high)}`;
  $("plot").setAttribute("aria-label", `Price ${money(price)}, between ${money(low)} and ${money(high)}`);
  const deepest = Math.max(...[...quote.asks, ...quote.bids].map(({ quantity }) => quantity));
  rungs($("asks"), [...quote.asks].reverse(), deepest, takeLimit);
  rungs($("bids"), quote.bids, deepest, takeLimit);
  $("spread").textContent = money(Number(quote.ask) - Number(quote.bid));
  estimate();
}

const wayOf = (price, first) => (price >= first ? "up" : "down");

function showChange(element, price, first) {
  const percent = (100 * (price - first)) / first;
  element.textContent = `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(2)} %`;
  element.dataset.way = wayOf(price, first);
}

function choose(symbol) {
  shown = listed.get(symbol);
  for (const { row } of listed.values()) row.setAttribute("aria-pressed", String(row === shown.row));
  $("name").textContent = shown.name;
  $("symbol").textContent = symbol;
  $("limit").value = "";
  showTicket();
  if (shown.quote) drawShown(shown);
}

// --- the ticket ---

function takeLimit(price) {
  $("ticket").elements.kind.value = "limit";
  $("limit").value = price;
  showTicket();
}

function showTicket() {
  const isLimit = chosen("kind") === "limit";
  $("limit-part").hidden = !isLimit;
  if (isLimit && !$("limit").value && shown?.quote) $("limit").value = shown.quote[chosen("side") === "buy" ? "bid" : "ask"];
  $("place").dataset.side = chosen("side");
  $("place").textContent = `${chosen("side") === "buy" ? "Buy" : "Sell"} ${$("quantity").value} ${shown?.symbol.toUpperCase()}`;
  estimate();
}

function estimate() {
  const at = chosen("kind") === "limit" ? $("limit").value : shown?.quote?.[chosen("side") === "buy" ? "ask" : "bid"];
  const worth = Number(at) * Number($("quantity").value);
  $("estimate").textContent = Number.isFinite(worth) ? money(worth) : "–";
}

async function place(event) {
  event.preventDefault();
  const isLimit = chosen("kind") === "limit";
  const wanted = {
    order: crypto.randomUUID(),
    account: session.me.account,
    symbol: shown.symbol,
    side: chosen("side"),
    quantity: Number($("quantity").value),
    limit: isLimit ? $("limit").value : null,
    timeInForce: isLimit ? chosen("force") : "ioc",
  };
  await tell(connection.request("order.place", wanted), ({ state }) => `The desk has it: ${state}.`);
}

const REFUSED = {
  permission_denied: "The desk refused this: it is not your account.",
  signature_invalid: "The desk refused this: it is not signed by your key.",
  replayed: "The desk refused this: it has had it before, or the clock of this machine is wrong.",
  rate_limited: "That was fast. Try again in a moment.",
  reauth_required: "Sign in again first: that was more than an hour ago.",
  disconnected: "The connection broke. Look at your orders before you try again.",
  signing_failed: "This browser could not sign it.",
};

async function tell(asked, words) {
  try {
    $("told").textContent = words(await asked);
    $("told").dataset.kind = "good";
  } catch (error) {
    const names = Object.keys(error.fields ?? {}).join(", ");
    $("told").textContent = REFUSED[error.code] ?? `The desk could not take this${names && `: look at ${names}`}.`;
    $("told").dataset.kind = "bad";
  }
}

// --- the blotter ---

function showOrder(order) {
  orders.set(order.order, order);
  $("no-orders").hidden = true;
  const row = make("tr", "", "", ...cellsOf(order));
  row.id = `order-${order.order}`;
  const before = $(row.id);
  if (before) before.replaceWith(row);
  else $("orders").prepend(row);
}

function cellsOf({ order, account, symbol, side, quantity, limit, state, filled, average, at }) {
  const time = new Date(at).toLocaleTimeString("en-GB");
  const what = make("td", "", "", make("span", "deal", side), ` ${quantity} `, make("span", "ticker", symbol));
  what.firstChild.dataset.side = side;
  const pill = make("span", "pill", state);
  pill.dataset.state = state;
  const cancel = make("td", "number");
  const takeBack = () => tell(connection.request("order.cancel", { order, account }), (told) => `The order is ${told.state}.`);
  if (state === "open") cancel.append(button("Cancel", takeBack, "quiet"));
  return [
    make("td", "late muted", time),
    what,
    make("td", "number", `${filled}`),
    make("td", "number late", limit === null ? "market" : money(limit)),
    make("td", "number late", average === null ? "–" : money(average)),
    make("td", "", "", pill),
    cancel,
  ];
}

// --- the door ---

async function showDoor() {
  $("desk").hidden = true;
  $("door").hidden = false;
  try {
    const { people } = await session.people();
    $("people").replaceChildren(...people.map(personOf));
  } catch {
    $("door-error").textContent = "The server does not answer. Is it running?";
  }
}

function personOf({ name, account }) {
  const may = account ? `Trades for account ${account}` : "Watches the market, has no account";
  const person = button("", () => signIn(name, Boolean(account)));
  person.append(avatarOf(name), make("span", "", "", make("strong", "", name), make("span", "muted small", may)));
  return make("li", "", "", person);
}

async function signIn(name, trades) {
  $("door-error").textContent = "";
  try {
    await session.signIn(name, trades);
  } catch ({ status }) {
    $("door-error").textContent = status === 403 ? `This server accepts no page of ${location.origin}.` : "That did not work.";
    return;
  }
  enter();
}

setInterval(() => {
  $("rate").textContent = String(heard);
  $("age").textContent = heard ? `${Math.max(0, Date.now() - newest)} ms old` : "–";
  heard = 0;
}, 1_000);
$("ticket").addEventListener("input", showTicket);
$("ticket").addEventListener("submit", place);
$("sign-out").addEventListener("click", leave);
showDoor();
