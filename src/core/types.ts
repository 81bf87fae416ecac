/** The nouns that every piece speaks. Only types: this file costs nothing at run time. */
import type { Writable } from 'node:stream';
import type { Context } from './context.js';
import type { RefusalCode } from './errors.js';

export type MaybePromise<T> = T | Promise<T>;

/**
 * Header fields by lower-case name, as `node:http` gives them; a list only where lines must stay apart (`set-cookie`).
 */
export type HeaderMap = Record<string, string | string[] | undefined>;

/**
 * What a `Readable` can do that the gateway needs: a `Readable` is one, and so is the light body that the proxy
 * returns.
 */
export interface ByteStream extends AsyncIterable<Uint8Array> {
  /**
   * Sends every byte to `destination` with backpressure and ends it. An early end of the source destroys the
   * destination.
   */
  pipe(destination: Writable): unknown;
  /** Bytes of it that a reader has been given so far, where it counts them. */
  readonly bytesRead?: number;
  /** All of it where it has come already, in one piece, else `null`; then there is no stream to read any more. */
  takeWhole?(): Uint8Array | null;
  /** What the source has failed with already: while no head is out, the client can still be told. */
  readonly failure?: Error | null;
  /** Stops the source at once and frees what it holds. */
  destroy(error?: Error): unknown;
}

/** A message body: a stream of unknown length, bytes or text that are already here, or nothing. */
export type Body = ByteStream | Uint8Array | string | null;

/** What the client sent, read once by the adapter and never changed. */
export interface GatewayRequest {
  /** Upper case. */
  readonly method: string;
  /** The one string that the router and every guard compare: {@link rawPath} without `;parameters`. */
  readonly path: string;
  /** The path to forward: what the client sent, proven free of dot segments and normalised once (RFC 3986 6.2.2). */
  readonly rawPath: string;
  /** `''` or `'?a=b'`, byte for byte. */
  readonly query: string;
  readonly headers: Readonly<HeaderMap>;
  readonly body: Body;
  /** The client's address after the trust rule; IPv4 in IPv6 clothes is written as IPv4. */
  readonly clientIp: string;
  /** The addresses from the client to the connecting peer that the trust rule vouches for, joined with `, `. */
  readonly forwardedFor: string;
  /** As the client sees it, after the trust rule. */
  readonly protocol: 'http' | 'https';
  /** Authority that the client asked for (`example.com:8080`), after the trust rule; `''` where HTTP/1.0 gave none. */
  readonly host: string;
  /** Of the client's connection: `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string;
  /** Why there is no body to forward though the client sent one; refused by whoever needs it. */
  readonly bodyFault: RequestFault | null;
  /** What makes the request unfit to be acted on, found while it was read; the pipeline refuses it with this. */
  readonly fault: RequestFault | null;
  /** The adapter's own object, for what this interface does not carry. */
  readonly raw: unknown;
}

/** Why a request is refused before anything else looks at it. */
export interface RequestFault {
  readonly code: RefusalCode;
  readonly detail: string;
}

/** An answer: plain, mutable, owned by whoever got it from `next(ctx)`. */
export interface GatewayResponse {
  status: number;
  headers: HeaderMap;
  body: Body;
}

export type Handler = (ctx: Context) => MaybePromise<GatewayResponse>;

/** One layer of the onion: answer, or `return next(ctx)` and work on what comes back. */
export type Middleware = (ctx: Context, next: Handler) => MaybePromise<GatewayResponse>;

/** How the request met its route: written by the router, read by the proxy and the log. */
export interface RouteMatch {
  /** Stable name for logs and metrics; the pattern where the config gives none. */
  readonly id: string;
  /** The pattern as configured. */
  readonly path: string;
  /** Decoded values of `:params` and `*`, by name. */
  readonly params: Readonly<Record<string, string>>;
  /** Names of the captured values, in the order of the pattern. */
  readonly names: readonly string[];
  /** The same values as they stood on the wire, in the order of the pattern. */
  readonly values: readonly string[];
  /** What follows the matched prefix, as it stood on the wire: `''`, or it starts with `/`. */
  readonly rest: string;
}

/** Who is calling, proven by an authentication piece. */
export interface Identity {
  /** Never empty. */
  readonly id: string;
  /** The scheme that proved it: `jwt`, `api-key`, `basic`, `introspection`, `session`, or one of your own. */
  readonly scheme: string;
  /** Everything that was proven, as the scheme tells it. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the caller may do, in the words of OAuth 2.0 (RFC 6749 3.3). */
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** The customer on whose behalf the caller acts. */
  readonly tenant?: string;
  /** The application that calls, where it is known apart from its user. */
  readonly consumer?: string;
  /** What this caller may ask for, beside the limits of routes. */
  readonly rateLimit?: IdentityRateLimit;
}

/** A limit that comes with an identity. */
export interface IdentityRateLimit {
  /** Requests per window. From 1 on. */
  readonly limit: number;
  /** Length of the window in ms. From 1 on. */
  readonly windowMs: number;
}
