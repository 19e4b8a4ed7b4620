// What a cheat would try, with all that the page itself has: each attempt on a socket of its own.
//
// The socket is opened by hand, since the client of the page would not send such things.

import { $, button, make } from "/look/page.js";
import * as session from "./session.js";

const PATIENCE = 5_000;

/** What is tried; `expected` is the only answer that is right. */
const CHEATS = [
  {
    title: "Order without a signature",
    expected: "signature_invalid",
    attempt: async (line) => line.ask(order()),
  },
  {
    title: "Send a signed order twice",
    needsKey: true,
    expected: "replayed",
    attempt: async (line) => {
      const envelope = await line.signed(order({ symbol: "none" })); // a symbol that nobody trades: it is taken, and refused
      await line.ask(envelope);
      return line.ask(envelope);
    },
  },
  {
    title: "Change an order after signing",
    needsKey: true,
    expected: "signature_invalid",
    attempt: async (line) => {
      const { data, ...rest } = await line.signed(order());
      const [head, body, mark] = data.jws.split(".");
      const text = atob(body.replaceAll("-", "+").replaceAll("_", "/")).replace('\\"quantity\\":1', '\\"quantity\\":9');
      const altered = btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
      return line.ask({ ...rest, data: { jws: `${head}.${altered}.${mark}` } });
    },
  },
  {
    title: "Order for somebody else’s account",
    needsKey: true,
    expected: "permission_denied",
    attempt: async (line) => line.ask(await line.signed(order({ account: session.me.account === "1001" ? "2002" : "1001" }))),
  },
  {
    title: "Listen to somebody else’s orders",
    expected: "permission_denied",
    attempt: async (line) => {
      const channel = `orders:${session.me.account === "1001" ? "2002" : "1001"}`;
      return line.ask({ type: "wssec.subscribe", id: "cheat", data: { channel } });
    },
  },
];

function order(changes = {}) {
  const data = { order: crypto.randomUUID(), account: session.me.account ?? "1001", symbol: "nrdw", side: "buy", quantity: 1 };
  return { type: "order.place", id: "cheat", data: { ...data, timeInForce: "ioc", ...changes } };
}

/** One socket: `ask` sends a message and gives the code of the answer, `signed` wraps one. */
async function open() {
  const shown = await session.credential("/ws/desk");
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws/desk", ["wssec.v1", shown]);
  let answer = () => {};
  const ready = new Promise((resolve, reject) => {
    socket.onclose = reject;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "wssec.ready") resolve(message.data.nonce);
      if (message.id) answer(message.code ?? message.type);
    };
  });
  const nonce = await ready;
  const signer = session.key?.signer(nonce);
  return {
    close: () => socket.close(1000),
    ask: (message) =>
      new Promise((resolve) => {
        answer = resolve;
        setTimeout(resolve, PATIENCE, "no answer");
        socket.send(JSON.stringify({ id: "cheat", ...message })); // an envelope has one, too: refused, it is never opened
      }),
    signed: async (message) => ({ type: "wssec.signed", data: { jws: await signer.sign(JSON.stringify(message)) } }),
  };
}

/** Offer them all, each with a place for what the server says. */
export function offerCheats() {
  const rows = CHEATS.filter(({ needsKey }) => session.key || !needsKey).map((cheat) => {
    const answer = make("span", "answer muted", "not tried");
    const attempt = async () => {
      go.disabled = true;
      const line = await open();
      const code = await cheat.attempt(line).finally(line.close);
      answer.textContent = `refused: ${code}`;
      answer.dataset.right = String(code === cheat.expected);
      if (code !== cheat.expected) answer.textContent = `answered: ${code}`;
      go.disabled = false;
    };
    const go = button("Try", attempt, "quiet");
    go.setAttribute("aria-label", `Try: ${cheat.title}`);
    return { attempt, item: make("li", "cheat", "", make("span", "", cheat.title), answer, go) };
  });
  $("cheats").replaceChildren(...rows.map(({ item }) => item));
  $("cheat-all").onclick = async () => {
    for (const { attempt } of rows) await attempt();
  };
}
