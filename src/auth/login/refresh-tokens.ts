import { hash, randomBytes } from 'node:crypto';
import { systemClock, type Clock } from '../../core/clock.js';
import { isPlainObject } from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { withDeadline } from '../../core/with-deadline.js';
import type { Claims } from '../claims-identity.js';
import { invalid, type AuthFailure } from '../strategy.js';
import { authUnavailable } from './auth-unavailable.js';
import { MemoryRefreshTokenStore } from './memory-refresh-token-store.js';
import type { RefreshRotation, RefreshTokenStore } from './refresh-token-store.js';

/** How refresh tokens live. */
export interface RefreshTokensOptions {
  /** Where the tokens live. @default a MemoryRefreshTokenStore of its own, which is lost with the process */
  store?: RefreshTokenStore;
  /** How long each token can wait for its use, in ms. From 1000 to ten years. @default 2592000000, 30 days */
  expiresInMs?: number;
  /**
   * How long after the login the last token ends, however often they were refreshed, in ms. From 1000 on; Infinity = who
   * comes often enough never has to log in again. @default 7776000000, 90 days
   */
  maxLifetimeMs?: number;
  /** How long the store may take for an answer, in ms. From 1 on. @default 1000 */
  storeTimeoutMs?: number;
  /** @default systemClock */
  clock?: Clock;
  /** Cryptographically strong. @default that of `node:crypto` */
  randomBytes?: (size: number) => Buffer;
}

/** A token as its owner gets it. */
export interface RefreshToken {
  readonly token: string;
  /** How long it is good, in ms. */
  readonly expiresInMs: number;
}

/** The next token, and whose it is. */
export interface RotatedToken extends RefreshToken {
  readonly claims: Claims;
}

const DAY_MS = 86_400_000;
const FAMILY_BYTES = 16;
const SECRET_BYTES = 32;

/** Family and secret in base64url. Nothing else becomes the key of a store. */
const TOKEN = /^([\w-]{22})\.([\w-]{43})$/;

const REASONS = {
  reused: 'refresh token reused, its family is revoked',
  unknown: 'refresh token unknown, expired or revoked',
} as const satisfies Record<Exclude<RefreshRotation['outcome'], 'rotated'>, string>;

/**
 * Refresh tokens with rotation and reuse detection (RFC 9700 4.14.2): each is good once, and whoever comes with an
 * earlier one of the family ends it for all, since one of the two who hold its tokens has stolen them.
 *
 * Where the store does not answer, every method rejects with `ERR_GATEWAY_AUTH_UNAVAILABLE`.
 */
export class RefreshTokens {
  readonly #store: RefreshTokenStore;
  readonly #expiresInMs: number;
  readonly #maxLifetimeMs: number;
  readonly #storeTimeoutMs: number;
  readonly #clock: Clock;
  readonly #randomBytes: (size: number) => Buffer;

  constructor(options: RefreshTokensOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#store = options.store ?? new MemoryRefreshTokenStore({ clock: this.#clock });
    this.#expiresInMs = options.expiresInMs ?? 30 * DAY_MS;
    this.#maxLifetimeMs = options.maxLifetimeMs ?? Math.max(90 * DAY_MS, this.#expiresInMs);
    this.#storeTimeoutMs = options.storeTimeoutMs ?? 1_000;
    this.#randomBytes = options.randomBytes ?? randomBytes;
  }

  /** The first token of a new family. */
  async issue(claims: Claims): Promise<RefreshToken> {
    const family = this.#random(FAMILY_BYTES);
    const secret = this.#random(SECRET_BYTES);
    const endsAt = this.#clock.wall() + this.#maxLifetimeMs;
    const data = JSON.stringify({ claims, endsAt });
    await this.#ask(() => this.#store.create(family, sha256(secret), data, this.#expiresInMs));
    return { token: `${family}.${secret}`, expiresInMs: this.#leftMs(endsAt) };
  }

  /** Changes a token for the next one of its family. */
  async rotate(token: string): Promise<RotatedToken | AuthFailure> {
    const [, family, oldSecret] = TOKEN.exec(token) ?? [];
    if (family === undefined || oldSecret === undefined) return invalid('refresh token malformed');
    const secret = this.#random(SECRET_BYTES);
    const rotation = await this.#rotate(family, oldSecret, secret);
    if (rotation.outcome !== 'rotated') return invalid(REASONS[rotation.outcome]);
    const { claims, endsAt } = parseData(rotation.data);
    if (endsAt > this.#clock.wall()) return { token: `${family}.${secret}`, expiresInMs: this.#leftMs(endsAt), claims };
    await this.revoke(token);
    return invalid('refresh token past the lifetime of its login');
  }

  /**
   * Makes a token good again whose successor has not left this process: a failure of ours must not look like a reuse
   * when the client tries again. Where that fails too, the user has to log in.
   */
  async takeBack(token: string, { token: successor }: RefreshToken): Promise<void> {
    const [family = '', secret = ''] = token.split('.');
    const [, unsent = ''] = successor.split('.');
    await this.#rotate(family, unsent, secret).catch(ignore);
  }

  /** Ends the family of a token, be it the latest or not; what is no token ends nothing. */
  async revoke(token: string): Promise<void> {
    const [, family] = TOKEN.exec(token) ?? [];
    if (family !== undefined) await this.#ask(() => this.#store.revoke(family));
  }

  #rotate(family: string, oldSecret: string, newSecret: string): Promise<RefreshRotation> {
    return this.#ask(() => this.#store.rotate(family, sha256(oldSecret), sha256(newSecret), this.#expiresInMs));
  }

  /** A deadline that has passed leaves open what the store has done: a token that was spent then is not good again. */
  async #ask<Value>(call: () => MaybePromise<Value>): Promise<Value> {
    try {
      return await withDeadline(call(), this.#storeTimeoutMs, this.#clock);
    } catch (error) {
      throw authUnavailable('the store of refresh tokens', error);
    }
  }

  #leftMs(endsAt: number): number {
    return Math.min(this.#expiresInMs, endsAt - this.#clock.wall());
  }

  #random(bytes: number): string {
    return this.#randomBytes(bytes).toString('base64url');
  }
}

function sha256(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** An end that never comes is `null` in JSON. */
function parseData(data: string): { claims: Claims; endsAt: number } {
  try {
    const { claims, endsAt } = JSON.parse(data) as { claims?: unknown; endsAt?: unknown };
    if (isPlainObject(claims) && (endsAt === null || typeof endsAt === 'number'))
      return { claims: claims as Claims, endsAt: endsAt ?? Infinity };
  } catch {
    // What a parser says would show the data.
  }
  throw authUnavailable('the store of refresh tokens', new Error('it gave back other data than it had been given'));
}

function ignore(): void {}
