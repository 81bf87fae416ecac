import { systemClock, type Clock } from '../core/clock.js';
import { isGatewayError } from '../core/errors.js';
import { compileHook } from '../core/hook.js';
import { warn } from '../core/warn.js';
import { withDeadline } from '../core/with-deadline.js';
import { MemoryStore } from './memory-store.js';
import type { AnyRateLimiterOptions, StoreOutage } from './options.js';
import type {
  RateLimitCounter,
  RateLimitDecision,
  RateLimitPolicy,
  RateLimitWindow,
  StoreErrorPolicy,
} from './types.js';

/** How long a store that has failed is left alone. */
const RETRY_AFTER_MS = 1000;

type RemoteCounter = RateLimitCounter<Promise<RateLimitDecision>>;

/** A time in which the store does not answer. */
interface Outage {
  readonly error: unknown;
  /** When the next call tries the store; `Infinity` while one does. */
  retryAt: number;
}

/**
 * A counter that leaves the process, with a deadline and a policy for its failure. After a failure the store is left
 * alone for a second, then one call tries it while the others still get the policy's answer; so an outage costs one
 * deadline a second, not one per call.
 */
export class GuardedCounter implements RemoteCounter {
  readonly #remote: RemoteCounter;
  readonly #local: RateLimitCounter<RateLimitDecision> | null;
  readonly #policy: RateLimitPolicy;
  readonly #onStoreError: StoreErrorPolicy;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #onOutage: (outage: StoreOutage) => void;
  readonly #runHook = compileHook("A limiter's onOutage");
  #outage: Outage | null = null;

  constructor(remote: RemoteCounter, policy: RateLimitPolicy, options: AnyRateLimiterOptions) {
    const { onStoreError = 'local', storeTimeoutMs = 50, onOutage = warnOfOutage, clock = systemClock } = options;
    this.#remote = remote;
    this.#policy = policy;
    this.#onStoreError = onStoreError;
    this.#timeoutMs = storeTimeoutMs;
    this.#clock = clock;
    this.#onOutage = onOutage;
    this.#local = onStoreError === 'local' ? new MemoryStore({ clock }).open(policy) : null;
  }

  get state(): 'up' | 'down' {
    return this.#outage === null ? 'up' : 'down';
  }

  consume(key: string, cost: number): Promise<RateLimitDecision> {
    return this.#ask(
      () => this.#remote.consume(key, cost),
      () => this.#substitute(this.#local?.consume(key, cost)),
    );
  }

  peek(key: string, cost: number): Promise<RateLimitDecision> {
    return this.#ask(
      () => this.#remote.peek(key, cost),
      () => this.#substitute(this.#local?.peek(key, cost)),
    );
  }

  /** What the store has counted cannot be taken back while it is away; nobody is worse off than without a refund. */
  refund(key: string, cost: number): Promise<void> {
    return this.#ask(
      () => this.#remote.refund(key, cost),
      () => this.#local?.refund(key, cost),
    );
  }

  reset(key: string): Promise<void> {
    void this.#local?.reset(key);
    return this.#ask(
      () => this.#remote.reset(key),
      (error) => {
        throw error;
      },
    );
  }

  async close(): Promise<void> {
    await this.#local?.close();
    await this.#remote.close();
  }

  /** Calls the store, or `instead` where it does not answer. */
  async #ask<Value>(call: () => Value | Promise<Value>, instead: (error: unknown) => Value | Promise<Value>) {
    const outage = this.#outage;
    if (outage !== null) {
      if (this.#clock.now() < outage.retryAt) return instead(outage.error);
      outage.retryAt = Infinity;
    }
    try {
      const value = await withDeadline(call(), this.#timeoutMs, this.#clock);
      if (outage !== null) this.#end();
      return value;
    } catch (error) {
      if (isGatewayError(error)) {
        // The store says that it cannot do this, which is no outage; it has not been tried.
        if (outage !== null) outage.retryAt = this.#clock.now();
        throw error;
      }
      // Of the calls that were under way when it failed, the first begins the outage.
      if (this.#outage === outage) this.#fail(error);
      return instead(error);
    }
  }

  #fail(error: unknown): void {
    const isNew = this.#outage === null;
    this.#outage = { error, retryAt: this.#clock.now() + RETRY_AFTER_MS };
    if (isNew) this.#report('down', error);
  }

  #end(): void {
    this.#outage = null;
    this.#report('up', null);
  }

  #report(state: StoreOutage['state'], error: unknown): void {
    const { name } = this.#policy;
    this.#runHook(() => this.#onOutage({ name, state, policy: this.#onStoreError, error }));
  }

  #substitute(local: RateLimitDecision | undefined): RateLimitDecision {
    if (local !== undefined) return { ...local, failure: 'local' };
    const limit = (this.#policy.windows[0] as Required<RateLimitWindow>).burst;
    if (this.#onStoreError === 'open')
      return { allowed: true, window: 0, limit, remaining: limit, resetMs: 0, retryAfterMs: 0, failure: 'open' };
    const retryAfterMs = this.#untilRetryMs();
    return { allowed: false, window: 0, limit, remaining: 0, resetMs: retryAfterMs, retryAfterMs, failure: 'closed' };
  }

  /** While a call tries the store, its answer may be there in a ms. */
  #untilRetryMs(): number {
    const leftMs = Math.ceil((this.#outage?.retryAt ?? 0) - this.#clock.now());
    return Number.isFinite(leftMs) ? Math.max(1, leftMs) : 1;
  }
}

function warnOfOutage({ name, state, policy, error }: StoreOutage): void {
  const message =
    state === 'up'
      ? `The store of the limiter '${name}' answers again.`
      : `The store of the limiter '${name}' does not answer (${reasonOf(error)}). Until it does, ${MEANWHILE[policy]}.`;
  warn('ERR_GATEWAY_LIMITER_STORE', message);
}

const MEANWHILE: Readonly<Record<StoreErrorPolicy, string>> = {
  open: 'every call passes',
  closed: 'no call passes',
  local: 'this process counts for itself',
};

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
