/**
 * "Attack yourself", on a development server alone: hostile frames, and what the server answers to each.
 *
 * Every attack opens a connection of its own, as whoever is signed in. The chat beside it goes on.
 */

const PATH = "/ws/chat";
const SILENCE = 2_000; // as long as an answer may take

const message = (type, data) => JSON.stringify({ type, id: "a1", data });
const line = (data) => message("chat.send", { room: "lobby", text: "hello", ...data });

/** Title, what is sent (a frame or several), and the answer that is right. */
const ATTACKS = [
  ["Not JSON", () => "{type: chat.send}", "error malformed"],
  ["A key twice", () => '{"type":"chat.send","type":"admin.drop"}', "error malformed"],
  ["JSON 1,000 levels deep", () => `{"type":"chat.send","data":${"[".repeat(1000)}${"]".repeat(1000)}}`, "error malformed"],
  ["An unknown type", () => message("admin.drop", {}), "error unknown_type"],
  ["An unknown field", () => line({ admin: true }), "error invalid"],
  ["A number for a text", () => line({ text: 1 }), "error invalid"],
  ["A pattern for a room", () => line({ room: "*" }), "error invalid"],
  ["Listening without permission", () => message("wssec.subscribe", { channel: "audit:everything" }), "error permission_denied"],
  ["A frame of 70 kB", () => "x".repeat(70_000), "closed 1009"],
  ["A binary frame", () => new Uint8Array([0, 1, 2, 3]), "closed 1003"],
  ["A flood of 400 lines", () => Array(400).fill(line({ text: "buy now" })), "closed 4429"],
  ["A ticket for the second time", null, "refused before 101"],
];

/** Put the panel and its button on the page. */
export function offerAttacks({ make, ticketFor, sendAnyway }) {
  const sheet = make("link");
  sheet.rel = "stylesheet";
  sheet.href = "/attacks.css";
  document.head.append(sheet);

  const all = button("primary", "Send all");
  const shut = button("quiet", "Close");
  const rows = ATTACKS.map(([title, frames, right]) => {
    const send = button("attack-send", title);
    const answer = make("output", "answer");
    return { send, answer, run: () => attack(frames, right, answer), item: make("li", "attack", "", send, answer) };
  });
  const panel = make(
    "aside",
    "attacks",
    "",
    make("header", "attacks-head", "", make("h2", "", "Attack yourself"), shut),
    make("p", "muted small", "Each attack opens a connection of its own, with your rights. In development only."),
    all,
    make("ul", "attack-list", "", ...rows.map((row) => row.item)),
  );
  panel.id = "attacks";
  panel.setAttribute("aria-label", "Attack yourself");
  panel.hidden = true;
  document.getElementById("chat").append(panel);

  const toggle = button("quiet", "Attack yourself");
  toggle.setAttribute("aria-controls", "attacks");
  show(false);
  document.getElementById("tools").append(toggle);
  const anyway = button("link", "Try anyway");
  anyway.addEventListener("click", sendAnyway);
  document.getElementById("reader").append(anyway);

  toggle.addEventListener("click", () => show(panel.hidden));
  shut.addEventListener("click", () => show(false));
  panel.addEventListener("keydown", ({ key }) => key === "Escape" && show(false));
  all.addEventListener("click", () => run(rows));
  for (const row of rows) row.send.addEventListener("click", () => run([row]));

  function button(className, text) {
    const made = make("button", className, text);
    made.type = "button";
    return made;
  }

  function show(isShown) {
    if (!isShown && panel.contains(document.activeElement)) toggle.focus();
    panel.hidden = !isShown;
    document.getElementById("chat").classList.toggle("with-attacks", isShown);
    toggle.setAttribute("aria-expanded", String(isShown));
    if (isShown) all.focus();
  }

  /** One after the other: a person may have five connections. */
  async function run(chosen) {
    const buttons = [all, ...rows.map((row) => row.send)].filter((one) => !one.disabled);
    for (const one of buttons) one.setAttribute("aria-disabled", "true");
    if (panel.dataset.busy) return;
    panel.dataset.busy = "yes";
    for (const row of chosen) {
      row.answer.textContent = "…";
      await row.run();
    }
    delete panel.dataset.busy;
    for (const one of buttons) one.removeAttribute("aria-disabled");
  }

  async function attack(frames, right, answer) {
    let heard;
    try {
      heard = frames === null ? await useTwice() : await converse(await ticketFor(PATH), [frames()].flat());
    } catch (error) {
      heard = [`not tried: ${error.message}`];
    }
    answer.replaceChildren(...heard.map((part) => make("span", "", part)));
    answer.dataset.right = String(heard.some((part) => part.startsWith(right)));
  }

  async function useTwice() {
    const ticket = await ticketFor(PATH);
    await converse(ticket, []);
    return converse(ticket, []);
  }
}

/** Send frames on a connection of its own; what came back, in words. */
function converse(credential, frames) {
  return new Promise((resolve) => {
    const url = new URL(PATH, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, ["wssec.v1", credential]);
    const counts = new Map();
    let timer = setTimeout(finish, SILENCE);
    let opened = false;
    const hear = (what) => counts.set(what, (counts.get(what) ?? 0) + 1);

    function finish(last) {
      clearTimeout(timer);
      socket.onmessage = socket.onclose = null;
      socket.close();
      const parts = [...counts].map(([what, count]) => (count > 1 ? `${what} × ${count}` : what));
      resolve(last ? [...parts, last] : parts.length ? parts : ["opened"]);
    }

    socket.onopen = () => {
      opened = true;
      for (const frame of frames) socket.send(frame);
      if (frames.length === 0) finish();
    };
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data);
      if (answer.type === "error") hear(`error ${answer.code}`);
      else if (answer.type === "reply") hear("accepted");
      else return;
      clearTimeout(timer);
      if (frames.length === 1) finish();
      else timer = setTimeout(finish, SILENCE);
    };
    socket.onclose = ({ code, reason }) => finish(opened ? `closed ${code} ${reason}` : "refused before 101");
  });
}
