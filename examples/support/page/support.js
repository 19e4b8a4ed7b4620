/**
 * The page of the desk, for customers, agents and supervisors. Rules of this file:
 * 1. What people write becomes text; an agent's answer becomes markup, by `markup` alone.
 * 2. What the page hides or disables is a courtesy; the server decides at every message.
 */

import { Connection } from "/wssec/client/wssec.js";

import { $, ask, avatarOf, button, make, showDoor, showState, tellEnding } from "/look/page.js";

import { prepareEditor, takeAnswer } from "./editor.js";
import { offerHostile } from "./hostile.js";
import { markup } from "./markup.js";

const LOOK_EVERY = 2_000;
const TONES = { waiting: "warn", answered: "accent", reported: "bad", resolved: "" };
const STATES = { waiting: "waiting for an answer", answered: "answered", reported: "reported", resolved: "resolved" };
const REFUSED = {
  permission_denied: "You cannot write here at the moment.",
  invalid: "This holds characters that are not allowed, or is too long.",
  too_big: "This is too long.",
  disconnected: "Not sent: the connection was lost.",
  no_answer: "No answer. It may not have been delivered.",
  unavailable: "This is not available right now. Try again in a moment.",
};

let connection = null;
let me = null; // {name, answers, moderates}
let room = null; // of the case that is shown
const cases = new Map(); // room → {room, customer, subject, state, at}
const talks = new Map(); // room → what has arrived in it
const left = new Set(); // rooms that one was taken out of

// --- coming and going ---

function atDoor() {
  const text = "A development server: choose who you are. There is no password.";
  showDoor($("door"), { title: "Haven support", text, entered: enter });
}

/** Connect by the cookie, and by the value that only a page of ours can show beside it. */
function enter() {
  sessionStorage.isSignedIn = "yes"; // whoever loads the page anew need not sign in again
  const credential = async () => `wssec.csrf.${(await ask("GET", "/wssec/csrf")).csrf}`;
  connection = new Connection("/ws", { credential });
  connection.on("support.said", hear);
  connection.on("support.answered", hear);
  connection.on("support.changed", (changed) => showCases(cases.set(changed.room, changed)));
  connection.on("moderation.acted", ({ room, subject, measure, until }) => tell(room, inWords(subject, measure, until)));
  connection.on("moderation.pardoned", ({ room, subject }) => tell(room, `${nameOf(subject)} may write here again.`));
  connection.on("moderation.slowed", ({ room, seconds }) =>
    tell(room, seconds ? `Slow mode: a line every ${seconds} s each.` : "Slow mode is off."),
  );
  connection.on("moderation.removed", ({ room, lines }) => remove(room, lines));
  connection.on("wssec.gap", ({ channel }) => miss(channel.slice("case:".length)));
  connection.on("wssec.unsubscribed", ({ channel }) => leave(channel));
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

/** After every connect: who one is, and which cases there are. */
async function begin() {
  const told = await connection.request("support.list");
  const isNew = me === null;
  me = told.me;
  for (const one of told.cases) cases.set(one.room, one);
  if (isNew) furnish();
  showCases();
}

function furnish() {
  $("app").hidden = false;
  $("me-avatar").replaceChildren(avatarOf(me.name));
  $("me-name").textContent = capital(me.name);
  $("me-role").textContent = me.moderates ? "Supervisor" : me.answers ? "Agent" : "Customer";
  $("new-case").hidden = me.answers;
  $("resolve").hidden = !me.answers;
  $("marks").hidden = $("answer").hidden = !me.answers;
  $("text").hidden = me.answers;
  $("moderation").hidden = !me.moderates;
  $("hostile-text").textContent = me.answers
    ? "As an agent whose account was taken over. The server cleans what you send, before anybody sees it."
    : "The server takes it as text, or refuses it. Whoever reads it is safe, today and when it is read again.";
  offerHostile($("hostile"), me.answers, () => room, (...message) => connection.request(...message));
  welcome();
  if (me.answers) connection.subscribe("desk");
}

// --- cases ---

function showCases() {
  const sorted = [...cases.values()].sort((one, other) => other.at.localeCompare(one.at));
  $("cases").replaceChildren(...sorted.map(rowOf));
  $("no-cases").hidden = sorted.length > 0;
  $("no-cases").textContent = me.answers ? "No case is open. They appear here by themselves." : "You have none yet.";
  const shown = cases.get(room);
  if (shown) $("case-state").textContent = STATES[shown.state];
}

function rowOf({ room: own, customer, subject, state, at }) {
  const meta = make("span", "muted small", me.answers ? `${capital(customer)} · ${clock(new Date(at))}` : clock(new Date(at)));
  const badge = make("span", "tag", state);
  badge.dataset.tone = TONES[state];
  const made = button("", () => show(own), "case-link");
  made.append(make("span", "case-name", subject), make("span", "case-meta", "", meta, badge));
  made.setAttribute("aria-current", String(own === room));
  return make("li", "", "", made);
}

function welcome(isOpening = false) {
  room = null;
  $("talk").hidden = $("panel").hidden = true;
  $("welcome").hidden = false;
  $("opening").hidden = me.answers;
  $("opening-cancel").hidden = !isOpening;
  $("welcome-title").textContent = me.answers ? "Choose a case" : "How can we help?";
  $("welcome-text").textContent = me.answers
    ? "New ones appear on the left as customers open them."
    : "Open a case: only you and our agents can read it.";
  view(me.answers ? "list" : "case");
  if (!me.answers) $("subject").focus();
  showCases();
}

async function open(event) {
  event.preventDefault();
  const subject = $("subject").value.trim();
  if (!subject) return;
  try {
    const { room: own } = await connection.request("support.open", { subject });
    $("subject").value = "";
    cases.set(own, { room: own, customer: me.name, subject, state: "waiting", at: new Date().toISOString() });
    show(own);
  } catch (error) {
    $("welcome-text").textContent = REFUSED[error.code] ?? "That is not possible right now. Try again in a minute.";
  }
}

function show(own) {
  room = own;
  const { subject, customer } = cases.get(own);
  $("welcome").hidden = true;
  $("talk").hidden = $("panel").hidden = false;
  $("case-subject").textContent = subject;
  $("case-customer").textContent = capital(customer);
  $("about").textContent = capital(customer);
  $("channel").textContent = `case:${own}`;
  $("text").placeholder = "Write a message";
  $("answer").dataset.placeholder = `Answer ${capital(customer)}`;
  if (!talks.has(own)) listen(own);
  view("case");
  notice("");
  showCases();
  showLines();
  showBanner();
  look();
  (me.answers ? $("answer") : $("text")).focus();
}

/** Hear a case, from its beginning: what was said before comes from the channel's history. */
function listen(own) {
  talks.set(own, talks.get(own) ?? []);
  left.delete(own);
  connection.subscribe(`case:${own}`, { since: 0 }).catch(() => null); // `wssec.unsubscribed` tells it as well
}

/** Something may be missing behind what is shown; before the first line there is nothing that one could miss. */
function miss(own) {
  if (talks.get(own)?.length) tell(own, "Something may be missing here. Load the page anew to see all that is kept.");
}

function leave(channel) {
  const own = channel.slice("case:".length);
  left.add(own);
  if (own === room) showBanner();
}

function comeBack() {
  talks.set(room, []);
  listen(room);
  showLines();
  showBanner();
}

function showBanner() {
  $("left").hidden = !left.has(room);
}

// --- lines ---

function hear(line) {
  const { room: own, at } = line;
  const known = cases.get(own);
  const state = "html" in line ? "answered" : "waiting"; // the desk is told of it, and customers are not
  if (!me.answers && known?.at < at) showCases(cases.set(own, { ...known, at, state }));
  const talk = talks.get(own);
  if (!talk || talk.some((one) => one.line === line.line)) return;
  talk.push(line);
  if (line.room === room) addLine(line);
}

function tell(own, text) {
  talks.get(own)?.push({ told: text });
  if (own === room) addLine({ told: text });
}

function remove(own, lines) {
  for (const line of talks.get(own) ?? []) {
    if (!lines.includes(line.line)) continue;
    delete line.html;
    line.text = null;
  }
  if (own === room) showLines();
}

function showLines() {
  $("lines").replaceChildren();
  for (const line of talks.get(room)) addLine(line);
}

function addLine(line) {
  const lines = $("lines");
  const isAtEnd = isReadToTheEnd();
  lines.append("told" in line ? make("p", "told-line muted small", line.told) : lineOf(line));
  if (isAtEnd || line.author === me.name) lines.scrollTop = lines.scrollHeight;
}

function lineOf({ line, author, text, html, at }) {
  const isAnswer = html !== undefined;
  const isRemoved = text === null;
  const body = make("div", isAnswer ? "bubble rich" : "bubble", isRemoved ? "Removed by a moderator." : (text ?? ""));
  if (isAnswer) body.append(markup(html));
  body.classList.toggle("removed", isRemoved);
  const head = make("p", "line-head small", "", make("strong", "", nameOf(author)), make("time", "muted", clock(new Date(at))));
  if (isAnswer) {
    const tag = make("span", "tag", "Support");
    tag.dataset.tone = "accent";
    head.lastElementChild.before(tag);
  }
  const element = make("article", author === me.name ? "line own" : "line", "", avatarOf(author), make("div", "line-body", "", head, body));
  if (me.answers && author !== me.name && !isRemoved) head.append(toolFor(line));
  return element;
}

/** Supervisors take a line away; agents have a supervisor look at it. */
function toolFor(line) {
  const message = me.moderates
    ? ["moderation.remove", { room, lines: [line] }]
    : ["moderation.report", { room, line, what: "abuse" }];
  return button(me.moderates ? "Remove" : "Report", () => connection.request(...message).catch(refused), "link");
}

async function submit(event) {
  event.preventDefault();
  const html = me.answers ? takeAnswer() : "";
  const text = $("text").value.trim();
  if (!html && !text) return;
  notice("");
  try {
    await connection.request(...(me.answers ? ["support.answer", { room, html }] : ["support.say", { room, text }]));
    $("text").value = "";
    $("answer").replaceChildren();
  } catch (error) {
    refused(error);
  }
}

function refused({ code, retryAfter = 1 }) {
  const wait = `Not so fast: you can go on in ${Math.max(Math.ceil(retryAfter), 1)} s.`;
  notice(code === "rate_limited" ? wait : (REFUSED[code] ?? "The server refused this."));
}

function notice(text) {
  const isAtEnd = isReadToTheEnd();
  $("notice").textContent = text;
  if (isAtEnd) $("lines").scrollTop = $("lines").scrollHeight;
}

function isReadToTheEnd() {
  const { scrollHeight, scrollTop, clientHeight } = $("lines");
  return scrollHeight - scrollTop - clientHeight < 80;
}

function nameOf(name) {
  return name === me.name ? "You" : capital(name);
}

function inWords(subject, measure, until) {
  const done = { mute: "muted", ban: "banned from this case", kick: "taken out of this case" }[measure];
  return `${nameOf(subject)} ${subject === me.name ? "were" : "was"} ${done}${until ? ` until ${clock(new Date(until))}` : ""}.`;
}

// --- moderation ---

async function moderate(measure) {
  const seconds = { mute: 600, ban: 3_600 }[measure];
  const data = { room, subject: cases.get(room).customer, measure, ...(seconds && { seconds }), reason: "by the supervisor" };
  await connection.request("moderation.act", data).catch(refused);
  look();
}

/** What is in force, whoever decided it: on this page, on another, or in a terminal. */
async function look() {
  if (!me?.moderates || room === null || document.hidden || connection.state.name !== "open") return;
  const own = room;
  const { measures } = await connection.request("moderation.look", { room }).catch(() => ({ measures: [] }));
  if (own !== room) return;
  const slow = measures.find((one) => one.measure === "slow");
  if (document.activeElement !== $("slow")) $("slow").value = String(slow?.seconds ?? 0);
  $("in-force").replaceChildren(...(measures.length ? measures.map(measureOf) : [make("li", "muted small", "Nothing.")]));
}

function measureOf({ measure, subject, seconds, until }) {
  const ends = until === null ? "until taken back" : `until ${clock(new Date(until * 1000))}`;
  const what = measure === "slow" ? `a line every ${seconds} s` : capital(subject ?? "an address");
  const item = make("li", "", "", make("span", "", "", make("strong", "", capital(measure)), ` ${what}`, make("br"), make("span", "muted small", ends)));
  if (measure === "slow" || subject === null) return item;
  const back = button("Take back", async () => {
    await connection.request("moderation.pardon", { room, subject, measure }).catch(refused);
    look();
  });
  back.setAttribute("aria-label", `Take back: ${measure} ${subject}`);
  item.append(back);
  return item;
}

// --- small things ---

const capital = (name) => name[0].toUpperCase() + name.slice(1);

function clock(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// --- what is pressed ---

/** Where there is room for one of the three alone, this one is seen. */
function view(name) {
  $("app").dataset.view = name;
}

prepareEditor(submit);
$("composer").addEventListener("submit", submit);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
});
$("opening").addEventListener("submit", open);
$("new-case").addEventListener("click", () => welcome(true));
$("opening-cancel").addEventListener("click", () => view("list"));
$("back").addEventListener("click", () => view("list"));
$("details").addEventListener("click", () => view("panel"));
$("panel-close").addEventListener("click", () => view("case"));
$("come-back").addEventListener("click", comeBack);
$("resolve").addEventListener("click", () => connection.request("support.resolve", { room }).catch(refused));
$("slow").addEventListener("change", async () => {
  await connection.request("moderation.slow", { room, seconds: Number($("slow").value) }).catch(refused);
  $("slow").blur();
  look();
});
for (const one of document.querySelectorAll("[data-measure]")) {
  one.addEventListener("click", () => moderate(one.dataset.measure));
}
$("sign-out").addEventListener("click", async () => {
  connection.close();
  await ask("POST", "/sign-out").catch(() => null); // without it the login ends in time
  startAnew();
});
setInterval(look, LOOK_EVERY);

if (sessionStorage.isSignedIn) enter();
else atDoor();
