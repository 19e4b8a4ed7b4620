// The module by itself: every close code and every fault leads to the state that docs/clients.md says.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { Connection, HttpRefused, Refused, ticket } from "../../../tornado_wssec/client/static/wssec.js";
import { FakeSocket, page, pass, settled } from "./page.mjs";

let states;

/** A connection that has been opened, and whose states are noted. */
async function opened(options = {}) {
  const connection = new Connection("/ws/chat", options);
  states = [];
  connection.watch((state) => states.push(state));
  connection.open();
  await settled();
  return connection;
}

/** One whose server has greeted it. */
async function connected(options = {}, facts = {}) {
  const connection = await opened(options);
  page.socket.greet(facts);
  return connection;
}

const shortly = () => states.map(({ name, reason }) => (reason ? `${name}:${reason}` : name)).slice(1);
const failure = async (promise) => promise.then(() => assert.fail("it was not refused"), (error) => error);

beforeEach(() => page.begin());
afterEach(() => page.end());

describe("a handshake", () => {
  test("shows a ticket that was bought for its path", async () => {
    await opened();
    const [{ url, method, headers, body }] = page.asked;

    assert.deepEqual(["/wssec/ticket", "POST", '{"path":"/ws/chat"}'], [url, method, body]);
    assert.deepEqual({ "Content-Type": "application/json" }, headers);
    assert.deepEqual(["wssec.v1", "wssec.ticket.t1"], page.socket.protocols);
    assert.equal("wss://app.example.com/ws/chat", page.socket.url);
  });

  test("buys the ticket with a token where there is one", async () => {
    await opened({ credential: ticket({ url: "/other", token: async () => "secret" }) });

    assert.deepEqual(["/other", "Bearer secret"], [page.asked[0].url, page.asked[0].headers.Authorization]);
  });

  test("shows nothing, something of the page's own, or a first message", async () => {
    await opened({ credential: null });
    assert.deepEqual(["wssec.v1"], page.socket.protocols);
    await opened({ credential: () => "wssec.bearer.abc" });
    assert.deepEqual(["wssec.v1", "wssec.bearer.abc"], page.socket.protocols);
    await opened({ credential: async () => ({ token: "abc" }) });
    page.socket.onopen();
    assert.deepEqual([["wssec.v1"], [{ type: "wssec.auth", data: { token: "abc" } }]], [
      page.socket.protocols,
      page.socket.sent,
    ]);
  });

  test("is open once the server is ready, and not before", async () => {
    const connection = await opened();
    page.socket.onopen();
    assert.equal("connecting", connection.state.name);
    page.socket.greet();

    assert.deepEqual({ name: "open", session: "s", expiresIn: 600 }, connection.state);
  });
});

const ENDINGS = {
  401: "stopped:unauthenticated",
  403: "stopped:forbidden",
  429: "waiting:rate_limited",
  503: "waiting:unavailable",
  500: "waiting:unavailable",
  404: "waiting:unavailable",
};

describe("what a browser hides at the handshake", () => {
  for (const [status, told] of Object.entries(ENDINGS)) {
    test(`HTTP ${status} is ${told}`, async () => {
      page.answer = { status: Number(status) };
      await opened();

      assert.deepEqual(["connecting", told], shortly());
      assert.equal(0, FakeSocket.all.length);
    });
  }

  test("Retry-After is waited out, and the jitter on top", async () => {
    page.answer = { status: 429, headers: { "Retry-After": "7" } };
    const { state } = await opened();
    page.answer = { status: 200 };

    assert.ok(Math.abs(state.at - Date.now() - 8_500) < 2);
    await pass(8_000);
    assert.equal(0, FakeSocket.all.length);
    await pass(1_000);
    assert.equal(1, FakeSocket.all.length);
  });

  test("no answer at all is unreachable", async () => {
    page.answer = new TypeError("Failed to fetch");
    await opened();

    assert.deepEqual(["connecting", "waiting:unreachable"], shortly());
  });

  test("1006 before it was open is unreachable, and 1006 later is lost", async () => {
    await opened();
    page.socket.onerror();
    page.socket.end(1006);
    assert.deepEqual(["connecting", "waiting:unreachable"], shortly());
    await pass(3_000);
    page.socket.greet();
    page.socket.end(1006);
    assert.deepEqual(["connecting", "open", "waiting:lost"], shortly().slice(2));
  });

  test("an error without a close is a policy of the page", async () => {
    await opened();
    page.socket.onerror();
    await pass(1_000);

    assert.deepEqual(["connecting", "stopped:blocked"], shortly());
  });

  test("a socket that may not be made is a policy of the page", async () => {
    FakeSocket.fault = new Error("SecurityError");
    await opened();

    assert.deepEqual(["connecting", "stopped:blocked"], shortly());
  });

  test("a server that says nothing is given up", async () => {
    await opened();
    page.socket.onopen();
    await pass(20_000);

    assert.deepEqual(["connecting", "waiting:unreachable"], shortly().slice(0, 2));
    assert.ok(FakeSocket.all[0].isClosed);
  });

  test("a credential that never comes is given up", async () => {
    await opened({ credential: () => new Promise(() => {}) });
    await pass(20_000);

    assert.deepEqual(["connecting", "waiting:unreachable"], shortly().slice(0, 2));
  });
});

const STOPS = {
  1000: "normal",
  1002: "protocol_error",
  1003: "unsupported_data",
  1007: "invalid_payload",
  1009: "message_too_big",
  4400: "bad_messages",
  4403: "revoked",
  4409: "replaced",
  4999: "application",
};
const WAITS = {
  1001: ["going_away", 8_000],
  1005: ["lost", 1_500],
  1006: ["lost", 1_500],
  1011: ["internal_error", 1_500],
  1013: ["try_again_later", 1_500],
  4001: ["token_expired", 500],
  4401: ["unauthenticated", 500],
  4408: ["timed_out", 500],
  4413: ["slow_consumer", 1_500],
  4429: ["rate_limited", 1_500],
};

describe("a close", () => {
  for (const [code, reason] of Object.entries(STOPS)) {
    test(`${code} is the end: ${reason}`, async () => {
      const connection = await connected();
      page.socket.end(Number(code), "as it is");
      await pass(60_000);

      assert.deepEqual({ name: "stopped", reason, code: Number(code), text: "as it is" }, connection.state);
      assert.equal(1, FakeSocket.all.length);
      assert.equal("stopped", (await failure(connection.request("chat.send"))).code);
      assert.equal(false, connection.send("chat.send"));
    });
  }

  for (const [code, [reason, longest]] of Object.entries(WAITS)) {
    test(`${code} passes: ${reason}`, async () => {
      const connection = await connected();
      page.socket.end(Number(code));
      const { name, at, ...told } = connection.state;
      assert.deepEqual(["waiting", { reason, code: Number(code) }], [name, told]);
      assert.ok(Math.abs(at - Date.now() - longest) < 1);
      await pass(longest + 1);
      page.socket.greet();

      assert.deepEqual([2, "wssec.ticket.t2"], [FakeSocket.all.length, page.socket.protocols[1]]);
      assert.equal("open", connection.state.name);
    });
  }

  test("after a close each wait is twice the last, up to thirty seconds", async () => {
    const connection = await connected();
    const waits = [];
    for (let count = 0; count < 7; count++) {
      page.socket.end(1011);
      waits.push(Math.round(connection.state.at - Date.now()));
      await pass(waits.at(-1) + 1);
      page.socket.greet();
    }

    assert.deepEqual([1_500, 3_000, 6_000, 12_000, 24_000, 30_000, 30_000], waits);
    await pass(10_001);
    page.socket.end(1011);
    assert.equal(1_500, Math.round(connection.state.at - Date.now()));
  });

  test("1001 of a drain says over how long to come back", async () => {
    for (const [code, reason, longest] of [
      [1001, "server is draining; retry within 3 s", 3_000],
      [1001, "server is draining; retry within 300 s", 30_000],
      [1001, "server is draining; retry within 3000 s", 8_000],
      [1001, "server is draining; retry within 0 s", 8_000],
      [1001, "retry within 3 s, or so", 8_000],
      [4408, "; retry within 3 s", 500],
    ]) {
      const connection = await connected();
      page.socket.end(code, reason);
      assert.equal(longest, Math.round(connection.state.at - Date.now()));
      connection.close();
    }
  });

  test("4401 is answered by a new credential, and believed the second time", async () => {
    await opened({ credential: () => ({ token: "wrong" }) });
    page.socket.onopen();
    page.socket.end(4401);
    await pass(501);
    page.socket.onopen();
    page.socket.end(4401);

    assert.deepEqual(["connecting", "waiting:unauthenticated", "connecting", "stopped:unauthenticated"], shortly());
  });

  test("4001 asks for a new token, and where there is none the session is over", async () => {
    await connected();
    page.answer = { status: 401 };
    page.socket.end(4001);
    await pass(501);

    assert.deepEqual(["waiting:token_expired", "connecting", "stopped:token_expired"], shortly().slice(2));
  });

  test("after the end the page may open it again", async () => {
    const connection = await connected();
    page.socket.end(4409);
    connection.open();
    await settled();
    page.socket.greet();

    assert.equal("open", connection.state.name);
  });

  test("the page's own leaving is one", async () => {
    const connection = await connected();
    connection.close();

    assert.deepEqual([true, "closed"], [page.socket.isClosed, connection.state.reason]);
  });
});

describe("a request", () => {
  test("resolves to the data of its reply, and rejects with what the error says", async () => {
    const connection = await connected();
    const [good, bad] = [connection.request("a", { x: 1 }), failure(connection.request("b"))];
    const [first, second] = page.socket.sent;
    page.socket.say({ type: "error", id: second.id, code: "rate_limited", detail: "slow", retry_after: 2, fields: {} });
    page.socket.answer(first, { done: true });

    assert.deepEqual({ type: "a", id: "c1", data: { x: 1 } }, first);
    assert.deepEqual({ done: true }, await good);
    const refused = await bad;
    assert.ok(refused instanceof Refused);
    assert.deepEqual(["rate_limited", "slow", 2, {}], [refused.code, refused.message, refused.retryAfter, refused.fields]);
  });

  test("has its time", async () => {
    const connection = await connected({ within: 3_000 });
    const refused = failure(connection.request("a"));
    await pass(3_000);
    assert.equal("no_answer", (await refused).code);
    page.socket.answer(page.socket.sent[0]);
  });

  test("that had left is disconnected, and is not sent again", async () => {
    const connection = await connected();
    const refused = failure(connection.request("a"));
    page.socket.end(4408);
    assert.equal("disconnected", (await refused).code);
    await pass(501);
    page.socket.greet();

    assert.deepEqual([], page.socket.sent);
  });

  test("waits for a connection in its turn, behind the channels; one that nobody waits for any more is dropped", async () => {
    const connection = await connected();
    connection.subscribe("room:a");
    page.socket.answer(page.socket.sent.at(-1));
    page.socket.end(4408);
    connection.send("x");
    const late = failure(connection.request("y", {}, { within: 100 }));
    const answered = connection.request("z");
    await pass(501);
    page.socket.greet();

    assert.deepEqual(["wssec.subscribe", "x", "z"], page.socket.sent.map(({ type }) => type));
    page.socket.answer(page.socket.sent[2], { ok: 1 });
    assert.deepEqual([{ ok: 1 }, "no_answer"], [await answered, (await late).code]);
  });

  test("finds a queue of so many, and a socket of so many bytes", async () => {
    const connection = await opened({ queue: 2 });
    assert.deepEqual([true, true, false], [connection.send("x"), connection.send("x"), connection.send("x")]);
    assert.equal("queue_full", (await failure(connection.request("x"))).code);
    page.socket.greet();
    page.socket.bufferedAmount = 2 ** 20 + 1;
    assert.equal("queue_full", (await failure(connection.request("x"))).code);
  });

  test("carries bytes behind a head", async () => {
    const connection = await connected();
    connection.send("image", { name: "a" }, { payload: new Uint8Array([9, 1, 2, 3]).subarray(1) });
    const bytes = page.socket.sent[0];
    const length = new DataView(bytes.buffer).getUint32(0);

    assert.equal('{"type":"image","data":{"name":"a"}}', new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    assert.deepEqual([1, 2, 3], [...bytes.subarray(4 + length)]);
  });
});

describe("what is heard", () => {
  test("comes by its type, with its channel; a fault of the page stops nobody else", async () => {
    const { queueMicrotask } = globalThis;
    const connection = await connected();
    const faults = [];
    globalThis.queueMicrotask = (fault) => faults.push(fault);
    const heard = [];
    connection.on("chat.posted", () => {
      throw new Error("the page's");
    });
    const off = connection.on("chat.posted", (data, { channel }) => heard.push([channel, data.text]));
    connection.on("error", (refused) => heard.push(refused.code));
    page.socket.say({ type: "chat.posted", channel: "room:a", data: { text: "hi" } });
    page.socket.say({ type: "error", code: "invalid" });
    off();
    page.socket.say({ type: "chat.posted", channel: "room:a", data: { text: "unheard" } });

    globalThis.queueMicrotask = queueMicrotask;
    assert.deepEqual([["room:a", "hi"], "invalid"], heard);
    assert.equal(2, faults.length);
  });

  test("resumes behind the last number", async () => {
    const connection = await connected();
    const agreed = connection.subscribe("order:7");
    page.socket.answer(page.socket.sent[0], { seq: 5 });
    await agreed;
    page.socket.say({ type: "order.changed", channel: "order:7", seq: 6, data: {} });
    page.socket.end(4408);
    await pass(501);
    page.socket.greet();

    assert.deepEqual({ channel: "order:7", since: 6 }, page.socket.sent[0].data);
  });

  test("begins where the page says", async () => {
    const connection = await connected();
    connection.subscribe("order:7", { since: 3 });

    assert.deepEqual({ channel: "order:7", since: 3 }, page.socket.sent[0].data);
  });

  test("tells a gap after a reconnect where nothing is kept", async () => {
    const connection = await connected();
    const gaps = [];
    connection.on("wssec.gap", ({ channel }) => gaps.push(channel));
    connection.subscribe("room:a");
    page.socket.answer(page.socket.sent[0]);
    await settled();
    assert.deepEqual([], gaps);
    page.socket.end(4408);
    await pass(501);
    page.socket.greet();
    page.socket.answer(page.socket.sent[0]);
    await settled();

    assert.deepEqual(["room:a"], gaps);
  });

  test("ends where the server refuses or unsubscribes, and is not asked for again", async () => {
    const connection = await connected();
    const left = [];
    connection.on("wssec.unsubscribed", ({ channel }) => left.push(channel));
    const refused = failure(connection.subscribe("room:a"));
    page.socket.say({ type: "error", id: page.socket.sent[0].id, code: "permission_denied" });
    connection.subscribe("room:b");
    page.socket.answer(page.socket.sent[1]);
    assert.equal("permission_denied", (await refused).code);
    page.socket.say({ type: "wssec.unsubscribed", data: { channel: "room:b" } });
    page.socket.end(4408);
    await pass(501);
    page.socket.greet();

    assert.deepEqual([["room:a", "room:b"], []], [left, page.socket.sent]);
  });

  test("is asked for again where the refusal passes", async () => {
    const connection = await connected();
    const agreed = connection.subscribe("room:a");
    page.socket.say({ type: "error", id: page.socket.sent[0].id, code: "rate_limited", retry_after: 2 });
    await settled();
    await pass(4_000);
    page.socket.answer(page.socket.sent[1]);
    await agreed;
  });

  test("ends when the page wants no more", async () => {
    const connection = await connected();
    connection.subscribe("room:a");
    page.socket.answer(page.socket.sent[0]);
    const left = connection.unsubscribe("room:a");
    page.socket.answer(page.socket.sent[1]);
    await left;

    assert.equal("wssec.unsubscribe", page.socket.sent[1].type);
  });
});

describe("a token that ends", () => {
  const expiring = { type: "wssec.expiring", data: { expires_in: 60, grace: 25 } };

  test("is replaced on the open connection", async () => {
    const connection = await connected({ renew: async () => "fresh" });
    page.socket.say(expiring);
    page.socket.say(expiring);
    await settled();
    assert.deepEqual([{ type: "wssec.refresh", id: "c1", data: { token: "fresh" } }], page.socket.sent);
    page.socket.answer(page.socket.sent[0], { expires_in: 600.5 });
    await settled();

    assert.deepEqual({ name: "open", session: "s", expiresIn: 600.5 }, connection.state);
  });

  test("is asked for again while the old one holds, and no longer than that", async () => {
    let asked = 0;
    await connected({ renew: async () => { asked++; throw new TypeError("offline"); } });
    page.socket.onsent = (message) => page.socket.say({ type: "pong", id: message.id });
    page.socket.say(expiring);
    await pass(200_000);

    assert.equal(7, asked); // after 0, 1, 3, 7, 15, 31 and 63 seconds
  });

  test("is let go where the session is over", async () => {
    let asked = 0;
    await connected({ renew: async () => { asked++; throw Object.assign(new Error(), { status: 401 }); } });
    page.socket.onsent = (message) => page.socket.say({ type: "pong", id: message.id });
    page.socket.say(expiring);
    await pass(60_000);

    assert.equal(1, asked);
  });

  test("while the machine slept is found out by its code, or by asking", async () => {
    const connection = await connected();
    page.answer = { status: 401 };
    page.document.dispatchEvent(new Event("visibilitychange"));
    await pass(5_000); // the ping is not answered
    await pass(1_501);

    assert.deepEqual(["waiting:silent", "connecting", "stopped:unauthenticated"], shortly().slice(2));
    assert.equal("unauthenticated", connection.state.reason);
  });
});

describe("silence", () => {
  test("is asked about once a heartbeat", async () => {
    const connection = await connected();
    page.socket.onsent = (message) => page.socket.say({ type: "pong", id: message.id });
    await pass(100_000);

    assert.deepEqual(["ping", "ping", "ping", "ping"], page.socket.sent.map(({ type }) => type));
    assert.equal("open", connection.state.name);
  });

  test("is the end of a connection that does not answer", async () => {
    await connected();
    await pass(29_000);
    assert.equal("open", states.at(-1).name);
    await pass(1_000);

    assert.equal("waiting:silent", shortly()[2]);
  });

  test("behind a handler at work is given more time", async () => {
    const connection = await connected();
    const answered = connection.request("slow", {}, { within: 60_000 });
    const check = connection.check();
    await pass(14_000);
    page.socket.answer(page.socket.sent[0]);
    page.socket.say({ type: "pong", id: page.socket.sent[1].id });
    await Promise.all([answered, check]);

    assert.equal("open", connection.state.name);
  });

  test("of the network is told, and over when it comes back", async () => {
    const connection = await connected();
    page.online = false;
    page.socket.end(1006);
    assert.equal("offline", connection.state.reason);
    assert.ok(Math.abs(connection.state.at - Date.now() - 30_000) < 1);
    page.online = true;
    page.window.dispatchEvent(new Event("online"));
    await settled();
    page.socket.greet();

    assert.equal("open", connection.state.name);
  });
});

describe("a signature", () => {
  const signer = (nonce) => ({ sign: async (text) => `${nonce}/${text}` });

  test("is put on the types that ask for it, in order", async () => {
    const connection = await connected({ signer, signed: ["order"] });
    connection.request("order", { n: 1 });
    connection.send("order", { n: 2 });
    connection.send("look");
    await settled();

    assert.deepEqual(
      [
        { type: "look" },
        { type: "wssec.signed", id: "c1", data: { jws: 'n/{"type":"order","id":"c1","data":{"n":1}}' } },
        { type: "wssec.signed", data: { jws: 'n/{"type":"order","data":{"n":2}}' } },
      ],
      page.socket.sent,
    );
  });

  test("that the storage of the browser does not allow is told, and the connection stays", async () => {
    const blocked = async () => {
      throw new DOMException("storage is blocked", "SecurityError");
    };
    const connection = await connected({ signer: blocked, signed: ["order"] });
    const refused = await failure(connection.request("order"));

    assert.deepEqual(["signing_failed", "storage is blocked"], [refused.code, refused.message]);
    assert.equal("open", connection.state.name);
  });
});

test("HttpRefused tells what fetch of a page's own got", () => {
  const { status, retryAfter } = new HttpRefused(new Response(null, { status: 503, headers: { "Retry-After": "3" } }));

  assert.deepEqual([503, 3], [status, retryAfter]);
});

describe("a flat envelope", () => {
  const flat = { credential: null, flat: "action" };
  const ready = { action: "wssec.ready", session: "s", nonce: "n", heartbeat: 25, expires_in: 600 };

  async function ready_connection(options = {}) {
    const connection = await opened({ ...flat, ...options });
    page.socket.onopen();
    page.socket.say(ready);
    return connection;
  }

  test("is spoken and understood", async () => {
    const connection = await ready_connection();
    const asked = connection.request("say", { room: "lobby" });
    page.socket.say({ action: "reply", id: "c1", channel: "x", seq: 7 });

    assert.deepEqual({ name: "open", session: "s", expiresIn: 600 }, connection.state);
    assert.deepEqual([{ action: "say", id: "c1", room: "lobby" }], page.socket.sent);
    assert.deepEqual({ channel: "x", seq: 7 }, await asked);
  });

  test("refuses by code", async () => {
    const connection = await ready_connection();
    const asked = connection.request("say", {});
    page.socket.say({ action: "error", id: "c1", code: "invalid", detail: "no", fields: { room: ["?"] } });
    const { code, fields } = await failure(asked);

    assert.deepEqual(["invalid", { room: ["?"] }], [code, fields]);
  });

  test("tells events with their channel, and the protocol's own without", async () => {
    const connection = await ready_connection();
    const told = [];
    for (const type of ["said", "wssec.gap", "error"]) {
      connection.on(type, (data, { channel, seq }) => told.push([type, data.code ?? data, channel, seq]));
    }
    page.socket.say({ action: "said", channel: "room:a", seq: 3, text: "hi" });
    page.socket.say({ action: "wssec.gap", channel: "room:a" });
    page.socket.say({ action: "error", code: "malformed" });

    assert.deepEqual([
      ["said", { text: "hi" }, "room:a", 3],
      ["wssec.gap", { channel: "room:a" }, undefined, undefined],
      ["error", "malformed", undefined, undefined],
    ], told);
  });

  test("shows a first message, signs, and carries bytes", async () => {
    const texts = [];
    const signer = () => ({ sign: async (text) => texts.push(text) && "jws" });
    const connection = await opened({ ...flat, credential: () => ({ token: "abc" }), signer, signed: ["order"] });
    page.socket.onopen();
    page.socket.say(ready);
    connection.send("order", { n: 1 });
    await settled();
    connection.send("picture", { n: 2 }, { payload: new Uint8Array([9]) });
    const [shown, signed, framed] = page.socket.sent;

    assert.deepEqual({ action: "wssec.auth", token: "abc" }, shown);
    assert.deepEqual(['{"n":1,"action":"order"}'], texts);
    assert.deepEqual({ action: "wssec.signed", jws: "jws" }, signed);
    assert.equal('{"n":2,"action":"picture"}', new TextDecoder().decode(framed.slice(4, -1)));
  });
});
