import { systemClock, type Clock } from '../core/clock.js';
import { clockField, ConfigError, object, validate, type Fault, type Schema } from '../core/options.js';
import { ExpressCounter, type ExpressRateLimitStore } from './express-counter.js';
import type { RateLimitDecision, RateLimitPolicy, RateLimitStore } from './types.js';

export interface ExpressStoreOptions {
  /** Its wall clock is compared with the times that the store gives. @default systemClock */
  clock?: Clock;
}

const expressStore: Schema = {
  expected: 'a store with increment(key), decrement(key) and resetKey(key)',
  accepts: (value) => {
    const store = value as Partial<Record<keyof ExpressRateLimitStore, unknown>> | null | undefined;
    return [store?.increment, store?.decrement, store?.resetKey].every((method) => typeof method === 'function');
  },
};

/**
 * Takes a store that was written for express-rate-limit.
 *
 * Such a store can only count up and down, so the limiter must be a `fixed-window` with one window and no `blockMs`, and
 * each limiter needs a store object of its own. A call is counted first and taken back where it is refused: calls that
 * come in between see it, and where the window ends in between, it is taken from the next. A call that costs n takes n
 * steps. `peek` works where the store has `get`. Closing the limiter shuts the store down.
 *
 * @throws {ConfigError} when the store or an option is wrong.
 *
 * @example
 * const store = fromExpressRateLimitStore(new MemcachedStore({ client }));
 * const limiter = new RateLimiter({ limit: 100, windowMs: 60_000, algorithm: 'fixed-window', store });
 */
export function fromExpressRateLimitStore(
  store: ExpressRateLimitStore,
  options: ExpressStoreOptions = {},
): RateLimitStore<Promise<RateLimitDecision>> {
  validate('fromExpressRateLimitStore', store, expressStore, 'store');
  validate('fromExpressRateLimitStore', options, object({ clock: clockField }));
  const { clock = systemClock } = options;
  let isOpen = false;

  async function close(): Promise<void> {
    isOpen = false;
    await store.shutdown?.();
  }

  return {
    remote: true,
    open(policy) {
      const faults = faultsOf(policy, isOpen);
      if (faults.length > 0) throw new ConfigError('RateLimiter', faults);
      const counter = new ExpressCounter(store, policy, clock, close);
      isOpen = true;
      return counter;
    },
  };
}

function faultsOf({ algorithm, windows, blockMs }: RateLimitPolicy, isOpen: boolean): Fault[] {
  const faults: Fault[] = [];
  const only = 'a store of express-rate-limit';
  if (isOpen) faults.push({ path: 'store', message: `${only} has one window; make one for each limiter` });
  if (algorithm !== 'fixed-window')
    faults.push({ path: 'algorithm', message: `${only} cannot keep '${algorithm}'; write algorithm: 'fixed-window'` });
  if (windows.length > 1)
    faults.push({ path: 'windows', message: `${only} keeps one; write limit and windowMs, or use another store` });
  if (blockMs > 0) faults.push({ path: 'blockMs', message: `${only} keeps no block; leave it out` });
  return faults;
}
