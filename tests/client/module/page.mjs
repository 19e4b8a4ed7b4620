// What a page has around the module: a WebSocket, fetch, events of the window and a clock, each in a test's hand.

import { mock } from "node:test";

export class FakeSocket {
  static all = [];
  readyState = 0;
  bufferedAmount = 0;
  sent = [];
  isClosed = false;

  constructor(url, protocols) {
    if (FakeSocket.fault) throw FakeSocket.fault;
    Object.assign(this, { url, protocols });
    FakeSocket.all.push(this);
  }

  send(message) {
    this.sent.push(typeof message === "string" ? JSON.parse(message) : message);
    this.onsent?.(this.sent.at(-1));
  }

  close() {
    this.isClosed = true;
  }

  // --- what the server does ---

  greet(facts = {}) {
    this.onopen();
    this.say({ type: "wssec.ready", data: { session: "s", nonce: "n", heartbeat: 25, expires_in: 600, ...facts } });
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  answer(message, data = {}) {
    this.say({ type: "reply", id: message.id, data });
  }

  end(code, reason = "") {
    this.onclose({ code, reason });
  }
}

export const page = {
  /** What `fetch` answers: a status, headers, or an error to throw. */
  answer: { status: 200 },
  asked: [],
  window: new EventTarget(),
  document: new EventTarget(),

  get socket() {
    return FakeSocket.all.at(-1);
  },

  begin() {
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_767_225_600_000 });
    mock.method(Math, "random", () => 0.999999);
    FakeSocket.all.length = page.asked.length = 0;
    FakeSocket.fault = undefined;
    page.answer = { status: 200 };
    page.document = new EventTarget();
    page.window = new EventTarget();
    page.online = true;
    globalThis.WebSocket = FakeSocket;
    globalThis.location = { href: "https://app.example.com/chat" };
    globalThis.document = page.document;
    globalThis.addEventListener = page.window.addEventListener.bind(page.window);
    Object.defineProperty(globalThis, "navigator", { value: { get onLine() { return page.online; } }, configurable: true });
    globalThis.fetch = async (url, options) => {
      page.asked.push({ url, ...options });
      if (page.answer instanceof Error) throw page.answer;
      const { status, headers = {} } = page.answer;
      const body = status === 200 ? JSON.stringify({ ticket: `t${page.asked.length}`, expires_in: 30 }) : null;
      return new Response(body, { status, headers });
    };
  },

  end() {
    mock.timers.reset();
    mock.restoreAll();
  },
};

/** Let everything happen that waits for nothing. */
export async function settled() {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Time passes, at most a second at once, so that what follows from what happens meanwhile is in time, too. */
export async function pass(milliseconds) {
  for (let left = milliseconds; left > 0; left -= 1_000) {
    mock.timers.tick(Math.min(left, 1_000));
    await settled();
  }
}
