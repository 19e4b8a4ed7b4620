// The browser's module, driven by the commands of the conformance cases.

import { createPrivateKey, sign } from "node:crypto";
import { createInterface } from "node:readline";

import { MessageSigner } from "../../tornado_wssec/client/static/signing.js";
import { Connection, ticket } from "../../tornado_wssec/client/static/wssec.js";

const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);
let connection;

/** Fetch a token of the application; what is no success is an error with its status. */
async function fresh(tokens) {
  const answer = await fetch(tokens);
  if (!answer.ok) throw Object.assign(new Error(), { status: answer.status });
  return (await answer.json()).token;
}

const PLACEMENTS = {
  "ticket": ({ url, token }) => ticket({ url: `${new URL(url).origin.replace("ws", "http")}/wssec/ticket`, token }),
  "subprotocol": ({ token }) => async () => `wssec.bearer.${await token()}`,
  "first": ({ token }) => async () => ({ token: await token() }),
};

/** What signs with a key that is given, in the place of one that the browser keeps. */
function signing(jwk, nonce) {
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  const isEdwards = jwk.kty === "OKP";
  const how = isEdwards ? [null, key] : ["sha256", { key, dsaEncoding: "ieee-p1363" }];
  return new MessageSigner(nonce, isEdwards ? "EdDSA" : "ES256", (bytes) => sign(how[0], bytes, how[1]));
}

function open({ url, tokens, token, placement = "ticket", key, signed, flat, dice, queue }) {
  if (dice !== undefined) Math.random = () => dice;
  const give = async () => token ?? fresh(tokens);
  const credential = PLACEMENTS[placement]({ url, token: give });
  const signer = key && ((nonce) => signing(key, nonce));
  connection = new Connection(url, { credential, renew: give, signer, signed, flat, queue });
  for (const type of ["chat.posted", "chat.typing", "wssec.gap", "wssec.unsubscribed"]) {
    connection.on(type, (data, message) => say({ event: { type, channel: message?.channel ?? data.channel, data } }));
  }
  connection.on("error", ({ code }) => say({ event: { type: "error", code } }));
  let isBegun = false;
  connection.watch(({ name, reason, code, at, expiresIn }) => {
    if (isBegun) say({ state: { name, reason, code, seconds: at && (at - Date.now()) / 1000, expires_in: expiresIn } });
  });
  isBegun = true;
  connection.open();
}

const commands = {
  open,
  close: () => connection.close(),
  request: ({ type, data, payload }) => connection.request(type, data, { payload: payload && Buffer.from(payload, "base64") }),
  send: ({ type, data }) => void connection.send(type, data),
  subscribe: ({ channel, since }) => connection.subscribe(channel, { since }),
  unsubscribe: ({ channel }) => connection.unsubscribe(channel),
  sign: async ({ key, nonce, ts, text }) => {
    const now = Date.now;
    Date.now = () => ts * 1000;
    const signer = signing(key, nonce);
    const jws = await signer.sign(text);
    Date.now = now;
    return { jws };
  },
};

say({ can: [...Object.keys(PLACEMENTS), "flat", "sign"] });
for await (const line of createInterface({ input: process.stdin })) {
  const { command, do: name, ...options } = JSON.parse(line);
  Promise.resolve()
    .then(() => commands[name](options))
    .then((answer) => say({ command, answer: answer ?? {} }))
    .catch((refused) => say({ command, refused: refused.code ?? String(refused), fields: Object.keys(refused.fields ?? {}) }));
}
