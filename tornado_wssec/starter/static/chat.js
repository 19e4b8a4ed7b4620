/**
 * The page of the chat. Rules of this file:
 * 1. What people write becomes text, never markup: `textContent` alone, and the page's policy sees to it.
 * 2. The access token lives in the variable below and nowhere else: no storage, no cookie, no URL.
 * 3. What the page hides is a courtesy; the server decides at every message.
 */

import { Connection } from "./wssec.js";

const LINES_KEPT = 200;

let token = null;
let me = null; // {name, rooms: [{name, read, write}]}
let room = null; // the one that is shown
let connection = null;
let development = null; // what only a development server offers
const lines = new Map(); // room → lines that have arrived
const unread = new Map();

const $ = (id) => document.getElementById(id);

/** An element with a class, a text and children. */
function make(tag, className = "", text = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

// --- plain HTTP: sign in, renew, sign out ---

/** An answer other than 2xx; `status` is 0 where there was none. */
class Failed extends Error {
  constructor(status, retryAfter = 0) {
    super(`HTTP ${status}`);
    Object.assign(this, { status, retryAfter });
  }
}

async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Failed(0);
  }
  if (!response.ok) throw new Failed(response.status, Number(response.headers.get("Retry-After")) || 0);
  return response.status === 204 ? null : response.json();
}

/** A single-use credential for one handshake: the token itself never gets near a URL or a log. */
async function ticketFor(path) {
  const { ticket } = await ask("POST", "/wssec/ticket", { path });
  return `wssec.ticket.${ticket}`;
}

async function renew() {
  const fresh = await ask("POST", "/renew");
  token = fresh.token;
  me = fresh; // rights may have changed
  showRooms();
  return token;
}

async function signIn(name) {
  $("door-error").textContent = "";
  try {
    const fresh = await ask("POST", "/login", { name });
    token = fresh.token;
    me = fresh;
  } catch (error) {
    $("door-error").textContent = notSignedIn(error.status);
    return;
  }
  enter();
}

function notSignedIn(status) {
  if (status === 0) return "The server does not answer. Is it running?";
  if (status === 403) return `This server accepts no page of ${location.origin}. WSSEC_ORIGINS names those that it does.`;
  return "That did not work. The server does not know this person.";
}

async function signOut() {
  const leaving = ask("POST", "/logout").catch(() => null); // it ends by itself within minutes, too
  leave();
  await leaving;
}

function leave() {
  connection?.close();
  connection = token = me = room = null;
  lines.clear();
  unread.clear();
  $("lines").replaceChildren();
  $("text").value = "";
  notice("");
  if ($("ended").open) $("ended").close();
  showDoor().then(() => $("people").querySelector("button")?.focus());
}

// --- the connection ---

function enter() {
  $("door").hidden = true;
  $("chat").hidden = false;
  $("me-name").textContent = me.name;
  $("me-avatar").replaceChildren(avatarOf(me.name));
  connection = new Connection("/ws/chat", { credential: () => ticketFor("/ws/chat"), renew });
  connection.addEventListener("state", ({ target, detail }) => target === connection && showState(detail));
  connection.addEventListener("message", ({ detail }) => detail.type === "chat.posted" && hear(detail.data));
  connection.addEventListener("refused", ({ detail }) => explain(detail));
  connection.addEventListener("renewed", ({ detail }) => {
    showUntil(detail.expiresIn, true);
    listen(); // rights may have grown
  });
  connection.addEventListener("expiring", () => notice("Your session is about to end and could not be renewed."));
  choose(me.rooms.find((one) => one.read)?.name ?? me.rooms[0].name);
  $("banner").hidden = true;
  listen();
  connection.open();
  $("text").focus();
}

/** Listen to every room that may be read: what arrives elsewhere is counted. */
function listen() {
  for (const one of me.rooms.filter((each) => each.read)) connection.subscribe(`room:${one.name}`);
}

/** Close code, or the HTTP status where no ticket was given → why the page waits. */
const REASONS = {
  429: "There are too many connections at once.",
  503: "The server is not ready.",
  1001: "The server is restarting.",
  1011: "Something went wrong on the server.",
  1013: "The server is not ready.",
  4001: "Your session ran out.",
  4401: "Your session has to be confirmed.",
  4408: "The connection was idle for too long.",
  4413: "The connection was too slow.",
  4429: "Too many messages in too short a time.",
};

const ENDINGS = {
  4001: ["Your session has ended", "It ran out and could not be renewed in time. Sign in to go on.", "Sign in again"],
  4400: ["Disconnected", "This page sent too many messages that the server could not accept.", "Connect again"],
  4401: ["Please sign in again", "The server no longer accepts this session.", "Sign in again"],
  4403: [
    "Your access was revoked",
    "Somebody who may do so has ended it, here and everywhere else you were signed in. Sign in again if you still may.",
    "Sign in again",
  ],
  4409: ["Open somewhere else", "You have connected elsewhere, and the newest place counts.", "Use this page instead"],
};
const OTHER_ENDING = ["Disconnected", "The server did not accept what this page sent.", "Connect again"];

function showState({ state, code, seconds = 0, expiresIn }) {
  $("status").dataset.state = state;
  $("status").textContent = { connecting: "Connecting", open: "Connected", waiting: "Reconnecting", ended: "Offline" }[state];
  if (state !== "connecting") $("banner").hidden = state !== "waiting";
  countDown($("banner-text"), state === "waiting" ? seconds : 0, (left) => {
    const reason = navigator.onLine ? (REASONS[code] ?? "The connection was lost.") : "You are offline.";
    return `${reason} ${left > 0 ? `Trying again in ${left} s.` : "Trying again."}`;
  });
  showUntil(state === "open" ? expiresIn : null);
  if (state === "ended" && code !== 1000) showEnding(code);
  showComposer();
}

function showEnding(code) {
  const [title, text, action] = ENDINGS[code] ?? OTHER_ENDING;
  $("ended-title").textContent = title;
  $("ended-text").textContent = text;
  $("ended-action").textContent = action;
  $("ended-action").onclick = () => {
    $("ended").close();
    if (action === "Sign in again") leave();
    else connection.open();
  };
  $("ended").showModal();
}

function showUntil(seconds, isRenewed = false) {
  const time = seconds === null ? "" : clock(new Date(Date.now() + seconds * 1000));
  $("me-until").textContent = time && (isRenewed ? `renewed until ${time}` : `until ${time}`);
  $("me-until").title = time && "It is renewed by itself while this page is open.";
}

// --- rooms and lines ---

function choose(name) {
  room = name;
  unread.delete(name);
  const { read, write } = me.rooms.find((one) => one.name === name);
  $("room-name").textContent = `# ${name}`;
  $("room-rights").textContent = write ? "You can read and write here." : read ? "You can read here." : "No access.";
  document.title = `#${name} · Chat`;
  notice("");
  showRooms();
  showLines();
  showComposer();
}

function showRooms() {
  $("rooms").replaceChildren(
    ...me.rooms.map(({ name, read, write }) => {
      const button = make("button", "room-link", "", make("span", "room-title", `# ${name}`));
      button.type = "button";
      button.disabled = !read;
      if (name === room) button.setAttribute("aria-current", "true");
      const count = unread.get(name);
      if (count) button.append(make("span", "count", String(count), make("span", "hidden", " new")));
      else if (!write) button.append(make("span", "tag", read ? "read only" : "no access"));
      button.addEventListener("click", () => choose(name));
      return make("li", "", "", button);
    }),
  );
}

function hear({ room: where, author, text }) {
  const kept = lines.get(where) ?? [];
  const line = { author, text, at: new Date() };
  lines.set(where, [...kept, line].slice(-LINES_KEPT));
  if (where === room) {
    const list = $("lines");
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    if (kept.length === 0) list.replaceChildren();
    list.append(lineOf(line, kept.at(-1)));
    if (list.childElementCount > LINES_KEPT) list.firstElementChild.remove();
    if (isAtEnd || author === me.name) list.scrollTop = list.scrollHeight;
  } else {
    unread.set(where, (unread.get(where) ?? 0) + 1);
    showRooms();
  }
}

function showLines() {
  const kept = lines.get(room) ?? [];
  const empty = make("div", "empty", "", make("strong", "", "Nothing here yet"));
  empty.append(make("span", "muted", "What is written from now on appears here."));
  $("lines").replaceChildren(...(kept.length ? kept.map((line, index) => lineOf(line, kept[index - 1])) : [empty]));
  $("lines").scrollTop = $("lines").scrollHeight;
}

function lineOf({ author, text, at }, before) {
  const follows = before?.author === author && at - before.at < 120_000;
  const line = make("article", follows ? "line follows" : "line");
  if (author === me.name) line.classList.add("own");
  const head = make("div", "line-head", "", make("strong", "", author), make("time", "muted small", clock(at)));
  line.append(avatarOf(author), make("div", "line-body", "", head, make("p", "line-text", text)));
  return line;
}

// --- writing ---

function showComposer() {
  const writes = me?.rooms.find((one) => one.name === room)?.write ?? false;
  $("composer").hidden = !writes;
  $("reader").hidden = writes;
  const isOpen = connection?.state === "open";
  $("send").disabled = !isOpen || isPaused;
  $("text").placeholder = isOpen ? `Message #${room}` : "Waiting for the connection";
}

async function send(text) {
  notice("");
  try {
    await connection.request("chat.send", { room, text });
  } catch (error) {
    $("text").value = [$("text").value, text].filter(Boolean).join("\n"); // nothing that was typed is lost
    explain(error);
  }
}

let isPaused = false;

/** Say in words what the server refused. */
function explain(error) {
  const fields = Object.keys(error.fields ?? {}).join(", ");
  const words = {
    permission_denied: "The server refused this: you do not have the permission to do it.",
    invalid: `The server could not accept this${fields && `. Look at: ${fields}`}.`,
    too_big: "This message is too long.",
    disconnected: "Not sent: the connection was lost.",
    timeout: "No answer. It may not have been delivered.",
    unavailable: "This is not available right now. Try again in a moment.",
    internal: "Something went wrong on the server.",
  };
  if (error.code === "rate_limited") pause(error.retryAfter ?? 1);
  else if (!isPaused) notice(words[error.code] ?? "The server refused this message.");
}

/** Hold back for as long as the server asks, and say so. */
function pause(seconds) {
  if (isPaused) return;
  isPaused = true;
  showComposer();
  countDown($("notice"), Math.max(seconds, 1), (left) => `That was fast. You can go on in ${Math.max(left, 1)} s.`, () => {
    isPaused = false;
    notice("");
    showComposer();
  });
}

function notice(text) {
  if (!isPaused) $("notice").textContent = text;
}

function submit(event) {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || $("send").disabled) return;
  $("text").value = "";
  send(text);
}

// --- small things ---

const timers = new WeakMap();

/** Show a text that counts seconds down in an element; 0 seconds stops it. */
function countDown(element, seconds, words, done = () => {}) {
  clearInterval(timers.get(element));
  if (seconds <= 0) return;
  const until = Date.now() + seconds * 1000;
  const show = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    element.textContent = words(Math.max(left, 0));
    if (left > 0) return;
    clearInterval(timers.get(element));
    done();
  };
  timers.set(element, setInterval(show, 250));
  show();
}

function clock(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** A round initial, in one of six colours: always the same for one name. */
function avatarOf(name) {
  const avatar = make("span", "avatar", name[0].toUpperCase());
  avatar.dataset.hue = String([...name].reduce((sum, char) => sum + char.codePointAt(0), 0) % 6);
  avatar.setAttribute("aria-hidden", "true");
  return avatar;
}

// --- the door ---

async function showDoor() {
  $("chat").hidden = true;
  $("door").hidden = false;
  document.title = "Sign in · Chat";
  try {
    development ??= await ask("GET", "/people");
  } catch (error) {
    $("door-text").textContent =
      error.status === 404
        ? "This server has no sign-in yet. DevelopmentLogin in app.py shows where yours belongs."
        : "The server does not answer. Is it running?";
    return;
  }
  $("door-text").textContent = "A development server: choose who you are. There is no password.";
  $("people").replaceChildren(...development.people.map(personOf));
}

function personOf({ name, rooms }) {
  const button = make("button", "person", "", avatarOf(name), make("span", "person-text", "", make("strong", "", name)));
  button.type = "button";
  button.lastElementChild.append(make("span", "muted small", rightsInWords(rooms)));
  button.addEventListener("click", () => signIn(name));
  return make("li", "", "", button);
}

function rightsInWords(rooms) {
  const named = (right) => {
    const some = rooms.filter((one) => one[right]).map((one) => `#${one.name}`);
    return some.length === rooms.length ? "every room" : some.join(", ");
  };
  const [read, write] = [named("read"), named("write")];
  if (read === write) return `Reads and writes in ${read}`;
  return `Reads ${read}, writes ${write ? `in ${write}` : "nowhere"}`;
}

$("composer").addEventListener("submit", submit);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
});
$("banner-now").addEventListener("click", () => connection.open());
$("sign-out").addEventListener("click", signOut);
$("ended").addEventListener("cancel", (event) => event.preventDefault());

await showDoor();
if (development !== null) {
  const { offerAttacks } = await import("./attacks.js");
  offerAttacks({ make, ticketFor, sendAnyway: () => send("May I?") });
}
