/**
 * What the pages of the examples share. Rules of this file:
 * 1. What people write becomes text, never markup: `textContent` alone, and the page's policy sees to it.
 * 2. Nothing is stored: the login is a cookie that no script can read, and a ticket is used once.
 * 3. What a page hides is a courtesy; the server decides at every message.
 */

export const $ = (id) => document.getElementById(id);

/** An element with a class, a text and children. */
export function make(tag, className = "", text = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

/** A button that does something. */
export function button(text, act, className = "") {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** A round initial: always of the same colour for one name. */
export function avatarOf(name, className = "avatar") {
  const avatar = make("span", className, [...name][0]);
  avatar.dataset.hue = String(hueOf(name));
  avatar.setAttribute("aria-hidden", "true");
  return avatar;
}

/** One of six, by name. */
export function hueOf(name) {
  return [...name].reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 65_521, 0) % 6;
}

/** A name as it is shown: Ann. */
export function titled(name) {
  const [first, ...rest] = name;
  return [first.toUpperCase(), ...rest].join("");
}

// --- plain HTTP ---

/** An answer other than 2xx; `status` is 0 where there was none. The client reads `status` and `retryAfter`. */
export class Failed extends Error {
  constructor(status, retryAfter) {
    super(`HTTP ${status}`);
    Object.assign(this, { status, retryAfter });
  }
}

/** Ask the server: `await ask("POST", "/sign-in", { name })`. */
export async function ask(method, path, body) {
  let answer;
  try {
    const headers = { "Content-Type": "application/json" };
    const sent = method === "GET" ? undefined : JSON.stringify(body ?? {});
    answer = await fetch(path, { method, headers, body: sent, cache: "no-store", redirect: "error" });
  } catch {
    throw new Failed(0);
  }
  if (!answer.ok) throw new Failed(answer.status, Number(answer.headers.get("Retry-After")) || undefined);
  return answer.status === 204 ? null : answer.json();
}

// --- the door ---

/**
 * Show who can sign in, in this element (of class `door`), and call `entered(name)` once somebody has.
 * `title` and `text` stand above.
 */
export async function showDoor(door, { title, text, entered }) {
  const error = make("p", "error");
  error.setAttribute("role", "alert");
  const list = make("ul", "people");
  const mark = make("img", "mark");
  mark.src = "/look/mark.svg";
  mark.alt = "";
  const card = make("div", "card", "", mark, make("h1", "", title), make("p", "muted", text), list, error);
  door.replaceChildren(card);
  door.hidden = false;
  const enter = async (name) => {
    error.textContent = "";
    try {
      await ask("POST", "/sign-in", { name });
    } catch ({ status }) {
      error.textContent = notSignedIn(status);
      return;
    }
    door.hidden = true;
    entered(name);
  };
  try {
    const { people } = await ask("GET", "/sign-in");
    list.append(...people.map((one) => make("li", "", "", personOf(one, enter))));
  } catch ({ status }) {
    error.textContent = status === 404 ? "This server has no sign-in: EXAMPLE_SIGN_IN is not set." : notSignedIn(status);
  }
}

function personOf({ name, may }, enter) {
  const words = make("span", "", "", make("strong", "", name), make("span", "muted small", may));
  const made = button("", () => enter(name));
  made.append(avatarOf(name), words);
  return made;
}

function notSignedIn(status) {
  if (status === 0) return "The server does not answer. Is it running?";
  if (status === 403) return `This server accepts no page of ${location.origin}. WSSEC_ORIGINS names those that it does.`;
  return "That did not work. The server does not know this person.";
}

// --- the connection ---

/** `state.reason` → why a page waits. */
const WAITS = {
  going_away: "The server is restarting.",
  internal_error: "Something went wrong on the server.",
  offline: "You are offline.",
  rate_limited: "That was too much in too short a time.",
  slow_consumer: "This connection was too slow.",
  timed_out: "The connection was idle for too long.",
  token_expired: "Your session has to be renewed.",
  try_again_later: "The server is not ready.",
  unavailable: "The server is not ready.",
  unreachable: "The server does not answer.",
};

/** `state.reason` → title, text and whether signing in again is what helps. */
const ENDINGS = {
  bad_messages: ["Disconnected", "This page sent too many messages that the server could not accept.", false],
  forbidden: ["Not for you", "You may not open this, or not any more.", false],
  replaced: ["Open somewhere else", "You have connected elsewhere, and the newest place counts.", false],
  revoked: ["Your access was revoked", "Somebody who may do so has ended it, here and wherever else you were.", true],
  token_expired: ["Your session has ended", "Sign in again to go on.", true],
  unauthenticated: ["Please sign in again", "The server no longer accepts this session.", true],
};
const OTHER_ENDING = ["Disconnected", "The server did not accept what this page sent.", false];

/**
 * Show the state of a connection in a badge (of class `state`) and, while it waits, in a banner.
 * Returns what ends it. `connection.watch` tells of every change.
 */
export function showState(connection, badge, banner) {
  let timer;
  const now = make("button", "link", "Try now");
  now.type = "button";
  now.addEventListener("click", () => connection.open());
  const text = make("span");
  banner?.replaceChildren(text, " ", now);
  const unwatch = connection.watch((state) => {
    clearInterval(timer);
    badge.dataset.state = state.name;
    const words = { connecting: "Connecting", open: "Connected", waiting: "Reconnecting", stopped: "Offline" };
    badge.textContent = words[state.name];
    if (banner && state.name !== "connecting") banner.hidden = state.name !== "waiting";
    if (!banner || state.name !== "waiting") return;
    const count = () => {
      const left = Math.max(0, Math.ceil((state.at - Date.now()) / 1000));
      text.textContent = `${WAITS[state.reason] ?? "The connection was lost."} Trying again${left ? ` in ${left} s` : ""}.`;
    };
    count();
    timer = setInterval(count, 250);
  });
  return () => {
    clearInterval(timer);
    unwatch();
  };
}

/** Say in a dialog that a connection is over for good: `reopen` connects again, `leave` goes back to the door. */
export function tellEnding(reason, { reopen, leave }) {
  if (reason === "closed") return;
  const [title, text, isSignIn] = ENDINGS[reason] ?? OTHER_ENDING;
  const dialog = make("dialog", "", "", make("h2", "", title), make("p", "muted", text));
  const act = (what) => () => {
    dialog.close();
    dialog.remove();
    what();
  };
  const actions = make("div", "actions");
  if (!isSignIn) actions.append(button("Connect again", act(reopen), "primary"));
  actions.append(button(isSignIn ? "Sign in again" : "Leave", act(leave), isSignIn ? "primary" : ""));
  dialog.append(actions);
  dialog.setAttribute("aria-label", title);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
}

// --- what has happened ---

const REFUSALS = {
  permission_denied: "The server refused this: you do not have the permission to do it.",
  rate_limited: "That was fast. Wait a moment, and go on.",
  too_big: "This is too much at once.",
  disconnected: "Not sent: the connection was lost.",
  no_answer: "No answer. It may not have been done.",
  queue_full: "Not sent: too much is waiting already.",
  stopped: "Not sent: the connection is over.",
  unavailable: "This is not available right now. Try again in a moment.",
  internal: "Something went wrong on the server.",
};

/** Say in words what the server refused; `error` is the client's `Refused`, or a `Failed`. */
export function explain(error) {
  const fields = Object.keys(error.fields ?? {}).join(", ");
  const words = REFUSALS[error.code] ?? `The server could not accept this${fields && `. Look at: ${fields}`}.`;
  toast(words, "bad");
}

/** Say something for five seconds; tone is `good`, `warn` or `bad`. The same words twice are said once. */
export function toast(text, tone = "good") {
  const place = $("toasts") ?? document.body.appendChild(toasts());
  if ([...place.children].some((one) => one.textContent === text)) return;
  const made = make("p", "toast", text);
  made.dataset.tone = tone;
  place.append(made);
  setTimeout(() => made.remove(), 5_000);
}

function toasts() {
  const place = make("div");
  place.id = "toasts";
  place.setAttribute("role", "status");
  return place;
}
