import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compose } from '../../src/core/compose.js';
import type { Context, Outcome } from '../../src/core/context.js';
import { errorBoundary } from '../../src/core/error-boundary.js';
import type { GatewayResponse, Handler, MaybePromise } from '../../src/core/types.js';
import { MemoryStore } from '../../src/rate-limiter/memory-store.js';
import { rateLimit } from '../../src/rate-limiter/middleware.js';
import type { RateLimitOptions } from '../../src/rate-limiter/middleware-options.js';
import { RateLimiter } from '../../src/rate-limiter/rate-limiter.js';
import type { RateLimitDecision, RateLimitStore } from '../../src/rate-limiter/types.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

const answer: Handler = () => ({ status: 200, headers: {}, body: 'ok' });
const MINUTE = 60_000;

/** A limit on a fake clock, 2 calls a minute unless said otherwise, and a client that sends requests. */
function setUp(options: RateLimitOptions = {}) {
  const clock = new FakeClock();
  const quota = options.windows === undefined ? { limit: 2, windowMs: MINUTE } : {};
  const limit = rateLimit({ clock, ...quota, ...options });

  function send(request: FakeRequestOptions = {}, next = answer) {
    const ctx = fakeContext(request, { clock });
    return { ctx, response: compose([errorBoundary, limit], next)(ctx) };
  }

  async function status(request?: FakeRequestOptions, next?: Handler): Promise<number> {
    return (await send(request, next).response).status;
  }

  /** The request, and the end of its answer. */
  async function finish(outcome: Partial<Outcome> = {}): Promise<number> {
    const { ctx, response } = send();
    const { status: answered } = await response;
    ctx.finish({ status: answered, aborted: false, ...outcome });
    return answered;
  }

  return { clock, limit, send, status, finish };
}

function problemOf({ body }: GatewayResponse): Record<string, unknown> {
  return JSON.parse(body as string) as Record<string, unknown>;
}

/** A store elsewhere: it counts in memory, one turn later, or fails. */
function remoteStore(failure?: Error): RateLimitStore<Promise<RateLimitDecision>> {
  return {
    remote: true,
    open(policy) {
      const counter = new MemoryStore({ clock: new FakeClock() }).open(policy);
      const later = <Value>(value: () => Value): Promise<Awaited<Value>> => {
        return failure === undefined ? Promise.resolve().then(value as () => Awaited<Value>) : Promise.reject(failure);
      };
      return {
        consume: (key, cost) => later(() => counter.consume(key, cost)),
        peek: (key, cost) => later(() => counter.peek(key, cost)),
        refund: (key, cost) => later(() => counter.refund(key, cost)),
        reset: (key) => later(() => counter.reset(key)),
        close: () => counter.close(),
      };
    },
  };
}

afterEach(() => {
  vi.restoreAllMocks();
});

function caughtWarnings(): unknown[][] {
  return vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined).mock.calls;
}

describe('a request that has room', () => {
  it('passes at once, without a promise', () => {
    const { send } = setUp();
    expect(send().response).toEqual({ status: 200, headers: {}, body: 'ok' });
  });

  it('has the fields of the limit before the layers inside run', () => {
    const { send } = setUp({ name: 'api' });
    let seen = {};
    send({}, (ctx) => {
      seen = { ...ctx.answerHeaders };
      return answer(ctx);
    });
    expect(seen).toEqual({ 'ratelimit-policy': '"api";q=2;w=60', ratelimit: '"api";r=1;t=60' });
  });

  it('leaves no work for after the answer', () => {
    const ctx = fakeContext();
    const onFinish = vi.spyOn(ctx, 'onFinish');
    expect(setUp().limit(ctx, answer)).toMatchObject({ status: 200 });
    expect(onFinish).not.toHaveBeenCalled();
  });
});

describe('a request that has no room', () => {
  it('is refused at once with 429, a problem and the time to wait', () => {
    const { clock, send } = setUp({ algorithm: 'fixed-window', name: 'api' });
    send();
    send();
    clock.advance(17_500);
    const next = vi.fn(answer);
    const { ctx, response } = send({ url: '/users' }, next);
    expect(next).not.toHaveBeenCalled();
    expect(ctx.refusal).toBe('ERR_GATEWAY_RATE_LIMITED');
    expect(response).toMatchObject({ status: 429, headers: { 'retry-after': '43' } });
    expect(ctx.answerHeaders).toEqual({ 'ratelimit-policy': '"api";q=2;w=60', ratelimit: '"api";r=0;t=43' });
    expect(problemOf(response as GatewayResponse)).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Rate limit exceeded',
      status: 429,
      detail: 'The limit is 2 per 60 s. Try again in 43 s.',
      instance: '/users',
      code: 'ERR_GATEWAY_RATE_LIMITED',
      error: 'Rate limit exceeded',
      'violated-policies': ['api'],
      retryAfter: 43,
    });
  });

  it.each(['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket'] as const)(
    'passes once Retry-After is over, and not one second before, with %s',
    async (algorithm) => {
      const { clock, send, status } = setUp({ algorithm, limit: 7 });
      for (let call = 0; call < 7; call++) expect(await status()).toBe(200);
      clock.advance(1_234);
      const { headers } = await send().response;
      const waitMs = Number(headers['retry-after']) * 1_000;
      clock.advance(waitMs - 1_000);
      expect(await status()).toBe(429);
      clock.advance(1_000);
      expect(await status()).toBe(200);
    },
  );

  it('names the window that is full', async () => {
    const second = { limit: 100, windowMs: 1_000 };
    const { send } = setUp({
      name: 'api',
      algorithm: 'fixed-window',
      windows: [second, { limit: 1, windowMs: MINUTE }],
    });
    await send().response;
    const { ctx, response } = send();
    expect(problemOf(await response)).toMatchObject({
      detail: 'The limit is 1 per 60 s. Try again in 60 s.',
      'violated-policies': ['api-2'],
    });
    expect(ctx.answerHeaders).toEqual({
      'ratelimit-policy': '"api";q=100;w=1, "api-2";q=1;w=60',
      ratelimit: '"api-2";r=0;t=60',
    });
  });

  it('has no Retry-After where it costs more than there will ever be', async () => {
    const { send } = setUp({ cost: () => 3 });
    const response = await send().response;
    expect(response.headers).not.toHaveProperty('retry-after');
    expect(problemOf(response)).toMatchObject({
      detail: 'The limit is 2 per 60 s. This call takes more than there will ever be.',
    });
    expect(problemOf(response)).not.toHaveProperty('retryAfter');
  });
});

describe('message', () => {
  it.each<[string, RateLimitOptions['message']]>([
    ['a text', 'Slow down.'],
    [
      'a function',
      ({ request }, { retryAfterMs }) => `Slow down.${request.path === '/' && retryAfterMs > 0 ? '' : '!'}`,
    ],
  ])('as %s is what the client reads', async (_case, message) => {
    const { send } = setUp({ limit: 1, message } as RateLimitOptions);
    await send().response;
    expect(problemOf(await send().response)).toMatchObject({
      error: 'Slow down.',
      detail: 'Slow down.',
      code: 'ERR_GATEWAY_RATE_LIMITED',
    });
  });
});

describe('handler', () => {
  it('writes the answer itself, and knows that and why the request is refused', async () => {
    const handler = vi.fn((ctx: Context, { remaining }: RateLimitDecision): MaybePromise<GatewayResponse> => {
      return { status: 420, headers: {}, body: `${ctx.refusal} ${remaining}` };
    });
    const { send } = setUp({ limit: 1, handler });
    await send().response;
    expect(handler).not.toHaveBeenCalled();
    expect(send().response).toEqual({ status: 420, headers: {}, body: 'ERR_GATEWAY_RATE_LIMITED 0' });
  });
});

describe('onLimited', () => {
  it('is told of each refused request, and of no other', async () => {
    const onLimited = vi.fn();
    const { send } = setUp({ onLimited });
    for (let call = 0; call < 2; call++) await send().response;
    expect(onLimited).not.toHaveBeenCalled();
    const { ctx } = send();
    expect(onLimited).toHaveBeenCalledExactlyOnceWith(ctx, expect.objectContaining({ allowed: false, remaining: 0 }));
  });

  it.each<[string, () => MaybePromise<void>]>([
    [
      'throws',
      () => {
        throw new Error('no disk');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no disk'))],
  ])('changes nothing where it %s: the operator is told once', async (_case, onLimited) => {
    const warnings = caughtWarnings();
    const { status } = setUp({ limit: 1, onLimited });
    expect([await status(), await status(), await status()]).toEqual([200, 429, 429]);
    expect(warnings).toEqual([
      [expect.stringContaining('no disk'), expect.objectContaining({ code: 'ERR_GATEWAY_HOOK' })],
    ]);
  });
});

describe('dryRun', () => {
  it('counts, tells and refuses nobody', async () => {
    const onLimited = vi.fn();
    const { send } = setUp({ algorithm: 'fixed-window', dryRun: true, onLimited });
    for (let call = 0; call < 2; call++) expect(send().ctx.dryRefusal).toBeNull();
    const { ctx, response } = send();
    expect(await response).toMatchObject({ status: 200 });
    expect(ctx).toMatchObject({ refusal: null, dryRefusal: 'ERR_GATEWAY_RATE_LIMITED' });
    expect(ctx.answerHeaders?.ratelimit).toBe('"default";r=0;t=60');
    expect(onLimited).toHaveBeenCalledOnce();
  });
});

describe('skip', () => {
  it.each<[string, RateLimitOptions['skip']]>([
    ['true', ({ request }) => request.path === '/health'],
    ['a promise of true', ({ request }) => Promise.resolve(request.path === '/health')],
  ])('lets a request pass uncounted where it returns %s', async (_case, skip) => {
    const { send, status } = setUp({ limit: 1, skip } as RateLimitOptions);
    for (let call = 0; call < 3; call++) {
      const { ctx, response } = send({ url: '/health' });
      expect(await response).toMatchObject({ status: 200 });
      expect(ctx.answerHeaders).toBeNull();
    }
    expect([await status(), await status()]).toEqual([200, 429]);
  });

  it('counts where it returns anything but true', async () => {
    const { status } = setUp({ limit: 1, skip: () => 'yes' as never });
    expect([await status(), await status()]).toEqual([200, 429]);
  });

  it('reads no key of a request that is skipped', async () => {
    const key = vi.fn(() => 'k');
    const { status } = setUp({ skip: () => true, key });
    expect(await status()).toBe(200);
    expect(key).not.toHaveBeenCalled();
  });
});

describe('cost', () => {
  it.each<[string, RateLimitOptions['cost']]>([
    ['a number', 5],
    ['a function', () => 5],
    ['a function that answers later', () => Promise.resolve(5)],
  ])('as %s is what a request takes', async (_case, cost) => {
    const { send, status } = setUp({ limit: 10, cost } as RateLimitOptions);
    const { ctx, response } = send();
    await response;
    expect(ctx.answerHeaders?.ratelimit).toBe('"default";r=5;t=60');
    expect([await status(), await status()]).toEqual([200, 429]);
  });

  it('of 0 lets a request pass uncounted', async () => {
    const { send, status } = setUp({ limit: 1, cost: ({ request }) => (request.method === 'GET' ? 0 : 1) });
    for (let call = 0; call < 3; call++) expect(await status()).toBe(200);
    expect(send().ctx.answerHeaders).toBeNull();
    expect([await status({ method: 'POST' }), await status({ method: 'POST' })]).toEqual([200, 429]);
  });

  it.each([-1, 0.5, Number.NaN, '2'])('of %j is an error, never a pass', async (cost) => {
    const { send } = setUp({ cost: () => cost as number });
    const { ctx, response } = send();
    expect(await response).toMatchObject({ status: 500 });
    expect(ctx.error).toBeInstanceOf(RangeError);
  });
});

describe('skipSuccessfulRequests and skipFailedRequests', () => {
  const kept = [200, 200, 429];
  const refunded = [200, 200, 200];

  it.each<[string, RateLimitOptions, Partial<Outcome>, number[]]>([
    ['a success', { skipSuccessfulRequests: true }, { status: 200 }, refunded],
    ['a redirect', { skipSuccessfulRequests: true }, { status: 399 }, refunded],
    ['a failure', { skipSuccessfulRequests: true }, { status: 400 }, kept],
    ['a failure', { skipFailedRequests: true }, { status: 400 }, refunded],
    ['a success', { skipFailedRequests: true }, { status: 399 }, kept],
    ['a client that left', { skipSuccessfulRequests: true }, { status: 200, aborted: true }, kept],
    ['a client that left', { skipFailedRequests: true }, { status: 499, aborted: true }, kept],
    [
      'a 404 that is a success by its own rule',
      { skipSuccessfulRequests: true, requestWasSuccessful: (_ctx, { status }) => status === 404 },
      { status: 404 },
      refunded,
    ],
    [
      'a 200 that is a failure by its own rule',
      { skipFailedRequests: true, requestWasSuccessful: (_ctx, { status }) => status === 404 },
      { status: 200 },
      refunded,
    ],
  ])('of %s, %o after %o: three requests get %j', async (_case, options, outcome, statuses) => {
    const { finish } = setUp(options);
    expect([await finish(outcome), await finish(outcome), await finish(outcome)]).toEqual(statuses);
  });

  it('count a request until it is over', async () => {
    const { send, finish } = setUp({ limit: 1, skipSuccessfulRequests: true });
    const { ctx } = send();
    expect(await finish()).toBe(429);
    ctx.finish({ status: 200, aborted: false });
    expect(await finish()).toBe(200);
  });

  it('take back as much as the request has cost, of its own key', async () => {
    const { limit, finish } = setUp({ limit: 10, cost: () => 3, key: () => 'k', skipSuccessfulRequests: true });
    await limit.limiter.check('+k', 4);
    expect(await finish()).toBe(200);
    expect(await limit.limiter.peek('+k')).toMatchObject({ remaining: 6 });
  });

  it('take nothing back for a refused request, nor in dry run', async () => {
    for (const dryRun of [false, true]) {
      const { limit, finish } = setUp({ dryRun, key: () => 'k', skipFailedRequests: true });
      await limit.limiter.check('+k', 2);
      await finish({ status: 500 });
      expect(await limit.limiter.peek('+k')).toMatchObject({ allowed: false });
    }
  });

  it('take nothing back that no store has counted', async () => {
    caughtWarnings();
    const { limit, finish } = setUp({
      store: remoteStore(new Error('down')),
      onStoreError: 'open',
      skipSuccessfulRequests: true,
    });
    const refund = vi.spyOn(limit.limiter, 'refund');
    expect(await finish()).toBe(200);
    expect(refund).not.toHaveBeenCalled();
  });

  it('keep a request where the rule throws, and tell the operator', async () => {
    const warnings = caughtWarnings();
    const requestWasSuccessful = (): never => {
      throw new Error('no rule');
    };
    const { finish } = setUp({ limit: 1, skipSuccessfulRequests: true, requestWasSuccessful });
    expect([await finish(), await finish()]).toEqual([200, 429]);
    expect(warnings).toEqual([[expect.stringContaining('no rule'), expect.anything()]]);
  });

  it('work with a store elsewhere', async () => {
    const { finish } = setUp({ store: remoteStore(), limit: 1, skipSuccessfulRequests: true });
    expect([await finish(), await finish({ status: 500 }), await finish()]).toEqual([200, 200, 429]);
  });
});

describe('keys', () => {
  it('count clients apart', async () => {
    const { status } = setUp({ limit: 1 });
    expect(await status({ clientIp: '192.0.2.1' })).toBe(200);
    expect(await status({ clientIp: '192.0.2.1' })).toBe(429);
    expect(await status({ clientIp: '192.0.2.2' })).toBe(200);
  });

  it('count an IPv6 block of 56 bits together', async () => {
    const { status } = setUp({ limit: 1 });
    expect(await status({ clientIp: '2001:db8:0:ff00::' })).toBe(200);
    expect(await status({ clientIp: '2001:db8:0:ffff::' })).toBe(429);
    expect(await status({ clientIp: '2001:db8:0:fe00::' })).toBe(200);
  });

  it('count the logins to one account, wherever they come from', async () => {
    const { status } = setUp({ limit: 1, key: { body: 'email' } });
    const headers = { 'content-type': 'application/json' };
    const login = (email: string, clientIp: string): FakeRequestOptions => {
      return { method: 'POST', headers, clientIp, body: Readable.from([Buffer.from(JSON.stringify({ email }))]) };
    };
    expect(await status(login('ann@example.com', '192.0.2.1'))).toBe(200);
    expect(await status(login(' ANN@example.com', '192.0.2.2'))).toBe(429);
    expect(await status(login('bob@example.com', '192.0.2.2'))).toBe(200);
  });

  it.each<[string, () => unknown]>([
    ['an empty text', () => ''],
    ['a number', () => 7],
    ['a promise of an empty text', () => Promise.resolve('')],
  ])('that are %s are an error, never a pass', async (_case, key) => {
    const { send } = setUp({ key: key as () => string });
    const { ctx, response } = send();
    expect(await response).toMatchObject({ status: 500 });
    expect(ctx.error).toBeInstanceOf(TypeError);
  });
});

describe('a store elsewhere', () => {
  it('is waited for', async () => {
    const { send, status } = setUp({ store: remoteStore(), limit: 1 });
    const { ctx, response } = send();
    expect(response).toBeInstanceOf(Promise);
    expect(await response).toMatchObject({ status: 200 });
    expect(ctx.answerHeaders?.ratelimit).toBe('"default";r=0;t=60');
    expect(await status()).toBe(429);
  });

  it('that is down refuses with 503 and Retry-After where onStoreError is closed', async () => {
    const onLimited = vi.fn();
    const onOutage = vi.fn();
    const store = remoteStore(new Error('down'));
    const { send } = setUp({ store, onStoreError: 'closed', onOutage, onLimited, message: 'Slow down.' });
    const { ctx, response } = send();
    const refused = await response;
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(problemOf(refused)).toMatchObject({ error: 'Service unavailable' });
    expect(ctx.refusal).toBe('ERR_GATEWAY_LIMITER_UNAVAILABLE');
    expect(ctx.answerHeaders).toBeNull();
    expect(onLimited).toHaveBeenCalledOnce();
  });
});

describe('several limits on one request', () => {
  it('are all held to, and all told of', async () => {
    const clock = new FakeClock();
    const perAddress = rateLimit({ limit: 3, windowMs: MINUTE, clock, name: 'address', algorithm: 'fixed-window' });
    const perTenant = rateLimit({
      limit: 2,
      windowMs: 1_000,
      clock,
      name: 'tenant',
      algorithm: 'fixed-window',
      key: { header: 'x-tenant' },
    });
    const handle = compose([perAddress, perTenant], answer);
    const statuses: number[] = [];
    const fields: unknown[] = [];
    for (let call = 0; call < 4; call++) {
      const ctx = fakeContext({ headers: { 'x-tenant': 'blue' } }, { clock });
      statuses.push((await handle(ctx)).status);
      fields.push(ctx.answerHeaders?.ratelimit);
    }
    expect(statuses).toEqual([200, 200, 429, 429]);
    expect(fields).toEqual([
      '"address";r=2;t=60, "tenant";r=1;t=1',
      '"address";r=1;t=60, "tenant";r=0;t=1',
      '"address";r=0;t=60, "tenant";r=0;t=1',
      '"address";r=0;t=60',
    ]);
  });

  it('that share a limiter count together, and leave it open', async () => {
    const limiter = new RateLimiter({ limit: 2, windowMs: MINUTE, clock: new FakeClock() });
    const [first, second] = [rateLimit({ limiter }), rateLimit({ limiter, cost: 2 })];
    expect(first.limiter).toBe(limiter);
    expect(await first(fakeContext(), answer)).toMatchObject({ status: 200 });
    expect(await second(fakeContext(), answer)).toMatchObject({ status: 429 });
    await first.close();
    expect(limiter.check('x').allowed).toBe(true);
  });
});

describe('close', () => {
  it('ends the limiter that the middleware has made', async () => {
    const { limit } = setUp();
    await limit.close();
    expect(() => limit.limiter.check('x')).toThrow(/closed/);
  });
});
