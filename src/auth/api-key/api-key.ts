import { hash, timingSafeEqual } from 'node:crypto';
import { systemClock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import { validate } from '../../core/options.js';
import type { Identity, MaybePromise } from '../../core/types.js';
import { compileCredentials, type CredentialSource } from '../credentials.js';
import { MAX_REFUSAL_TTL_MS, SharedLookup, type Found } from '../shared-lookup.js';
import { invalid, isAuthFailure, type AuthFailure, type AuthResult, type AuthStrategy } from '../strategy.js';
import { askCaller } from '../ask-caller.js';
import { identityOf } from '../caller.js';
import { digestOf, lifetimeOf } from './key-entry.js';
import {
  apiKeySchema,
  foundConsumerSchema,
  type ApiKeyConsumer,
  type ApiKeyLookup,
  type ApiKeyOptions,
} from './options.js';

const NAME = 'api-key';

const UNKNOWN = Object.freeze(invalid('an unknown key'));
const NOT_YET = Object.freeze(invalid('a key before its time'));
const EXPIRED = Object.freeze(invalid('an expired key'));

/** What a key proves, and when. */
interface Verdict {
  readonly result: Identity | AuthFailure;
  readonly notBefore: number;
  readonly expiresAt: number;
}

interface HeldKey extends Verdict {
  readonly digest: Buffer;
}

/**
 * Proves who is calling by a key that was given to it. Only SHA-256 hashes of keys are kept and looked up.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const strategy = apiKey({
 *   consumers: [
 *     { id: 'shop', keys: [{ sha256 }, { sha256: oldSha256, expiresAt: '2027-01-31' }], scopes: ['orders:read'] },
 *   ],
 * });
 */
export function apiKey(options: ApiKeyOptions): AuthStrategy {
  validate('apiKey', options, apiKeySchema);
  const { keyFrom = { header: 'x-api-key' }, consumers = [], lookup, clock = systemClock } = options;
  const { cacheTtlMs = 60_000, cacheSize = 10_000 } = options;
  const sources: readonly CredentialSource[] = [keyFrom].flat();
  const keyOf = compileCredentials(sources, 'ApiKey');
  const held = heldKeys(consumers);
  const found = new SharedLookup<Verdict>(clock, cacheTtlMs === 0 ? 0 : cacheSize);

  function authenticate(ctx: Context): MaybePromise<AuthResult> {
    const key = keyOf(ctx);
    if (typeof key !== 'string') return key;
    const digest = hash('sha256', key, 'buffer');
    const sha256 = digest.toString('hex');
    // The time that a Map takes may tell something of digests. It helps nobody: who could make a key for a digest of
    // his choice would have broken SHA-256.
    const match = held.get(sha256);
    if (match !== undefined && timingSafeEqual(match.digest, digest)) return resultOf(match);
    if (lookup === undefined) return UNKNOWN;
    const verdict = found.find(sha256, () => ask(lookup, sha256));
    return verdict instanceof Promise ? verdict.then(resultOf) : resultOf(verdict);
  }

  async function ask(lookup: ApiKeyLookup, sha256: string): Promise<Found<Verdict>> {
    const consumer = await askCaller('lookup', foundConsumerSchema, () => lookup(sha256), clock);
    if (consumer === null) return refused(UNKNOWN);
    if (isAuthFailure(consumer)) return { value: always(consumer), ttlMs: 0 };
    const { notBefore, expiresAt } = lifetimeOf(consumer);
    const leftMs = expiresAt - clock.wall();
    if (leftMs <= 0) return refused(EXPIRED);
    const value = { result: identityOf(consumer, NAME, consumer.id), notBefore, expiresAt };
    return { value, ttlMs: Math.min(cacheTtlMs, leftMs) };
  }

  function refused(failure: AuthFailure): Found<Verdict> {
    return { value: always(failure), ttlMs: Math.min(cacheTtlMs, MAX_REFUSAL_TTL_MS) };
  }

  /** Time passes for what is kept, too. */
  function resultOf({ result, notBefore, expiresAt }: Verdict): Identity | AuthFailure {
    const now = clock.wall();
    if (now < notBefore) return NOT_YET;
    return now < expiresAt ? result : EXPIRED;
  }

  return { name: NAME, scheme: 'ApiKey', sources, authenticate };
}

function always(result: Identity | AuthFailure): Verdict {
  return { result, notBefore: -Infinity, expiresAt: Infinity };
}

/** By SHA-256 in hex. */
function heldKeys(consumers: readonly ApiKeyConsumer[]): ReadonlyMap<string, HeldKey> {
  const held = new Map<string, HeldKey>();
  for (const consumer of consumers) {
    const result = identityOf(consumer, NAME, consumer.id);
    for (const entry of consumer.keys) {
      const digest = digestOf(entry);
      held.set(digest.toString('hex'), { result, digest, ...lifetimeOf(typeof entry === 'string' ? {} : entry) });
    }
  }
  return held;
}
