import { MemoryStore } from 'express-rate-limit';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { builtFile } from './innergate.mjs';

const { RateLimiter } = await import(builtFile('./rate-limiter').href);
const { systemClock } = await import(builtFile('./core').href);

const windowMs = 3_600_000; // longer than a run: no window ends in it

/** Every contender has loops of its own, so that none pays for another at a call site that all share. */
const contenders = [
  innergate('innergate sliding-window', (limit) => new RateLimiter({ limit, windowMs })),
  innergate('innergate fixed-window', (limit) => new RateLimiter({ limit, windowMs, algorithm: 'fixed-window' })),
  innergate('innergate token-bucket', (limit) => new RateLimiter({ limit, windowMs, algorithm: 'token-bucket' })),
  innergate('innergate sliding-log', openLog),
  innergateAwaited('innergate sliding-window, awaited'),
  { name: 'express-rate-limit', package: 'express-rate-limit', open: openMemoryStore },
  { name: 'rate-limiter-flexible', package: 'rate-limiter-flexible', open: openRateLimiterMemory },
];

const ENDLESS = 1_000_000_000;
const hotKey = ['203.0.113.7'];
const address = (n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

/** `passes`: the share of calls that must pass, or the figures are worth nothing. `fresh`: no key has been there before. */
export const limiterLoads = [
  { name: 'limiter, 1 key', prepare: () => ({ keys: hotKey }), limit: ENDLESS, passes: 1 },
  { name: 'limiter, 1 key over its limit', prepare: () => ({ keys: hotKey }), limit: 1, passes: 0 },
  { name: 'limiter, 10,000 keys in turn', prepare: () => ({ keys: keys(10_000, address) }), limit: ENDLESS, passes: 1 },
  {
    name: 'limiter, a flood of 1,000,000 fresh keys',
    prepare: () => ({ keys: keys(1e6, scattered) }),
    limit: ENDLESS,
    passes: 1,
    fresh: true,
  },
].map((load) => ({ ...load, contenders }));

function keys(count, keyOf) {
  return Array.from({ length: count }, (_, n) => keyOf(n));
}

/** IPv6 blocks without any order; multiplying by an odd number makes none of them twice. */
function scattered(n) {
  const bits = Math.imul(n, 0x9e3779b1) >>> 0;
  return `2001:db8:${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}::`;
}

function innergate(name, make) {
  return {
    name,
    open({ keys, limit }) {
      const limiter = make(limit);
      return {
        run(count) {
          let passed = 0;
          for (let i = 0, at = 0; i < count; i++) {
            if (limiter.check(keys[at]).allowed) passed++;
            if (++at === keys.length) at = 0;
          }
          return passed;
        },
        close: () => limiter.close(),
      };
    },
  };
}

/** As it is called where the store may be remote: beside the comparison, since in memory nobody has to wait. */
function innergateAwaited(name) {
  return {
    name,
    isAside: true,
    open({ keys, limit }) {
      const limiter = new RateLimiter({ limit, windowMs });
      return {
        async run(count) {
          let passed = 0;
          for (let i = 0, at = 0; i < count; i++) {
            if ((await limiter.check(keys[at])).allowed) passed++;
            if (++at === keys.length) at = 0;
          }
          return passed;
        },
        close: () => limiter.close(),
      };
    },
  };
}

/** A log cannot be endless. With a clock that runs 100 times as fast, it holds what comes in 10 µs, and all of it passes. */
function openLog(limit) {
  if (limit !== ENDLESS) return new RateLimiter({ limit, windowMs, algorithm: 'sliding-log' });
  const clock = { ...systemClock, now: () => performance.now() * 100 };
  return new RateLimiter({ limit: 10_000, windowMs: 1, algorithm: 'sliding-log', clock });
}

function openMemoryStore({ keys, limit }) {
  const store = new MemoryStore();
  store.init({ windowMs });
  return {
    async run(count) {
      let passed = 0;
      for (let i = 0, at = 0; i < count; i++) {
        if ((await store.increment(keys[at])).totalHits <= limit) passed++;
        if (++at === keys.length) at = 0;
      }
      return passed;
    },
    close: () => store.shutdown(),
  };
}

function openRateLimiterMemory({ keys, limit }) {
  const limiter = new RateLimiterMemory({ points: limit, duration: windowMs / 1e3 });
  return {
    async run(count) {
      let passed = 0;
      for (let i = 0, at = 0; i < count; i++) {
        try {
          await limiter.consume(keys[at]);
          passed++;
        } catch {
          // over the limit
        }
        if (++at === keys.length) at = 0;
      }
      return passed;
    },
    async close() {
      for (const key of keys) await limiter.delete(key); // each has a timer
    },
  };
}
