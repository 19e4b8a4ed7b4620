/** The public half of a key, for the `cnf` of a token. */
export type PublicJwk =
  | Readonly<{ kty: "OKP"; crv: "Ed25519"; x: string }>
  | Readonly<{ kty: "EC"; crv: "P-256"; x: string; y: string }>;

/** The key of this browser profile and origin under one name. */
export class SigningKey {
  private constructor();
  readonly jwk: PublicJwk;

  /** The key that is kept under this name, or a new one. Two pages that ask at once get the same. */
  static open(name?: string): Promise<SigningKey>;

  /** Throw the key of this name away, as at a logout: the next `open` makes another. */
  static forget(name?: string): Promise<void>;

  /** Something that signs for one connection, whose `wssec.ready` told this nonce. */
  signer(nonce: string): MessageSigner;
}

/** Signs what one connection sends; the next connection has another nonce, and needs another signer. */
export class MessageSigner {
  private constructor();

  /** The `jws` of a `wssec.signed` message that holds this text: that of a whole message, envelope included. */
  sign(text: string): Promise<string>;
}
