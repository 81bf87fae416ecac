import type { Clock } from '../../core/clock.js';
import { isPlainObject } from '../../core/options.js';
import { claim, type Claims } from '../claims-identity.js';
import { fetchJson, type FetchLimits } from '../fetch-json.js';
import { invalid, unavailable, type AuthFailure } from '../strategy.js';
import type { IntrospectionOptions } from './options.js';

/** What the endpoint says of a token, with `active` among it; a failure where it does not answer. */
export type IntrospectionAnswer = { readonly claims: Claims } | AuthFailure;

/** Asks what a token is worth (RFC 7662 2), and leaves an endpoint that fails alone for a while. */
export class IntrospectionEndpoint {
  readonly #url: string;
  readonly #origin: string;
  readonly #headers: Record<string, string>;
  readonly #limits: FetchLimits;
  readonly #cooldownMs: number;
  readonly #clock: Clock;
  #lastFailure: AuthFailure | null = null;
  #restsUntil = -Infinity;

  constructor(options: IntrospectionOptions, clock: Clock) {
    this.#url = options.url;
    this.#origin = new URL(options.url).origin;
    this.#headers = {
      ...(options.headers ?? { authorization: basic(options.clientId, options.clientSecret) }),
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    };
    this.#limits = options;
    this.#cooldownMs = options.cooldownMs ?? 1_000;
    this.#clock = clock;
  }

  /** Never rejects. */
  async ask(token: string): Promise<IntrospectionAnswer> {
    if (this.#lastFailure !== null && this.#clock.now() < this.#restsUntil) return this.#lastFailure;
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString();
    try {
      const request = { method: 'POST', headers: this.#headers, body };
      const { status, json } = await fetchJson(this.#url, request, this.#clock, this.#limits);
      if (status === 200 && isAnswer(json)) return { claims: json };
      if (status === 400 && isAboutToken(json)) return invalid('the token is none that the endpoint can judge');
      const failure = unavailable(`${this.#origin}: ${faultOf(status)}`);
      // Another 400 may be about this token alone, too: whoever sends such tokens must not lock the others out.
      return status === 400 ? failure : this.#rest(failure);
    } catch (error) {
      return this.#rest(unavailable((error as Error).message));
    }
  }

  #rest(failure: AuthFailure): AuthFailure {
    this.#lastFailure = failure;
    this.#restsUntil = this.#clock.now() + this.#cooldownMs;
    return failure;
  }
}

function isAnswer(json: unknown): json is Claims {
  return isPlainObject(json) && typeof claim(json as Claims, 'active') === 'boolean';
}

/** All that changes from one question to the next is the token (RFC 6749 5.2, RFC 7009 2.2.1). */
function isAboutToken(json: unknown): boolean {
  const error = isPlainObject(json) ? claim(json as Claims, 'error') : undefined;
  return error === 'invalid_request' || error === 'unsupported_token_type';
}

function faultOf(status: number): string {
  if (status === 200) return 'an answer that is no JSON object with a boolean active';
  const what = `an answer with status ${status}`;
  return status === 401 || status === 403 ? `${what}: it does not take the gateway's own credentials` : what;
}

/** RFC 6749 2.3.1: each half is form-encoded first, so a colon in the name is none of the separator. */
function basic(clientId = '', clientSecret = ''): string {
  return `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')}`;
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
