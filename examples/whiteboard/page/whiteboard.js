/** The whiteboard's page. What it hides is a courtesy; the server decides at every message. */

import { $, Failed, ask, avatarOf, button, explain, hueOf, make, showDoor, showState, tellEnding, titled, toast } from "/look/page.js";
import { Connection, ticket } from "/wssec/client/wssec.js";
import { Paper, SIZE, extended, within } from "./paper.js";

const COLORS = { Ink: "#1a1f1d", Green: "#0e7a5f", Blue: "#2f5fd0", Red: "#c8372d", Orange: "#d9822b", Violet: "#7a4fc0" };
const WIDTHS = { Fine: 3, Medium: 7, Broad: 16 };
const CURSOR_EVERY = 200; // milliseconds
const CURSOR_STAYS = 4_000;
const KEY_STEP = 20; // units that an arrow key moves the pen
const RELOAD_AFTER = 5_000;
const ROLES = { owner: "Owner", editor: "Can draw", viewer: "Can look", nobody: "No access" };

const paper = new Paper($("paper"));
const pen = { shape: "freehand", color: COLORS.Ink, width: WIDTHS.Medium };
const cursors = new Map();
let me = null;
let boards = [];
let board = null;
let connection = null;
let unwatch = () => {};
let here = [];
let roles = {};
let loadedAt = 0;
let stroke = null; // what is being drawn
let keyed = null; // where the keyboard holds the pen

// --- who I am, and which boards there are ---

async function enter() {
  try {
    await lookForBoards();
  } catch ({ status }) {
    if (status === 401) return showTheDoor();
    return toast("The server does not answer. Load the page anew.", "bad");
  }
  $("me-name").textContent = titled(me);
  $("me-avatar").replaceChildren(avatarOf(me, "avatar little"));
  $("door").hidden = true;
  $("desk").hidden = false;
  choose((boards.find((one) => one.name === "roadmap") ?? boards[0])?.name);
}

function showTheDoor() {
  connection?.close();
  connection = board = null;
  $("desk").hidden = true;
  document.title = "Whiteboard";
  return showDoor($("door"), {
    title: "Draw together",
    text: "A demonstration: choose who you are. There is no password.",
    entered: enter,
  });
}

async function lookForBoards() {
  ({ name: me, boards } = await ask("GET", "/boards"));
  showBoards();
}

function showBoards() {
  const buttons = boards.map(({ name }) => {
    const made = button(name, () => choose(name));
    if (name === board) made.setAttribute("aria-current", "true");
    return make("li", "", "", made);
  });
  $("boards").replaceChildren(...buttons);
}

// --- one board ---

/** Asked before every attempt: whether the board may still be opened, by HTTP, where a refusal can be read. */
async function credential(path) {
  await lookForBoards();
  if (!boards.some((one) => path.endsWith(`/${one.name}`))) throw new Failed(403);
  return ticket()(path);
}

function choose(name) {
  if (name && name === board && connection?.state.name === "open") return;
  unwatch();
  connection?.close();
  board = name ?? null;
  [here, roles] = [[], Object.fromEntries(boards.filter((one) => one.name === name).map((one) => [me, one.role]))];
  loadedAt = 0;
  paper.clear();
  cursors.clear();
  $("cursors").replaceChildren();
  showBoards();
  showRole();
  document.title = name ? `${name} · Whiteboard` : "Whiteboard";
  $("board-name").textContent = name ?? "Boards";
  if (name) connect(name);
}

function connect(name) {
  const opened = (connection = new Connection(`/ws/boards/${name}`, { credential }));
  const isOurs = () => opened === connection;
  const endBadge = showState(opened, $("state"), $("banner"));
  const endWatch = opened.watch((state) => isOurs() && changed(state));
  unwatch = () => [endBadge, endWatch].forEach((end) => end());
  opened.on("board.drawn", (one) => isOurs() && told(() => paper.add(one, one.author !== me && Date.now() - loadedAt > 1_000)));
  opened.on("board.undone", (one) => isOurs() && told(() => paper.remove(one.author, one.stroke)));
  opened.on("board.cleared", () => isOurs() && told(() => paper.clear()));
  opened.on("board.people", ({ people }) => isOurs() && showPeople(people, roles));
  opened.on("board.shared", ({ person, role }) => isOurs() && shared(person, role));
  opened.on("board.cursor", (one) => isOurs() && pointed(one));
  opened.on("wssec.gap", ({ channel }) => isOurs() && channel === `board:${name}` && load());
  opened.on("wssec.unsubscribed", () => isOurs() && putOut());
  opened.open();
  load();
  opened.subscribe(`board:${name}:live`).catch(() => {});
}

/**
 * Everything that is on the board, from its history; after a reconnect the client asks for what it missed alone.
 * Who asks for all of it is told a gap at once, since there may have been more before: that is no reason to ask again.
 */
function load() {
  if (Date.now() - loadedAt < RELOAD_AFTER) return;
  loadedAt = Date.now();
  paper.clear();
  connection.subscribe(`board:${board}`, { since: 0 }).catch(() => {});
}

async function changed(state) {
  if (state.name === "stopped") return tellEnding(state.reason, { reopen: () => connection.open(), leave: enter });
  if (state.name !== "open") return;
  const about = connection;
  const told = await about.request("board.look", { board }).catch(() => null);
  if (told && about === connection) showPeople(told.people, told.roles);
}

function putOut() {
  connection.close();
  showPeople([], {});
  tellEnding("forbidden", { reopen: () => enter(), leave: () => enter() });
}

function shared(person, role) {
  const before = roles[person];
  showPeople(here, { ...roles, [person]: role });
  if (person === me && role !== before) toast({ editor: "You can draw here now.", viewer: "You can only look now." }[role]);
}

/** Do what the server has told, and say how much there is to whoever cannot see it. */
function told(act) {
  act();
  const count = paper.count;
  $("paper").setAttribute("aria-label", `The board ${board}: ${count} ${count === 1 ? "stroke" : "strokes"}`);
  $("paper").dataset.strokes = String(count);
}

// --- people ---

function showPeople(people, all) {
  [here, roles] = [people, all];
  showRole();
}

function showRole() {
  const mine = roles[me];
  $("tools").hidden = mine !== "owner" && mine !== "editor";
  $("looking").hidden = mine !== "viewer";
  $("wipe").hidden = $("share-hint").hidden = mine !== "owner";
  $("nothing").hidden = board !== null;
  $("sheet").hidden = $("side").hidden = $("state").hidden = board === null;
  $("sheet").dataset.role = mine ?? "nobody";
  $("count").textContent = `${here.length} here`;
  const names = Object.keys(roles).sort(
    (one, other) => here.includes(other) - here.includes(one) || one.localeCompare(other),
  );
  const focused = document.activeElement?.dataset?.person;
  $("people").replaceChildren(...names.filter((name) => mine === "owner" || (roles[name] ?? "nobody") !== "nobody").map(memberOf));
  if (focused) $("people").querySelector(`[data-person="${CSS.escape(focused)}"]`)?.focus();
  fit();
}

function memberOf(name) {
  const role = roles[name] ?? "nobody";
  const isHere = here.includes(name);
  const words = make("span", "words", "", make("strong", "", name === me ? `${titled(name)} (you)` : titled(name)));
  const row = make("li", "", "", make("span", "who", "", avatarOf(name, "avatar")), words);
  row.dataset.here = String(isHere);
  if (roles[me] === "owner" && role !== "owner") {
    words.append(make("span", "muted small", isHere ? "Here" : "Away"));
    row.append(choiceOf(name, role));
  } else words.append(make("span", "muted small", `${ROLES[role]}${isHere ? ", here" : ""}`));
  return row;
}

function choiceOf(name, role) {
  const select = make("select");
  select.setAttribute("aria-label", `What ${name} may do`);
  select.dataset.person = name;
  for (const one of ["editor", "viewer", "nobody"]) select.append(new Option(ROLES[one], one, false, one === role));
  select.addEventListener("change", async () => {
    const wanted = select.value;
    try {
      await connection.request("board.share", { board, person: name, role: wanted });
    } catch (error) {
      select.value = role;
      explain(error);
    }
  });
  return select;
}

// --- drawing ---

function begin(point) {
  stroke = { author: me, stroke: crypto.randomUUID(), points: [point], ...look() };
  paper.draft = stroke;
}

function look() {
  return { shape: pen.shape, color: pen.color, style: { width: pen.width } };
}

function go(point) {
  if (stroke) paper.draft = stroke = { ...stroke, points: extended(stroke.shape, stroke.points, point) };
}

/** It is ours at once, everybody's once the server has taken it, and gone where it has not. */
async function finish() {
  const { author, ...drawn } = stroke;
  paper.draft = stroke = null;
  paper.add({ author, ...drawn });
  const about = connection;
  try {
    await about.request("board.draw", { board, ...drawn, drawn_at: new Date().toISOString() });
  } catch (error) {
    if (about === connection) told(() => paper.remove(author, drawn.stroke));
    explain(error);
  }
}

async function undo() {
  const id = paper.lastOf(me);
  if (id) await connection.request("board.undo", { board, stroke: id }).catch(explain);
}

$("paper").addEventListener("pointerdown", (event) => {
  if (!event.isPrimary) paper.draft = stroke = null; // a second finger: what the first one began is no drawing
  if (event.button !== 0 || !event.isPrimary || !connection) return;
  $("paper").setPointerCapture(event.pointerId);
  begin(paper.place(event));
});
$("paper").addEventListener("pointermove", (event) => {
  if (!event.isPrimary) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) go(paper.place(each));
  point(paper.place(event));
});
$("paper").addEventListener("pointerup", () => stroke && finish());
$("paper").addEventListener("pointercancel", () => (paper.draft = stroke = null));

/** By keyboard: arrows move the pen, the space bar sets it down and lifts it, Escape drops what was begun. */
$("paper").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!step && ![" ", "Escape"].includes(event.key)) return;
  event.preventDefault();
  keyed ??= { x: SIZE.width / 2, y: SIZE.height / 2 };
  if (step) {
    keyed = within({ x: keyed.x + step[0] * KEY_STEP, y: keyed.y + step[1] * KEY_STEP });
    go(keyed);
    point(keyed);
    pointed({ author: me, ...keyed });
  } else if (event.key === "Escape") paper.draft = stroke = null;
  else if (stroke) finish();
  else begin(keyed);
});

// --- cursors ---

let pointedAt = 0;

/** Tell the others where I point, if there are any. */
function point({ x, y }) {
  const now = Date.now();
  if (now - pointedAt < CURSOR_EVERY || here.length < 2 || connection?.state.name !== "open") return;
  pointedAt = now;
  connection.send("wssec.publish", { channel: `board:${board}:live`, type: "board.cursor", data: { board, x, y } });
}

function pointed({ author, x, y }) {
  if (author === me && !keyed) return;
  const cursor = cursors.get(author) ?? cursorOf(author);
  const box = $("paper").getBoundingClientRect();
  cursor.style.translate = `${(x / SIZE.width) * box.width}px ${(y / SIZE.height) * box.height}px`;
  clearTimeout(Number(cursor.dataset.timer));
  cursor.dataset.timer = String(
    setTimeout(() => {
      cursor.remove();
      cursors.delete(author);
    }, CURSOR_STAYS),
  );
}

function cursorOf(author) {
  const cursor = make("span", "cursor", titled(author));
  cursor.dataset.hue = String(hueOf(author));
  cursors.set(author, cursor);
  $("cursors").append(cursor);
  return cursor;
}

// --- tools ---

function pressed(group, chosen) {
  for (const each of $(group).children) each.setAttribute("aria-pressed", String(each === chosen));
}

function choices(group, options, kind, act, first) {
  for (const [name, value] of Object.entries(options)) {
    const made = button("", () => (act(value), pressed(group, made)));
    const inside = make("span", kind);
    if (kind === "swatch") inside.style.background = value;
    else inside.style.width = inside.style.height = `${4 + value * 0.8}px`;
    made.append(inside);
    made.title = name;
    made.setAttribute("aria-label", name);
    made.setAttribute("aria-pressed", String(value === first));
    $(group).append(made);
  }
}

choices("colors", COLORS, "swatch", (color) => (pen.color = color), pen.color);
choices("widths", WIDTHS, "dot", (width) => (pen.width = width), pen.width);
for (const each of $("shapes").children) {
  each.addEventListener("click", () => ((pen.shape = each.dataset.shape), pressed("shapes", each)));
}
$("undo").addEventListener("click", undo);
$("wipe").addEventListener("click", () => connection.request("board.clear", { board }).catch(explain));
$("again").addEventListener("click", enter);
$("sign-out").addEventListener("click", async () => {
  connection?.close();
  await ask("POST", "/sign-out").catch(() => null);
  showTheDoor();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && !$("tools").hidden) undo();
});

// --- as large as it can be ---

function fit() {
  const stage = document.querySelector(".stage");
  const style = getComputedStyle(stage);
  const isNarrow = matchMedia("(max-width: 900px)").matches;
  const [margin, below] = isNarrow ? [0, 0] : [24, 72]; // the tools stand below
  const wide = stage.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 2 * margin;
  const high = isNarrow ? Infinity : stage.clientHeight - $("banner").offsetHeight - 2 * margin - below;
  const width = Math.floor(Math.min(wide, (high * SIZE.width) / SIZE.height));
  if (width <= 0) return;
  const height = Math.floor((width * SIZE.height) / SIZE.width);
  Object.assign($("sheet").style, { width: `${width}px`, height: `${height}px` });
  paper.fit(width - 2, height - 2);
}

new ResizeObserver(fit).observe(document.querySelector(".stage"));
await enter();
