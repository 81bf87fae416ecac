/**
 * The part of an undici `Dispatcher` that the proxy uses, by shape: any version that speaks these callbacks fits, and
 * no type of undici is published.
 */

import { Readable } from 'node:stream';
import type { Body } from '../core/types.js';

export interface DispatchOptions {
  origin: string;
  path: string;
  method: string;
  /** Flat: name, value, name, value. */
  headers: (string | string[])[];
  body: unknown;
  servername: string;
  /** Told by the pool which connection it runs on. */
  exchange: { connection: Connection | null } | null;
}

/** What is known of a pooled connection, to tell one that died unused from a bad upstream. */
export interface Connection {
  /** Answers that it has carried to their end. */
  answers: number;
  /** It ended with an error, so an answer that ends with it did not end well. */
  broken: boolean;
  /** Bytes that came in over it so far. */
  readonly bytesRead: number;
  /** When it was open, see `Clock.now`. */
  openedAt: number;
  /** How long it took to open, TLS included, in ms. */
  connectMs: number;
}

export interface DispatchController {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

export interface DispatchHandler {
  onRequestStart(controller: DispatchController, context: unknown): void;
  onResponseStart(
    controller: DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void;
  onResponseData(controller: DispatchController, chunk: Uint8Array): void;
  onResponseEnd(controller: DispatchController, trailers: unknown): void;
  onResponseError(controller: DispatchController | undefined, error: Error): void;
}

/** An undici `Pool`, `Agent`, `Client`, `MockAgent`... that the user owns and closes. */
export interface Dispatcher {
  // Loose on purpose: undici's own types differ from version to version.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  dispatch(options: any, handler: any): boolean;
}

/** What undici takes as a body: bytes or a `Readable`. */
export function dispatchBody(body: Body): string | Uint8Array | Readable | null {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array || body instanceof Readable) return body;
  return Readable.from(body);
}
