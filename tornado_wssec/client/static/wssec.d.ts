/** What the server's close code, or what stood in its place, comes to. */
export type CloseReason =
  | "normal"
  | "going_away"
  | "protocol_error"
  | "unsupported_data"
  | "invalid_payload"
  | "message_too_big"
  | "internal_error"
  | "try_again_later"
  | "token_expired"
  | "bad_messages"
  | "unauthenticated"
  | "revoked"
  | "timed_out"
  | "replaced"
  | "slow_consumer"
  | "rate_limited";

/** What a page can show. `at` is when it tries again, in milliseconds as `Date.now()`. */
export type State =
  | Readonly<{ name: "connecting" }>
  | Readonly<{ name: "open"; session: string; expiresIn?: number }>
  | Readonly<{
      name: "waiting";
      reason: CloseReason | "lost" | "silent" | "unreachable" | "unavailable" | "offline";
      code?: number;
      at: number;
    }>
  | Readonly<{
      name: "stopped";
      reason: CloseReason | "closed" | "forbidden" | "blocked" | "application";
      code?: number;
      text?: string;
    }>;

/** What nobody but this client says; every other code is the server's. */
export type ClientCode = "disconnected" | "no_answer" | "queue_full" | "stopped" | "signing_failed";

/** The server said no, or nobody answered. */
export class Refused<Code extends string = string> extends Error {
  private constructor();
  readonly code: Code | ClientCode;
  /** The names of the fields at fault, with what is wrong. */
  readonly fields?: Record<string, unknown>;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** An HTTP answer that is no success. A `credential` or `renew` of your own may throw anything with a `status`. */
export class HttpRefused extends Error {
  constructor(answer: Pick<Response, "status" | "headers">);
  readonly status: number;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** A subprotocol such as `wssec.bearer.…`, or what a first message shows; nothing where a cookie does. */
export type Shown = string | { token: string } | { ticket: string } | null | undefined;

/** A credential: asks for a ticket before every attempt, with the page's cookie or with a token. */
export function ticket(options?: {
  url?: string;
  token?: () => string | Promise<string>;
}): (path: string) => Promise<string>;

/** A message as the generated types have it: `Inbound` and `Outbound` are unions of them. */
export interface Said {
  type: string;
  data?: unknown;
}

type Of<M extends Said, T extends M["type"]> = Extract<M, { type: T }>;
type DataOf<M extends Said, T extends M["type"]> = Of<M, T> extends { data?: infer D } ? D : undefined;
type Given<M extends Said, T extends M["type"], O> = Of<M, T> extends { data: infer D }
  ? [data: D, options?: O]
  : [data?: DataOf<M, T>, options?: O];
type Heard<M extends Said, T extends M["type"]> = T extends "error" ? Refused<CodeOf<M>> : DataOf<M, T>;
type CodeOf<M extends Said> = Extract<M, { type: "error" }> extends { code: infer C extends string } ? C : string;

export interface Options<In extends Said = Said> {
  /** Asked before every attempt, with the path of the socket. `ticket()` where it is left out; null: nothing is shown. */
  credential?: ((path: string) => Shown | Promise<Shown>) | null;
  /** Gives a fresh token, once the server has said that the present one ends. */
  renew?: () => string | Promise<string>;
  /** What signs on a connection of this nonce: `(nonce) => key.signer(nonce)` of signing.js. */
  signer?: (nonce: string) => { sign(text: string): Promise<string> } | Promise<{ sign(text: string): Promise<string> }>;
  /** The types that are signed. */
  signed?: Iterable<In["type"]>;
  /** The key of the type, where the endpoint has a flat envelope: `"action"` for `Envelope.flat(type="action")`. */
  flat?: string;
  /** Messages that may wait while there is no connection; 64 where it is left out. */
  queue?: number;
  /** Milliseconds that a request waits for its answer; 15,000 where it is left out. */
  within?: number;
}

/** One connection that comes back: `In` is what may be sent, `Out` what may come. */
export class Connection<In extends Said = Said, Out extends Said = Said> {
  constructor(url: string | URL, options?: Options<In>);
  readonly state: State;

  /** Tell the state, now and whenever it changes; the returned function ends it. */
  watch(tell: (state: State) => void): () => void;

  /** Hear messages of a type; the returned function ends it. */
  on<T extends Out["type"]>(type: T, hear: (data: Heard<Out, T>, message: Of<Out, T>) => void): () => void;

  /** Connect now, also where it waits or has stopped. */
  open(): void;

  /** Leave, until `open()`. */
  close(): void;

  /** Send a message; resolves to the data of its reply, rejects with Refused. While offline it waits in the queue. */
  request<T extends In["type"]>(
    type: T,
    ...given: Given<In, T, { within?: number; payload?: ArrayBuffer | ArrayBufferView }>
  ): Promise<Record<string, any>>;

  /** Send a message that nobody waits for; false where there is no room for it. */
  send<T extends In["type"]>(type: T, ...given: Given<In, T, { payload?: ArrayBuffer | ArrayBufferView }>): boolean;

  /** Listen to a channel, after every reconnect again; resolves once the server has agreed. */
  subscribe(channel: string, options?: { since?: number }): Promise<void>;

  /** Listen no more. */
  unsubscribe(channel: string): Promise<void>;

  /** See whether the other end is still there. */
  check(): Promise<void>;
}
