// Signs messages in a page, by a key that no script can read: it is made here, kept in IndexedDB, and never exported.
//
// Rules of this file:
// 1. The private half is not extractable, from its first moment on.
// 2. Messages are numbered in the order in which `sign` is called, and come back in that order.
// 3. The text that is signed is the text that is sent; nothing here reads or writes its JSON.

const DATABASE = "tornado-wssec";
const STORE = "signing-keys";
const ENCODER = new TextEncoder();

/** What a key may be for, the preferred one first: how WebCrypto calls it, and how JWS does. */
const KINDS = [
  { alg: "EdDSA", made: { name: "Ed25519" }, used: { name: "Ed25519" }, members: ["crv", "kty", "x"] },
  {
    alg: "ES256",
    made: { name: "ECDSA", namedCurve: "P-256" },
    used: { name: "ECDSA", hash: "SHA-256" },
    members: ["crv", "kty", "x", "y"],
  },
];

/** The key of this browser profile and origin under one name. */
export class SigningKey {
  #pair;
  #kind;

  /** For `SigningKey.open`; `jwk` is the public half, for the `cnf` of a token. */
  constructor(pair, kind, jwk) {
    this.#pair = pair;
    this.#kind = kind;
    this.jwk = Object.freeze(jwk);
    Object.freeze(this);
  }

  /** The key that is kept under this name, or a new one. Two pages that ask at once get the same. */
  static async open(name = "default") {
    const database = await openDatabase();
    try {
      const kept = (await request(store(database, "readonly").get(name))) ?? (await keep(database, name, await makePair()));
      const kind = KINDS.find(({ made }) => made.name === kept.privateKey.algorithm.name);
      const whole = await crypto.subtle.exportKey("jwk", kept.publicKey);
      return new SigningKey(kept, kind, Object.fromEntries(kind.members.map((member) => [member, whole[member]])));
    } finally {
      database.close();
    }
  }

  /** Throw the key of this name away, as at a logout: the next `open` makes another. */
  static async forget(name = "default") {
    const database = await openDatabase();
    try {
      await request(store(database, "readwrite").delete(name));
    } finally {
      database.close();
    }
  }

  /** Something that signs for one connection, whose `wssec.ready` told this nonce. */
  signer(nonce) {
    return new MessageSigner(nonce, this.#kind.alg, (bytes) =>
      crypto.subtle.sign(this.#kind.used, this.#pair.privateKey, bytes),
    );
  }
}

/** Signs what one connection sends; the next connection has another nonce, and needs another signer. */
export class MessageSigner {
  #nonce;
  #header;
  #mark;
  #seq = 0;
  #last = Promise.resolve();

  constructor(nonce, alg, mark) {
    this.#nonce = nonce;
    this.#header = base64url(ENCODER.encode(JSON.stringify({ alg, typ: "wssec-msg+jwt" })));
    this.#mark = mark;
  }

  /** The `jws` of a `wssec.signed` message that holds this text: that of a whole message, envelope included. */
  sign(text) {
    const signed = this.#last.then(() => this.#sign(text));
    this.#last = signed.catch(() => undefined);
    return signed;
  }

  async #sign(message) {
    const payload = { nonce: this.#nonce, seq: ++this.#seq, ts: Math.floor(Date.now() / 1000), message };
    const signed = `${this.#header}.${base64url(ENCODER.encode(JSON.stringify(payload)))}`;
    return `${signed}.${base64url(new Uint8Array(await this.#mark(ENCODER.encode(signed))))}`;
  }
}

async function makePair() {
  for (const { made } of KINDS) {
    try {
      return await crypto.subtle.generateKey(made, false, ["sign", "verify"]);
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
    }
  }
  throw new Error("this browser can make neither an Ed25519 nor a P-256 key");
}

/** Keep a pair, unless another page was faster; give the one that is kept. */
async function keep(database, name, pair) {
  const keys = store(database, "readwrite");
  const kept = await request(keys.get(name));
  if (kept !== undefined) return kept;
  await request(keys.put(pair, name));
  return pair;
}

function store(database, mode) {
  return database.transaction(STORE, mode).objectStore(STORE);
}

function openDatabase() {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return request(opening);
}

function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

function base64url(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
