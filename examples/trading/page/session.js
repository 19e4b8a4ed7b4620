// Who one is: sign in with a key that this browser has made, renew, sign out.
//
// Rules of this file:
// 1. The access token lives in the variable below and nowhere else: no storage, no cookie, no URL.
// 2. The private half of the key never leaves the browser's own keeping; what is sent is the public one.

import { HttpRefused, ticket } from "/wssec/client/wssec.js";
import { SigningKey } from "/wssec/client/signing.js";

let token = null;

/** The key that signs this person's orders, and what the server says of the person. */
export let key = null;
export let me = null;

export const people = () => ask("GET", "/sign-in");
export const credential = ticket({ token: () => token });

export async function signIn(name, trades) {
  key = trades ? await SigningKey.open(`desk-${name}`) : null;
  take(await ask("POST", "/sign-in", { name, key: key?.jwk ?? null }));
}

/** A fresh token for the same session and the same key. */
export async function renew() {
  take(await ask("POST", "/renew"));
  return token;
}

export async function signOut() {
  const leaving = ask("POST", "/sign-out").catch(() => null); // it ends by itself within minutes, too
  forget();
  await leaving;
}

/** Let go of the token; the key stays in the browser, for the next time. */
export function forget() {
  token = me = key = null;
}

function take(fresh) {
  token = fresh.token;
  me = fresh;
}

async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store", redirect: "error" });
  if (!answer.ok) throw new HttpRefused(answer);
  return answer.status === 204 ? null : answer.json();
}
