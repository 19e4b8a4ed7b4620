// A second client, written from docs/protocol.md alone, without a package: what the page does not say, it does not know.
//
// Rules of this file:
// 1. Nothing of the project is imported or copied; the section of the page stands beside what it asks for.
// 2. It is driven by lines of JSON (tests/protocol/driver.py): commands on standard input, what happens on standard output.

import { createHash, createPrivateKey, randomBytes, sign } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { createInterface } from "node:readline";

// --- The tables of the page: "Close codes" and "Refused handshakes" ---

const CLOSES = {
  1000: ["normal"], 1001: ["going_away", 8], 1002: ["protocol_error"], 1003: ["unsupported_data"],
  1007: ["invalid_payload"], 1009: ["message_too_big"], 1011: ["internal_error", 1.5], 1013: ["try_again_later", 1.5],
  4001: ["token_expired", 0.5], 4400: ["bad_messages"], 4401: ["unauthenticated", 0.5], 4403: ["revoked"],
  4408: ["timed_out", 0.5], 4409: ["replaced"], 4413: ["slow_consumer", 1.5], 4429: ["rate_limited", 1.5],
};
const STATUSES = { 401: "unauthenticated", 403: "forbidden", 429: "rate_limited" };
const AGAIN = ["rate_limited", "unavailable", "timeout"]; // "Errors": a subscription is asked for again
const NETWORK = 1006;
const FIN = 0x80, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

/** "The opening handshake": a GET that asks for an upgrade. Resolves to a socket, or to a status and how long to wait. */
function shake(url, { headers = {}, offered = [], query = "" }) {
  const key = randomBytes(16).toString("base64");
  const { protocol, hostname, port, pathname, search } = new URL(url);
  const path = pathname + (query ? (search ? `${search}&${query}` : `?${query}`) : search);
  const { request } = protocol === "wss:" ? https : http;
  return new Promise((resolve, reject) => {
    const asked = request({
      hostname, port, path,
      headers: {
        Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": ["wssec.v1", ...offered].join(", "), ...headers,
      },
    });
    asked.on("error", reject);
    asked.on("response", (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode, retryAfter: Number(answer.headers["retry-after"]) || 0 });
    });
    asked.on("upgrade", (answer, socket, head) => {
      const wanted = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      const isOurs = answer.headers["sec-websocket-accept"] === wanted && answer.headers["sec-websocket-protocol"] === "wssec.v1";
      if (!isOurs) return socket.destroy(), reject(new Error("no handshake of wssec.v1"));
      resolve({ socket, head });
    });
    asked.end();
  });
}

/** "Transport": frames by RFC 6455, masked on the way out, bare on the way in. */
class Frames {
  #socket;
  #bytes = Buffer.alloc(0);
  #parts = [];
  #end = [NETWORK, ""];

  constructor(socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
  }

  /** Read on, from what came behind the handshake. */
  begin(head, { text, end }) {
    this.#socket.on("data", (data) => this.#take(data, text));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => end(...this.#end));
    this.#take(head, text);
  }

  send(opcode, payload) {
    const length = payload.length;
    const head = length < 126 ? Buffer.alloc(2) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
    head[0] = FIN | opcode;
    head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
    if (head.length === 4) head.writeUInt16BE(length, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
    const mask = randomBytes(4);
    const masked = Buffer.from(payload).map((byte, place) => byte ^ mask[place % 4]);
    this.#socket.write(Buffer.concat([head, mask, masked]));
  }

  /** Leave: with a code, or, where nobody would answer, without a word. */
  close(code) {
    if (code === undefined) return this.#socket.destroy();
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.send(CLOSE, payload);
    this.#socket.end();
  }

  #take(data, text) {
    this.#bytes = Buffer.concat([this.#bytes, data]);
    for (let frame; (frame = this.#next()); ) {
      const { isLast, opcode, payload } = frame;
      if (opcode === PING) this.send(PONG, payload);
      else if (opcode === CLOSE) {
        this.#end = payload.length >= 2 ? [payload.readUInt16BE(), payload.toString("utf8", 2)] : [1005, ""];
        this.send(CLOSE, payload.subarray(0, 2));
        this.#socket.end();
        return;
      } else if (opcode === TEXT || opcode === 0) {
        if ((opcode === 0) !== this.#parts.length > 0) return this.close();
        this.#parts.push(payload);
        if (!isLast) continue;
        const whole = Buffer.concat(this.#parts);
        this.#parts = [];
        text(new TextDecoder("utf-8", { fatal: true }).decode(whole));
      } else if (opcode !== PONG) return this.close();
    }
  }

  /** The next whole frame, if there is one. A frame that the RFC forbids fails the connection. */
  #next() {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    let [at, length] = [2, bytes[1] & 0x7f];
    if (bytes[0] & 0x70 || bytes[1] & 0x80) return void this.close();
    if (length === 126) {
      if (bytes.length < 4) return undefined;
      [at, length] = [4, bytes.readUInt16BE(2)];
    } else if (length === 127) {
      if (bytes.length < 10) return undefined;
      [at, length] = [10, Number(bytes.readBigUInt64BE(2))];
    }
    if (bytes.length < at + length) return undefined;
    this.#bytes = bytes.subarray(at + length);
    return { isLast: Boolean(bytes[0] & FIN), opcode: bytes[0] & 15, payload: bytes.subarray(at, at + length) };
  }
}

/** "Signed messages", step by step. */
export function signer(jwk, nonce, now = () => Date.now() / 1000) {
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  const alg = jwk.kty === "OKP" ? "EdDSA" : "ES256";
  const b64 = (value) => Buffer.from(value).toString("base64url");
  let seq = 0;
  return (text) => {
    const payload = { nonce, seq: ++seq, ts: Math.floor(now()), message: text };
    const signed = `${b64(JSON.stringify({ alg, typ: "wssec-msg+jwt" }))}.${b64(JSON.stringify(payload))}`;
    const how = alg === "EdDSA" ? [null, key] : ["sha256", { key, dsaEncoding: "ieee-p1363" }];
    return `${signed}.${b64(sign(how[0], Buffer.from(signed), how[1]))}`;
  };
}

/** An HTTP request and its answer; "Tickets". */
function ask(url, { method = "GET", headers = {}, body } = {}) {
  const { request } = url.startsWith("https:") ? https : http;
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, async (answer) => {
      let text = "";
      for await (const part of answer) text += part;
      resolve({ status: answer.statusCode, retryAfter: Number(answer.headers["retry-after"]) || 0, text });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

class HttpRefusal extends Error {
  constructor(answer) {
    super(`HTTP ${answer.status}`);
    this.answer = answer;
  }
}

class Client {
  #options;
  #tell;
  #frames;
  #typeKey;
  #isReady = false;
  #failures = 0;
  #lastCode;
  #readyAt = 0;
  #heardAt = 0;
  #turn = 0;
  #timers = [];
  #asked = new Map();
  #queue = [];
  #channels = new Map();
  #sign;
  #isLeaving = false;
  #isStopped = false;

  constructor(options, tell) {
    this.#options = { placement: "ticket", signed: [], queue: 64, within: 15, ...options };
    this.#typeKey = options.flat;
    this.#tell = tell;
  }

  open() {
    this.#isLeaving = this.#isStopped = false;
    this.#connect();
  }

  /** "The opening handshake", "Where a credential goes" and "The first message". */
  async #connect() {
    const turn = ++this.#turn;
    this.#state({ name: "connecting" });
    this.#later(20, () => this.#lost(NETWORK, "unreachable"));
    let first;
    try {
      const shown = await this.#credential();
      first = shown.first;
      if (turn !== this.#turn) return;
      const answer = await shake(this.#options.url, shown);
      if (turn !== this.#turn) return answer.socket?.destroy();
      if (!answer.socket) throw new HttpRefusal(answer);
      const isOurs = () => turn === this.#turn;
      this.#frames = new Frames(answer.socket);
      this.#frames.begin(answer.head, {
        text: (text) => isOurs() && this.#hear(JSON.parse(text)),
        end: (code, text) => isOurs() && this.#lost(code, this.#isReady ? "lost" : "unreachable", text),
      });
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error instanceof HttpRefusal) this.#refused(error.answer);
      else this.#lost(NETWORK, "unreachable");
      return;
    }
    if (first) this.#put({ type: "wssec.auth", data: first });
  }

  async #credential() {
    const { placement } = this.#options;
    if (placement === "key") return { headers: { "X-Api-Key": this.#options.api_key } };
    const token = await this.#token();
    if (placement === "header") return { headers: { Authorization: `Bearer ${token}` } };
    if (placement === "subprotocol") return { offered: [`wssec.bearer.${token}`] };
    if (placement === "query") return { query: `token=${token}` };
    if (placement === "first") return { first: { token } };
    const url = new URL(this.#options.url);
    const body = JSON.stringify({ path: url.pathname });
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Content-Length": body.length };
    const answer = await ask(`${url.origin.replace("ws", "http")}/wssec/ticket`, { method: "POST", headers, body });
    if (answer.status !== 200) throw new HttpRefusal(answer);
    const { ticket } = JSON.parse(answer.text);
    if (placement === "ticket-query") return { query: `ticket=${ticket}` };
    if (placement === "first-ticket") return { first: { ticket } };
    return { offered: [`wssec.ticket.${ticket}`] };
  }

  /** Of the application, by a way that is no part of the protocol. */
  async #token() {
    if (this.#options.token) return this.#options.token;
    const answer = await ask(this.#options.tokens);
    if (answer.status !== 200) throw new HttpRefusal(answer);
    return JSON.parse(answer.text).token;
  }

  /** "Messages" and "The flat envelope". */
  #hear(message) {
    this.#heardAt = Date.now();
    let { type, id, channel, seq, data = {} } = message;
    if (this.#typeKey) ({ [this.#typeKey]: type, id, channel, seq, ...data } = message);
    if (id !== undefined) return this.#answered(id, type, type === "error" ? message : data);
    if (type === "wssec.ready") return this.#ready(data);
    if (type === "wssec.expiring") this.#refresh(data);
    if (type === "wssec.gap") channel = data.channel ?? channel;
    if (type === "wssec.unsubscribed") this.#channels.delete((channel = data.channel ?? channel));
    if (seq !== undefined && this.#channels.has(channel)) this.#channels.get(channel).seq = seq;
    this.#tell({ event: type === "error" ? { type, code: message.code } : { type, channel, data } });
  }

  /** "Ready": subscriptions first, then what has waited. */
  #ready({ nonce, heartbeat, expires_in: expiresIn }) {
    this.#forgetTimers();
    this.#isReady = true;
    this.#readyAt = Date.now();
    this.#sign = this.#options.key && signer(this.#options.key, nonce);
    this.#state({ name: "open", expires_in: expiresIn });
    this.#watch(heartbeat);
    for (const [channel, entry] of this.#channels) this.#join(channel, entry);
    for (const waiting of this.#queue.splice(0)) if (!waiting.isOver) this.#leave(waiting);
  }

  /** "Heartbeat". */
  #watch(heartbeat) {
    this.#later(heartbeat, () => {
      this.#watch(heartbeat);
      if (Date.now() - this.#heardAt < heartbeat * 1000) return;
      const within = this.#asked.size ? 15 : 5;
      this.request("ping", undefined, { within }).catch(({ code }) => code === "no_answer" && this.#lost(NETWORK, "silent"));
    });
  }

  /** "Expiry and refresh". */
  async #refresh({ expires_in: left, grace }) {
    const until = Date.now() + (left + grace) * 1000;
    const turn = this.#turn;
    for (let wait = 1; turn === this.#turn; wait *= 2) {
      try {
        const { expires_in } = await this.request("wssec.refresh", { token: await this.#token() });
        return this.#state({ name: "open", expires_in });
      } catch ({ answer }) {
        if ([401, 403].includes(answer?.status) || Date.now() + wait * 1000 > until) return;
        await new Promise((resolve) => setTimeout(resolve, wait * 1000));
      }
    }
  }

  /** "Channels" and "History and gaps". */
  subscribe(channel, since) {
    const entry = { seq: since };
    this.#channels.set(channel, entry);
    return this.#isReady ? this.#join(channel, entry) : new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
  }

  async #join(channel, entry) {
    const since = entry.seq;
    try {
      const { seq } = await this.request("wssec.subscribe", since === undefined ? { channel } : { channel, since });
      if (since === undefined) entry.seq ??= seq;
      if (entry.isKnown && entry.seq === undefined) this.#tell({ event: { type: "wssec.gap", channel, data: { channel } } });
      entry.isKnown = true;
      entry.resolve?.({});
      return {};
    } catch (refused) {
      if (refused.code === "disconnected" && this.#channels.get(channel) === entry) return undefined;
      if (AGAIN.includes(refused.code)) {
        await new Promise((resolve) => setTimeout(resolve, (refused.retry_after ?? 1) * 1000 * (1 + this.#dice())));
        return this.#channels.get(channel) === entry && this.#isReady ? this.#join(channel, entry) : undefined;
      }
      this.#channels.delete(channel);
      entry.reject?.(refused);
      throw refused;
    }
  }

  async unsubscribe(channel) {
    this.#channels.delete(channel);
    return this.request("wssec.unsubscribe", { channel });
  }

  request(type, data, { within = this.#options.within, payload } = {}) {
    const id = randomBytes(8).toString("hex");
    return new Promise((resolve, reject) => {
      const waiting = { message: { type, id, data }, payload, resolve, reject };
      waiting.timer = setTimeout(() => this.#settle(waiting, "no_answer"), within * 1000);
      this.#asked.set(id, waiting);
      if (this.#isReady) this.#leave(waiting);
      else if (!this.#isStopped && this.#queue.length < this.#options.queue) this.#queue.push(waiting);
      else this.#settle(waiting, this.#isStopped ? "stopped" : "queue_full");
    });
  }

  send(type, data) {
    this.#leave({ message: { type, data } });
  }

  close() {
    this.#isLeaving = true;
    this.#frames?.close(1000);
    this.#stop({ reason: "closed" });
  }

  #leave(waiting) {
    waiting.isSent = true;
    const { message, payload } = waiting;
    if (payload) return this.#putBinary(message, payload);
    if (!this.#options.signed.includes(message.type)) return this.#put(message);
    if (!this.#sign) return this.#settle(waiting, "signing_failed");
    this.#put({ type: "wssec.signed", id: message.id, data: { jws: this.#sign(JSON.stringify(message)) } });
  }

  #put({ type, id, data }) {
    const message = this.#typeKey ? { [this.#typeKey]: type, id, ...data } : { type, id, data };
    this.#frames.send(TEXT, Buffer.from(JSON.stringify(message)));
  }

  /** "Binary messages". */
  #putBinary(message, payload) {
    const head = Buffer.from(JSON.stringify(message));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    this.#frames.send(BINARY, Buffer.concat([length, head, payload]));
  }

  #answered(id, type, said) {
    const waiting = this.#asked.get(id);
    if (waiting) this.#settle(waiting, type === "error" ? said : undefined, said);
  }

  #settle(waiting, refusal, data) {
    this.#asked.delete(waiting.message.id);
    clearTimeout(waiting.timer);
    waiting.isOver = true;
    if (refusal === undefined) waiting.resolve?.(data);
    else waiting.reject?.(typeof refusal === "string" ? { code: refusal } : refusal);
  }

  /** "Close codes". */
  #lost(code, instead, text = "") {
    if (this.#readyAt && Date.now() - this.#readyAt > 10_000) this.#failures = 0;
    const isAgain = code === 4401 && this.#lastCode === 4401;
    this.#lastCode = code;
    const [reason, first] = CLOSES[code] ?? (code < 3000 ? [instead, 1.5] : ["application"]);
    const named = code === 1001 && /; retry within (\d{1,3}) s$/.exec(text);
    if (first === undefined || isAgain) this.#stop({ reason, code });
    else this.#wait(named ? Number(named[1]) : first, 0, { reason, code });
  }

  /** "Refused handshakes". */
  #refused({ status, retryAfter }) {
    const reason = STATUSES[status] ?? "unavailable";
    if (status !== 401 && status !== 403) return this.#wait(1.5, retryAfter, { reason });
    this.#stop({ reason: this.#lastCode === 4001 && status === 401 ? "token_expired" : reason });
  }

  /** "Coming back". */
  #wait(first, atLeast, told) {
    this.#drop();
    const wait = atLeast + this.#dice() * Math.min(30, first * 2 ** this.#failures++);
    this.#state({ name: "waiting", ...told, seconds: wait });
    this.#later(wait, () => this.#connect());
  }

  #stop(told) {
    this.#drop();
    this.#isStopped = true;
    this.#state({ name: "stopped", ...told });
    for (const waiting of [...this.#asked.values()]) this.#settle(waiting, "stopped");
  }

  /** Let go of a connection, and of whoever waits for an answer by it. */
  #drop() {
    ++this.#turn;
    this.#forgetTimers();
    this.#isReady = false;
    this.#readyAt = 0;
    if (!this.#isLeaving) this.#frames?.close();
    this.#frames = undefined;
    for (const waiting of [...this.#asked.values()]) if (waiting.isSent) this.#settle(waiting, "disconnected");
  }

  #dice() {
    return this.#options.dice ?? Math.random();
  }

  #state(state) {
    this.#tell({ state });
  }

  #later(seconds, act) {
    this.#timers.push(setTimeout(act, seconds * 1000));
  }

  #forgetTimers() {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }
}

// --- The driver's commands ---

const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);
let client;

const commands = {
  open: (options) => (client = new Client(options, say)).open(),
  close: () => client.close(),
  request: ({ type, data, payload }) => client.request(type, data, { payload: payload && Buffer.from(payload, "base64") }),
  send: ({ type, data }) => client.send(type, data),
  subscribe: ({ channel, since }) => client.subscribe(channel, since),
  unsubscribe: ({ channel }) => client.unsubscribe(channel),
  sign: ({ key, nonce, ts, text }) => ({ jws: signer(key, nonce, () => ts)(text) }),
};

say({ can: ["ticket", "ticket-query", "subprotocol", "header", "query", "first", "first-ticket", "key", "flat", "sign"] });
for await (const line of createInterface({ input: process.stdin })) {
  const { command, do: name, ...options } = JSON.parse(line);
  Promise.resolve()
    .then(() => commands[name](options))
    .then((answer) => say({ command, answer: answer ?? {} }))
    .catch((refused) => say({ command, refused: refused.code ?? String(refused), fields: Object.keys(refused.fields ?? {}) }));
}
