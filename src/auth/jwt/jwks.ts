import { systemClock, type Clock } from '../../core/clock.js';
import { validate } from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { warn } from '../../core/warn.js';
import { unavailable, type AuthFailure } from '../strategy.js';
import type { JwtAlgorithm } from './algorithms.js';
import { fetchJwks, type FetchedKeys, type JwksSource } from './fetch-jwks.js';
import type { JwkSet } from './jwk-set.js';
import { jwksSchema, jwksTimes, PUBLIC_KEY_ALGORITHMS, type JwksOptions, type JwksOutage } from './jwks-options.js';
import { NO_KEYS } from './key-set.js';
import type { KeySource, VerificationKey } from './key-source.js';

/** How much of the time until keys are due passes before their next use fetches them again. */
const EARLY = 0.9;

/**
 * Keys of a JWK Set that is fetched and kept. Nobody waits for a fetch whose key is known: keys that are due are fetched
 * again behind the requests, and the last good ones count while that fails, up to `staleMs`. A name that no key has
 * causes a fetch too, at most one per `cooldownMs`. A key without a name that gives way to another is noticed when the
 * keys are due.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const keys = new JwksKeys({ discoverFrom: 'https://login.example.com' });
 * const found = await keys.find('2026-01', 'RS256');
 */
export class JwksKeys implements KeySource {
  readonly #source: JwksSource;
  readonly #origin: string;
  readonly #times: ReturnType<typeof jwksTimes>;
  readonly #clock: Clock;
  readonly #onOutage: (outage: JwksOutage) => unknown;
  #set: JwkSet | null = null;
  #version = 0;
  /** When the keys are fetched again, and when they count no more; without keys both are past. */
  #refreshAt = -Infinity;
  #staleAt = -Infinity;
  /** Before that nothing is fetched. */
  #cooledAt = -Infinity;
  #flight: Promise<void> | null = null;
  #aborter: AbortController | null = null;
  /** What the latest fetch failed with; `null` where it did not. */
  #trouble: string | null = null;
  #closed = false;

  constructor(options: JwksOptions) {
    validate('jwks', options, jwksSchema);
    const {
      uri = null,
      discoverFrom = '',
      allowHttp = false,
      maxKeys = 100,
      algorithms = PUBLIC_KEY_ALGORITHMS,
    } = options;
    const { clock = systemClock, onOutage = warnOfOutage } = options;
    const allowed = new Set(algorithms);
    this.#source = { uri, issuer: discoverFrom, allowHttp, maxKeys, algorithms: allowed, clock, limits: options };
    this.#origin = new URL(uri ?? discoverFrom).origin;
    this.#times = jwksTimes(options);
    this.#clock = clock;
    this.#onOutage = onOutage;
  }

  /** Whoever keeps what it has verified asks for this with each request: that is a use of the keys as much as `find`. */
  get version(): number {
    this.#lookAtAge();
    return this.#version;
  }

  find(kid: string | null, algorithm: JwtAlgorithm): MaybePromise<readonly VerificationKey[] | AuthFailure> {
    if (!this.#source.algorithms.has(algorithm)) return NO_KEYS;
    this.#lookAtAge();
    const keys = this.#known(kid, algorithm);
    if (keys.length > 0) return keys;
    const flight = this.#fetch();
    return flight === null ? this.#orFailure(keys) : flight.then(() => this.#orFailure(this.#known(kid, algorithm)));
  }

  /** Ends what is being fetched, and forgets the keys. */
  close(): void {
    this.#closed = true;
    this.#trouble = `${this.#origin}: closed`;
    this.#forget();
    this.#aborter?.abort();
  }

  #known(kid: string | null, algorithm: JwtAlgorithm): readonly VerificationKey[] {
    return this.#set === null ? NO_KEYS : this.#set.keys.find(kid, algorithm);
  }

  /** Nobody can say that there is no such key while there are none, or none but old ones. */
  #orFailure(keys: readonly VerificationKey[]): readonly VerificationKey[] | AuthFailure {
    if (keys.length > 0 || (this.#set !== null && this.#trouble === null)) return keys;
    return unavailable(`no keys from ${this.#trouble ?? this.#origin}`);
  }

  /** Keys that are not there, or no longer, are fetched by the first who needs one, who then waits. */
  #lookAtAge(): void {
    const now = this.#clock.now();
    if (now < this.#refreshAt) return;
    if (now >= this.#staleAt) this.#forget();
    else void this.#fetch();
  }

  #forget(): void {
    if (this.#set === null) return;
    this.#set = null;
    this.#version++;
  }

  /** The fetch that is under way, or a new one; `null` where it is too early for one. */
  #fetch(): Promise<void> | null {
    if (this.#flight !== null) return this.#flight;
    const now = this.#clock.now();
    if (this.#closed || now < this.#cooledAt) return null;
    this.#cooledAt = now + this.#times.cooldownMs;
    this.#aborter = new AbortController();
    this.#flight = this.#refresh(this.#aborter.signal);
    return this.#flight;
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    try {
      const fetched = await fetchJwks(this.#source, signal);
      if (!this.#closed) this.#take(fetched);
    } catch (error) {
      if (!this.#closed) this.#fail(error as Error);
    }
    this.#flight = null;
  }

  /** Equal keys stay the ones that they are, and with them what was verified. */
  #take({ set, maxAgeMs }: FetchedKeys): void {
    if (this.#set?.fingerprint !== set.fingerprint) {
      this.#set = set;
      this.#version++;
    }
    const { refreshMs, staleMs } = this.#times;
    const now = this.#clock.now();
    this.#refreshAt = now + EARLY * Math.min(refreshMs, maxAgeMs);
    this.#staleAt = now + staleMs;
    const wasDown = this.#trouble !== null;
    this.#trouble = null;
    if (wasDown) void this.#report('up', null);
  }

  #fail(error: Error): void {
    const wasUp = this.#trouble === null;
    this.#trouble = error.message;
    if (wasUp) void this.#report('down', error);
  }

  /** A listener that fails is not to keep anybody from the keys. */
  async #report(state: JwksOutage['state'], error: Error | null): Promise<void> {
    try {
      await this.#onOutage({ origin: this.#origin, state, error });
    } catch (failure) {
      warn('ERR_GATEWAY_JWKS', `The onOutage of the keys from ${this.#origin} failed: ${String(failure)}`);
    }
  }
}

/** The keys of a JWK Set, fetched and kept: see {@link JwksKeys}. @throws {ConfigError} when an option is wrong. */
export function jwks(options: JwksOptions): KeySource {
  return new JwksKeys(options);
}

function warnOfOutage({ origin, state, error }: JwksOutage): void {
  const message =
    state === 'up'
      ? `The keys from ${origin} can be fetched again.`
      : `The keys from ${origin} cannot be fetched (${(error as Error).message}). Until they can, the last good ones count.`;
  warn('ERR_GATEWAY_JWKS', message);
}
