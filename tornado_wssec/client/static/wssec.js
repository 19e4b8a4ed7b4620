// A client of tornado_wssec for the browser: one module, no dependencies, nothing stored.
//
// Rules of this file:
// 1. The close code decides whether it comes back, and no wait is the same for two clients.
// 2. Nothing is sent twice: what had left when the connection broke is rejected, and only the caller knows if it may be repeated.
// 3. Whatever waits is bounded, in number and in time.
// 4. What an abandoned attempt still brings belongs to another turn, and is ignored.

/** Close code → what a page is told, and what is done about it: as the server's own table says. */
const CLOSES = {
  1000: ["normal", "stop"],
  1001: ["going_away", "reconnect, spread out"],
  1002: ["protocol_error", "stop"],
  1003: ["unsupported_data", "stop"],
  1007: ["invalid_payload", "stop"],
  1009: ["message_too_big", "stop"],
  1011: ["internal_error", "back off"],
  1013: ["try_again_later", "back off"],
  4001: ["token_expired", "new token, reconnect"],
  4400: ["bad_messages", "stop"],
  4401: ["unauthenticated", "new credential"],
  4403: ["revoked", "log in again"],
  4408: ["timed_out", "reconnect"],
  4409: ["replaced", "stop"],
  4413: ["slow_consumer", "back off"],
  4429: ["rate_limited", "back off"],
};

/** Advice → milliseconds from which the first wait is drawn; it doubles with every failure. Others mean the end. */
const FIRST_WAIT = {
  "reconnect": 500,
  "new token, reconnect": 500,
  "new credential": 500,
  "back off": 1_500,
  "reconnect, spread out": 8_000,
};
const LONGEST_WAIT = 30_000;
const STABLE_AFTER = 10_000; // a connection that held this long has not failed
const READY_WITHIN = 20_000; // credential, handshake and `wssec.ready` together
const CLOSED_WITHIN = 1_000; // an error without a close after this time is a policy of the page
const LIFE_WITHIN = 5_000;
const HANDLED_WITHIN = 15_000; // a ping waits behind a handler that is at work, as every message does
const BUFFERED_BYTES = 1024 * 1024;
const PASSING = ["rate_limited", "unavailable", "timeout", "no_answer", "queue_full"]; // may be asked again

/** The server said no, or nobody answered: `code` says which. `fields` and `retryAfter` (seconds) where it told. */
export class Refused extends Error {
  name = "Refused";

  constructor({ code, detail, fields, retry_after: retryAfter }) {
    super(detail ?? code);
    Object.assign(this, { code, fields, retryAfter });
  }
}

/** An HTTP answer that is no success: what a handshake would hide from a page. */
export class HttpRefused extends Error {
  name = "HttpRefused";

  constructor({ status, headers }) {
    super(`HTTP ${status}`);
    this.status = status;
    this.retryAfter = Number(headers.get("Retry-After")) || undefined;
  }
}

/** A credential: asks for a ticket before every attempt, with the page's cookie or with a token. */
export function ticket({ url = "/wssec/ticket", token } = {}) {
  return async (path) => {
    const headers = { "Content-Type": "application/json" };
    if (token) headers.Authorization = `Bearer ${await token()}`;
    const body = JSON.stringify({ path });
    const signal = AbortSignal.timeout(READY_WITHIN / 2);
    const answer = await fetch(url, { method: "POST", headers, body, signal, cache: "no-store", redirect: "error" });
    if (!answer.ok) throw new HttpRefused(answer);
    return `wssec.ticket.${(await answer.json()).ticket}`;
  };
}

export class Connection {
  #url;
  #credential;
  #renew;
  #signer;
  #signed;
  #flat;
  #most;
  #within;
  #state = { name: "stopped", reason: "closed" };
  #watchers = new Set();
  #listeners = new Map();
  #channels = new Map();
  #asked = new Map();
  #queue = [];
  #socket = null;
  #turn = 0;
  #count = 0;
  #failures = 0;
  #lastCode;
  #readyAt = 0;
  #heardAt = 0;
  #timer;
  #pulse;
  #isRenewing = false;
  #marks; // what signs on this connection, or the promise of it
  #marked = Promise.resolve();
  #ears;

  constructor(url, { credential = ticket(), renew, signer, signed = [], flat, queue = 64, within = 15_000 } = {}) {
    this.#url = new URL(url, globalThis.location?.href);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    this.#credential = credential;
    this.#renew = renew;
    this.#signer = signer;
    this.#signed = new Set(signed);
    this.#flat = flat;
    this.#most = queue;
    this.#within = within;
  }

  /** What a page can show: `{name, reason, …}`. */
  get state() {
    return this.#state;
  }

  /** Tell the state, now and whenever it changes; the returned function ends it. */
  watch(tell) {
    this.#watchers.add(tell);
    tell(this.#state);
    return () => this.#watchers.delete(tell);
  }

  /** Hear messages of a type; the returned function ends it. */
  on(type, hear) {
    const hearing = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, hearing.add(hear));
    return () => hearing.delete(hear);
  }

  /** Connect now, also where it waits or has stopped. */
  open() {
    const turn = this.#drop();
    this.#listen();
    this.#set({ name: "connecting" });
    this.#timer = setTimeout(() => this.#lost(1006), READY_WITHIN);
    this.#connect(turn);
  }

  /** Leave, until `open()`. */
  close() {
    this.#stop("closed");
  }

  /** Send a message; resolves to the data of its reply, rejects with Refused. While offline it waits in the queue. */
  request(type, data, { within = this.#within, payload } = {}) {
    const id = `c${++this.#count}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, "no_answer"), within);
      this.#asked.set(id, { resolve, reject, timer });
      this.#send({ type, id, data }, payload);
    });
  }

  /** Send a message that nobody waits for; false where there is no room for it. What is wrong with it comes to `on("error")`. */
  send(type, data, { payload } = {}) {
    return this.#send({ type, data }, payload);
  }

  /** Listen to a channel, after every reconnect again; resolves once the server has agreed. */
  subscribe(channel, { since } = {}) {
    this.#channels.get(channel)?.resolve();
    const entry = { seq: since };
    const agreed = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    agreed.catch(() => {}); // `wssec.unsubscribed` tells it as well
    this.#channels.set(channel, entry);
    if (this.#isOpen) this.#join(channel, entry);
    return agreed;
  }

  /** Listen no more. */
  async unsubscribe(channel) {
    this.#channels.get(channel)?.resolve();
    if (this.#channels.delete(channel) && this.#isOpen) await this.request("wssec.unsubscribe", { channel });
  }

  /** See whether the other end is still there: who slept learns of a dead connection by asking alone. */
  async check() {
    if (!this.#isOpen) return;
    const [turn, at] = [this.#turn, this.#heardAt];
    const within = this.#asked.size ? HANDLED_WITHIN : LIFE_WITHIN;
    const code = await this.request("ping", undefined, { within }).catch((error) => error.code);
    if (code === "no_answer" && turn === this.#turn && at === this.#heardAt) this.#lost(1006, "silent");
  }

  get #isOpen() {
    return this.#state.name === "open";
  }

  async #connect(turn) {
    let shown;
    try {
      shown = await this.#credential?.(this.#url.pathname);
    } catch (error) {
      if (turn === this.#turn) this.#refused(error);
      return;
    }
    if (turn !== this.#turn) return;
    try {
      this.#carry(turn, shown, new WebSocket(this.#url.href, typeof shown === "string" ? ["wssec.v1", shown] : ["wssec.v1"]));
    } catch {
      this.#stop("blocked"); // such as ws: from a page that came by https
    }
  }

  #carry(turn, shown, socket) {
    const isOurs = () => turn === this.#turn;
    let isOpened = false;
    this.#socket = socket;
    socket.onopen = () => {
      isOpened = true;
      if (isOurs() && shown && typeof shown === "object") this.#put({ type: "wssec.auth", data: shown });
    };
    socket.onmessage = ({ data }) => isOurs() && this.#receive(data);
    socket.onclose = ({ code, reason }) => isOurs() && this.#lost(code, isOpened ? "lost" : "unreachable", reason);
    socket.onerror = () => {
      // Content-Security-Policy ends an attempt without a close event.
      if (!isOpened) setTimeout(() => isOurs() && this.#stop("blocked"), CLOSED_WITHIN);
    };
  }

  #receive(text) {
    this.#heardAt = Date.now();
    const message = this.#understood(JSON.parse(text));
    const { type, id, channel, seq, data } = message;
    if (id !== undefined) return this.#settle(id, message);
    if (type === "wssec.ready") return this.#ready(data);
    if (type === "wssec.expiring") this.#refresh(data);
    if (type === "wssec.unsubscribed") this.#channels.delete(data.channel);
    const entry = this.#channels.get(channel);
    if (entry && seq !== undefined) entry.seq = seq;
    this.#tell(type, type === "error" ? new Refused(message) : data, message);
  }

  #ready({ session, nonce, heartbeat, expires_in: expiresIn }) {
    clearTimeout(this.#timer);
    this.#readyAt = this.#heardAt;
    this.#marks = undefined;
    this.#marks = this.#signer && (async () => this.#signer(nonce))();
    this.#marks?.catch(() => {}); // told to whoever signs
    const beat = heartbeat * 1000;
    this.#pulse = setInterval(() => Date.now() - this.#heardAt >= beat && this.check(), beat);
    this.#set({ name: "open", session, expiresIn });
    for (const [channel, entry] of this.#channels) this.#join(channel, entry);
    for (const [message, payload] of this.#queue.splice(0)) {
      if (!message.id || this.#asked.has(message.id)) this.#send(message, payload);
    }
  }

  async #join(channel, entry) {
    const [turn, since] = [this.#turn, entry.seq];
    const isCurrent = () => turn === this.#turn && this.#channels.get(channel) === entry;
    try {
      const { seq } = await this.request("wssec.subscribe", { channel, since });
      if (!isCurrent()) return;
      entry.seq ??= seq;
      // A channel without a history cannot say what was missed; so it may be anything.
      if (entry.isKnown && since === undefined) this.#tell("wssec.gap", { channel });
      entry.isKnown = true;
      entry.resolve();
    } catch (error) {
      if (!isCurrent()) return;
      if (PASSING.includes(error.code)) {
        const wait = (error.retryAfter ?? 1) * 1000 * (1 + Math.random());
        setTimeout(() => isCurrent() && this.#join(channel, entry), wait);
        return;
      }
      this.#channels.delete(channel);
      entry.reject(error);
      this.#tell("wssec.unsubscribed", { channel });
    }
  }

  /** Put a fresh token in force on the open connection; try again while the old one still holds. */
  async #refresh({ expires_in: left, grace }) {
    if (!this.#renew || this.#isRenewing) return;
    const turn = this.#turn;
    const until = Date.now() + (left + grace) * 1000;
    this.#isRenewing = true;
    for (let wait = 1_000; turn === this.#turn; wait *= 2) {
      try {
        const token = await this.#renew();
        if (turn !== this.#turn) break;
        const { expires_in: expiresIn } = await this.request("wssec.refresh", { token });
        this.#set({ ...this.#state, expiresIn });
        break;
      } catch ({ status }) {
        if (status === 401 || status === 403 || Date.now() + wait > until) break;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
    if (turn === this.#turn) this.#isRenewing = false;
  }

  /** No credential could be had: unlike a handshake, HTTP says why. */
  #refused({ status, retryAfter }) {
    const reason = { 401: "unauthenticated", 403: "forbidden", 429: "rate_limited" }[status];
    if (status === 401 || status === 403) this.#stop(this.#lastCode === 4001 ? "token_expired" : reason);
    else this.#wait(FIRST_WAIT["back off"], { reason: reason ?? (status ? "unavailable" : "unreachable") }, retryAfter);
  }

  #lost(code, instead = "unreachable", text = "") {
    if (this.#readyAt && Date.now() - this.#readyAt > STABLE_AFTER) this.#failures = 0;
    const isAgain = code === 4401 && this.#lastCode === 4401 && this.#failures > 0;
    const [reason, advice] = CLOSES[code] ?? (code < 3000 ? [instead, "back off"] : ["application", "stop"]);
    this.#lastCode = code;
    const within = code === 1001 && /; retry within (\d{1,3}) s$/.exec(text)?.[1] * 1000; // by how many it tells the same
    if (advice in FIRST_WAIT && !isAgain) this.#wait(within || FIRST_WAIT[advice], { reason, code });
    else this.#stop(reason, code, text);
  }

  #wait(first, told, atLeast = 0) {
    this.#drop();
    const isOffline = globalThis.navigator?.onLine === false; // a hint: a server on this machine is reached all the same
    const ceiling = isOffline ? LONGEST_WAIT : Math.min(LONGEST_WAIT, first * 2 ** this.#failures++);
    const wait = atLeast * 1000 + Math.random() * ceiling;
    this.#timer = setTimeout(() => this.open(), wait);
    this.#set({ name: "waiting", ...told, ...(isOffline && { reason: "offline" }), at: Date.now() + wait });
  }

  #stop(reason, code, text) {
    this.#drop();
    this.#ears?.abort();
    this.#ears = undefined;
    this.#queue = [];
    this.#failures = 0;
    this.#set({ name: "stopped", reason, code, text });
    for (const id of [...this.#asked.keys()]) this.#settle(id, "stopped");
  }

  /** Let go of the socket, and of whoever waits for an answer by it; what has not left yet may still. */
  #drop() {
    clearTimeout(this.#timer);
    clearInterval(this.#pulse);
    this.#readyAt = 0;
    this.#isRenewing = false;
    const socket = this.#socket;
    this.#socket = null;
    ++this.#turn;
    socket?.close();
    for (const [id, { isSent }] of [...this.#asked]) if (isSent) this.#settle(id, "disconnected");
    return this.#turn;
  }

  /** The page's own news: the network, and a person who looks at it again. */
  #listen() {
    if (this.#ears) return;
    const { signal } = (this.#ears = new AbortController());
    const look = () => (this.#state.name === "waiting" ? this.open() : this.check());
    globalThis.addEventListener?.("online", look, { signal });
    globalThis.addEventListener?.("offline", () => this.check(), { signal });
    const { document } = globalThis;
    document?.addEventListener("visibilitychange", () => document.hidden || this.check(), { signal });
  }

  #send(message, payload) {
    const fault = message.type !== "ping" && this.#fault();
    if (fault) this.#settle(message.id, fault);
    else if (!this.#isOpen) this.#queue.push([message, payload]);
    else this.#leave(message, payload);
    return !fault;
  }

  #fault() {
    if (this.#state.name === "stopped") return "stopped";
    const isFull = this.#isOpen ? this.#socket.bufferedAmount > BUFFERED_BYTES : this.#queue.length >= this.#most;
    return isFull ? "queue_full" : undefined;
  }

  #leave(message, payload) {
    const waiting = this.#asked.get(message.id);
    if (waiting) waiting.isSent = true;
    if (this.#signed.has(message.type)) this.#sign(message);
    else if (payload === undefined) this.#put(message);
    else this.#socket.send(framed(this.#spoken(message), payload));
  }

  /** Signed messages leave in the order of their numbers. */
  #sign(message) {
    const turn = this.#turn;
    this.#marked = this.#marked.then(async () => {
      try {
        const jws = await (await this.#marks).sign(JSON.stringify(this.#spoken(message)));
        if (turn === this.#turn) this.#put({ type: "wssec.signed", id: message.id, data: { jws } }); // refused, it was never opened
      } catch ({ message: detail }) {
        this.#settle(message.id, { type: "error", code: "signing_failed", detail });
      }
    });
  }

  #put(message) {
    this.#socket.send(JSON.stringify(this.#spoken(message)));
  }

  /** A message as it goes over the wire: in a flat envelope its data stand beside its type. */
  #spoken({ type, id, data }) {
    return this.#flat ? { ...data, [this.#flat]: type, id } : { type, id, data };
  }

  /** And as it comes from there. */
  #understood(message) {
    if (!this.#flat) return message;
    const { [this.#flat]: type, id, ...data } = message;
    if (type === "error") return { type, id, ...data };
    if (id !== undefined || type.startsWith("wssec.")) return { type, id, data };
    const { channel, seq, ...rest } = data;
    return { type, channel, seq, data: rest };
  }

  #settle(id, outcome) {
    const waiting = this.#asked.get(id);
    if (!waiting) return;
    this.#asked.delete(id);
    clearTimeout(waiting.timer);
    if (typeof outcome === "string") waiting.reject(new Refused({ code: outcome }));
    else if (outcome.type === "error") waiting.reject(new Refused(outcome));
    else waiting.resolve(outcome.data);
  }

  #set(state) {
    this.#state = Object.freeze(state);
    for (const tell of this.#watchers) call(tell, state);
  }

  #tell(type, ...told) {
    for (const hear of this.#listeners.get(type) ?? []) call(hear, ...told);
  }
}

/** Call what the page gave; its faults are the page's, and reach its console. */
function call(given, ...told) {
  try {
    given(...told);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** A message with bytes behind it: the length of its head, the head, the bytes. */
function framed(message, payload) {
  const head = new TextEncoder().encode(JSON.stringify(message));
  const bytes = new Uint8Array(4 + head.length + payload.byteLength);
  new DataView(bytes.buffer).setUint32(0, head.length);
  bytes.set(head, 4);
  bytes.set(new Uint8Array(payload.buffer ?? payload, payload.byteOffset ?? 0, payload.byteLength), 4 + head.length);
  return bytes;
}
