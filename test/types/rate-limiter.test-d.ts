// Compiled by `npm run types`, never run: what a limiter answers with follows from its store.
import {
  MemoryStore,
  RateLimiter,
  RedisStore,
  type RateLimitDecision,
  type RateLimitStore,
} from 'innergate/rate-limiter';

const quota = { limit: 100, windowMs: 60_000 };

// In this process: no promise.
const plain: RateLimitDecision = new RateLimiter(quota).check('ada');
const inMemory: RateLimitDecision = new RateLimiter({ ...quota, store: new MemoryStore() }).peek('ada');
const typed: RateLimiter = new RateLimiter(quota);

// Elsewhere: a promise.
const store = new RedisStore({ sendCommand: (...args) => Promise.resolve(args) });
const remote = new RateLimiter({ ...quota, store });
const later: Promise<RateLimitDecision> = remote.check('ada', 5);
// @ts-expect-error Whoever forgets `await` would find `allowed` undefined, and let nobody pass.
const forgotten: RateLimitDecision = remote.check('ada');

// A store that may be either: both have to be expected.
declare const either: RateLimitStore;
const decision: RateLimitDecision | Promise<RateLimitDecision> = new RateLimiter({ ...quota, store: either }).check(
  'ada',
);

// @ts-expect-error A quota is numbers.
new RateLimiter({ limit: '100', windowMs: 60_000 });
// @ts-expect-error There is no such algorithm.
new RateLimiter({ ...quota, algorithm: 'leaky-bucket' });

export { plain, inMemory, typed, later, forgotten, decision };
