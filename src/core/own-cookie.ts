import type { Context } from './context.js';
import { cookieValue } from './cookie.js';
import type { CookieOptions } from './cookie-options.js';
import { setCookie, type CookieAttributes } from './set-cookie.js';
import type { GatewayResponse } from './types.js';

/** A cookie that the gateway sets for itself, beside those of the service. */
export class OwnCookie {
  readonly name: string;
  readonly #secure: boolean | undefined;
  readonly #attributes: Omit<CookieAttributes, 'secure'>;

  constructor(
    name: string,
    { maxAgeMs, secure, sameSite = 'lax', path = '/', domain }: CookieOptions & { maxAgeMs?: number },
  ) {
    this.name = name;
    this.#secure = secure;
    this.#attributes = {
      path,
      sameSite,
      ...(maxAgeMs !== undefined && { maxAgeMs }),
      ...(domain !== undefined && { domain }),
    };
  }

  /** What the client sends back; `null` = nothing. */
  read({ request }: Context): string | null {
    return cookieValue(request.headers.cookie, this.name);
  }

  /** Adds it to an answer, whose own cookies stay. */
  add({ request }: Context, { headers }: GatewayResponse, value: string): void {
    const secure = this.#secure ?? request.protocol === 'https';
    const field = setCookie(this.name, value, { ...this.#attributes, secure });
    headers['set-cookie'] = [headers['set-cookie'] ?? [], field].flat();
  }
}
