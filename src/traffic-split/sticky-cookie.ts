import type { Context } from '../core/context.js';
import { OwnCookie } from '../core/own-cookie.js';
import type { GatewayResponse } from '../core/types.js';
import type { StickyVariantOptions } from './options.js';

const BUCKETS = 1_000_000_000;
/** A bucket as it is written: what else stands in a cookie is not ours. */
const BUCKET = /^\d{1,9}$/;
const THIRTY_DAYS_MS = 2_592_000_000;

/** The cookie that stands for a caller whom nothing else tells apart. */
export class StickyCookie {
  readonly #cookie: OwnCookie;
  readonly #random: () => number;

  constructor(
    { cookie = 'gateway-bucket', maxAgeMs = THIRTY_DAYS_MS, ...rest }: StickyVariantOptions,
    random: () => number,
  ) {
    this.#cookie = new OwnCookie(cookie, { maxAgeMs, ...rest });
    this.#random = random;
  }

  get name(): string {
    return this.#cookie.name;
  }

  /** The bucket that a request comes with, or `null`. */
  read(ctx: Context): string | null {
    const value = this.#cookie.read(ctx);
    return value !== null && BUCKET.test(value) ? value : null;
  }

  /** A bucket for a new caller. */
  draw(): string {
    return String(Math.floor(this.#random() * BUCKETS));
  }

  /** Hands a bucket to the client. */
  add(bucket: string, response: GatewayResponse, ctx: Context): GatewayResponse {
    this.#cookie.add(ctx, response, bucket);
    return response;
  }
}
