import type { Context } from '../core/context.js';
import { cookieValue } from '../core/cookie.js';
import { setCookie, type CookieAttributes } from '../core/set-cookie.js';
import type { GatewayResponse } from '../core/types.js';
import type { StickyOptions } from './options.js';

const BUCKETS = 1_000_000_000;
/** A bucket as it is written: what else stands in a cookie is not ours. */
const BUCKET = /^\d{1,9}$/;

/** The cookie that stands for a caller whom nothing else tells apart. */
export class StickyCookie {
  readonly name: string;
  readonly #attributes: Omit<CookieAttributes, 'secure'>;
  readonly #secure: boolean | undefined;
  readonly #random: () => number;

  constructor(options: StickyOptions, random: () => number) {
    const { name = 'gateway-bucket', maxAgeMs = 2_592_000_000, path = '/', domain, secure, sameSite = 'lax' } = options;
    this.name = name;
    this.#attributes = { maxAgeMs, path, sameSite, ...(domain !== undefined && { domain }) };
    this.#secure = secure;
    this.#random = random;
  }

  /** The bucket that a request comes with, or `null`. */
  read({ request }: Context): string | null {
    const value = cookieValue(request.headers.cookie, this.name);
    return value !== null && BUCKET.test(value) ? value : null;
  }

  /** A bucket for a new caller. */
  draw(): string {
    return String(Math.floor(this.#random() * BUCKETS));
  }

  /** Hands a bucket to the client, beside the cookies that the answer has of its own. */
  add(bucket: string, response: GatewayResponse, { request }: Context): GatewayResponse {
    const secure = this.#secure ?? request.protocol === 'https';
    const cookie = setCookie(this.name, bucket, { ...this.#attributes, secure });
    response.headers['set-cookie'] = [response.headers['set-cookie'] ?? [], cookie].flat();
    return response;
  }
}
