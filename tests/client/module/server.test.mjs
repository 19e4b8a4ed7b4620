// The module and a real server: WSSEC_URL, WSSEC_TOKEN and WSSEC_CONTROL say where it is and how to end what it has.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { Connection, ticket } from "../../../tornado_wssec/client/static/wssec.js";

const { WSSEC_URL, WSSEC_TOKEN, WSSEC_CONTROL } = process.env;
const LINE = { room: "lobby", text: "hello" };
const base = WSSEC_URL.replace("ws", "http");
const credential = ticket({ url: `${base}/wssec/ticket`, token: () => WSSEC_TOKEN });
let connection;

/** The state of this name, once it is that. */
function until(name) {
  return new Promise((resolve) => {
    const off = connection.watch((state) => state.name === name && queueMicrotask(() => (off(), resolve(state))));
  });
}

const order = (what) => fetch(`${base}${WSSEC_CONTROL}/${what}`, { method: "POST" });
const begin = (options = {}) => {
  connection = new Connection(`${WSSEC_URL}/ws`, { credential, ...options });
  connection.open();
};

afterEach(() => connection.close());

test("talks, listens, and is refused", async () => {
  begin();
  const heard = new Promise((resolve) => connection.on("chat.posted", (data, { channel }) => resolve([channel, data.text])));
  await connection.subscribe("room:lobby");

  assert.deepEqual({ delivered: true }, await connection.request("chat.send", LINE));
  assert.deepEqual(["room:lobby", "hello"], await heard);
  await assert.rejects(connection.request("chat.send", { ...LINE, room: "board" }), { code: "permission_denied" });
  await assert.rejects(connection.request("chat.send", { room: "lobby" }), ({ code, fields }) => code === "invalid" && "text" in fields);
  await assert.rejects(connection.subscribe("room:board"), { code: "permission_denied" });
});

test("comes back after a close, and resumes without a loss", async () => {
  begin();
  const numbers = [];
  connection.on("chat.posted", (data, { seq }) => numbers.push(seq));
  await connection.subscribe("kept:lobby");
  await connection.request("chat.send", { room: "lobby", text: "keep" });
  const left = until("waiting"); // which may be over when the order is answered
  await order("4408");
  await left;
  await until("open");
  await connection.request("chat.send", { room: "lobby", text: "keep" });

  assert.deepEqual([numbers[0], numbers[0] + 1], numbers);
});

test("tells a refused login by its status, and a revocation by its code", async () => {
  begin({ credential: ticket({ url: `${base}/wssec/ticket`, token: () => "wrong" }) });
  assert.equal("unauthenticated", (await until("stopped")).reason);
  begin();
  await until("open");
  await order("4403");
  assert.deepEqual(["revoked", 4403], Object.values(await until("stopped")).slice(1, 3));
});

test("renews a token on the open connection", async () => {
  begin({ renew: async () => (await (await order("token")).json()).token });
  await until("open");
  const renewed = new Promise((resolve) => connection.watch(({ expiresIn }) => expiresIn < 400 && resolve()));
  await order("advance");
  await renewed;

  assert.deepEqual({ delivered: true }, await connection.request("chat.send", LINE));
});
