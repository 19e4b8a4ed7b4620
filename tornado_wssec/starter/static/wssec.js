/**
 * A client of tornado_wssec for the browser: one module, no dependencies.
 *
 *   const connection = new Connection("/ws/chat", {
 *     credential: async () => `wssec.ticket.${await fetchTicket()}`,  // asked for before every attempt
 *     renew: async () => await fetchToken(),                           // asked for before the token ends
 *   });
 *   connection.addEventListener("state", ({ detail }) => …);    // {state, code, reason, seconds, expiresIn}
 *   connection.addEventListener("message", ({ detail }) => …);  // {type, channel, data}
 *   connection.addEventListener("refused", ({ detail }) => …);  // what no request waits for
 *   connection.open();
 *   connection.subscribe("room:lobby");
 *   await connection.request("chat.send", { room: "lobby", text: "hello" });
 *
 * It reconnects as the close code asks, with full jitter, and listens to the same channels again.
 */

/** Close code → what to do. Other codes below 3000 come from the network: back off; the rest mean stop. */
const ADVICE = new Map([
  [1000, "stop"],
  [1001, "spread out"], // the server is draining: everybody comes back, but not at once
  [1002, "stop"],
  [1003, "stop"],
  [1007, "stop"],
  [1009, "stop"],
  [1011, "back off"],
  [1013, "back off"],
  [4001, "new credential"],
  [4400, "stop"],
  [4401, "new credential"],
  [4403, "stop"], // revoked: only signing in again may help
  [4408, "reconnect"],
  [4409, "stop"],
  [4413, "back off"],
  [4429, "back off"],
]);

/** Advice → milliseconds: what the first wait is drawn from. It doubles with every failure, up to the longest. */
const FIRST_WAIT = { "reconnect": 500, "new credential": 500, "back off": 1_500, "spread out": 8_000 };
const LONGEST_WAIT = 30_000;
const STABLE_AFTER = 10_000; // a connection that held this long has not failed
const ANSWER_WITHIN = 15_000;
const LIFE_WITHIN = 5_000;

/** The server said no, or nobody answered: `code` says which; `fields` and `retryAfter` (seconds) where it told. */
export class Refused extends Error {
  constructor({ code, detail = "", fields = null, retry_after: retryAfter = null }) {
    super(detail || code);
    Object.assign(this, { name: "Refused", code, fields, retryAfter });
  }
}

export class Connection extends EventTarget {
  state = "closed"; // → connecting → open → waiting → connecting …, or ended
  #url;
  #credential;
  #renew;
  #socket = null;
  #turn = 0; // what an abandoned attempt still brings belongs to another turn and is ignored
  #failures = 0;
  #openedAt = 0;
  #lastCode = null;
  #timer = 0;
  #ids = 0;
  #pending = new Map();
  #channels = new Set();
  #left = new AbortController();

  constructor(path, { credential, renew = null }) {
    super();
    this.#url = new URL(path, location.href);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    this.#credential = credential;
    this.#renew = renew;
    const { signal } = this.#left;
    addEventListener("online", () => (this.state === "waiting" ? this.open() : this.check()), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.check(), { signal });
  }

  /** Connect now, also where it is waiting to. A credential that is refused with 401 or 403 is the end. */
  async open() {
    const turn = this.#abandon();
    this.#change("connecting");
    let credential;
    try {
      credential = await this.#credential();
    } catch (error) {
      if (turn !== this.#turn) return;
      const refused = error.status === 401 || error.status === 403;
      if (refused) this.#end(this.#lastCode === 4001 ? 4001 : 4401);
      else this.#wait("back off", error.status || (this.#lastCode ?? 1006), error.retryAfter);
      return;
    }
    if (turn === this.#turn) this.#connect(turn, credential);
  }

  /** Leave for good. */
  close() {
    this.#left.abort();
    this.#abandon();
    this.#end(1000);
  }

  /** Send a message; resolves to the data of its reply, rejects with Refused. */
  request(type, data = {}, within = ANSWER_WITHIN) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Refused({ code: "disconnected" }));
    const id = `m${++this.#ids}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, { code: "timeout", type: "error" }), within);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ type, id, data }));
    });
  }

  /** Listen to a channel from now on, or from the next connection on, and after every reconnect. */
  async subscribe(channel) {
    this.#channels.add(channel);
    if (this.state !== "open") return;
    try {
      await this.request("wssec.subscribe", { channel });
    } catch (error) {
      if (error.code === "permission_denied") this.#channels.delete(channel);
      this.#tell("refused", error);
    }
  }

  /** See whether the other end is still there: a phone that slept learns of a dead connection by asking alone. */
  async check() {
    if (this.state !== "open") return;
    const turn = this.#turn;
    try {
      await this.request("ping", undefined, LIFE_WITHIN);
    } catch (error) {
      if (error.code === "timeout" && turn === this.#turn) this.#lost(1006, "");
    }
  }

  #connect(turn, credential) {
    const socket = (this.#socket = new WebSocket(this.#url, ["wssec.v1", credential]));
    socket.onmessage = ({ data }) => turn === this.#turn && this.#receive(JSON.parse(data));
    socket.onclose = ({ code, reason }) => turn === this.#turn && this.#lost(code, reason);
  }

  #receive(message) {
    if (message.id !== undefined) this.#settle(message.id, message);
    else if (message.type === "wssec.ready") this.#ready(message.data);
    else if (message.type === "wssec.expiring") this.#refresh(message.data.expires_in);
    else if (message.type === "error") this.#tell("refused", new Refused(message));
    else this.#tell("message", message);
  }

  #ready(facts) {
    this.#openedAt = Date.now();
    this.#lastCode = null;
    this.#change("open", { expiresIn: facts.expires_in });
    for (const channel of this.#channels) this.subscribe(channel);
  }

  /** Put a fresh token in force on the open connection; try again while the old one still holds. */
  async #refresh(expiresIn) {
    const turn = this.#turn;
    const deadline = Date.now() + expiresIn * 1000;
    for (let wait = 1000; this.#renew !== null && turn === this.#turn; wait *= 2) {
      try {
        const { expires_in: fresh } = await this.request("wssec.refresh", { token: await this.#renew() });
        return this.#tell("renewed", { expiresIn: fresh });
      } catch (error) {
        if (error.status === 401 || error.status === 403 || Date.now() + wait > deadline) break;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    if (turn === this.#turn) this.#tell("expiring", { expiresIn });
  }

  #lost(code, reason) {
    const hadStood = this.#openedAt > 0;
    if (hadStood && Date.now() - this.#openedAt > STABLE_AFTER) this.#failures = 0;
    this.#abandon();
    this.#lastCode = code;
    const advice = ADVICE.get(code) ?? (code < 3000 ? "back off" : "stop");
    if (advice === "stop" || (advice === "new credential" && !hadStood)) this.#end(code, reason);
    else this.#wait(advice, code);
  }

  #wait(advice, code, atLeast = 0) {
    const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT[advice] * 2 ** this.#failures++);
    const milliseconds = (atLeast ?? 0) * 1000 + Math.random() * ceiling;
    this.#change("waiting", { code, seconds: milliseconds / 1000 });
    this.#timer = setTimeout(() => this.open(), milliseconds);
  }

  #end(code, reason = "") {
    this.#change("ended", { code, reason });
  }

  /** Let go of the socket, and of whoever waits for it. */
  #abandon() {
    clearTimeout(this.#timer);
    this.#openedAt = 0;
    this.#socket?.close();
    this.#socket = null;
    for (const id of [...this.#pending.keys()]) this.#settle(id, { type: "error", code: "disconnected" });
    return ++this.#turn;
  }

  #settle(id, message) {
    const waiting = this.#pending.get(id);
    if (waiting === undefined) return;
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    if (message.type === "error") waiting.reject(new Refused(message));
    else waiting.resolve(message.data);
  }

  #change(state, facts = {}) {
    this.state = state;
    this.#tell("state", { state, ...facts });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
