import { describe, expect, it, vi } from 'vitest';
import { CircuitBreaker, CircuitOpenError, isCircuitOpenError } from '../../src/circuit-breaker/index.js';
import { GatewayError, isGatewayError } from '../../src/core/errors.js';
import { eventually } from '../support/eventually.js';
import { startCircuit } from './calls.js';

const broken = new Error('broken');

function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** What a call is rejected with. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (value) => expect.fail(`resolved with ${String(value)}`),
    (error: unknown) => error,
  );
}

describe('execute', () => {
  it('gives the result of a function, be it a promise or not', async () => {
    const { breaker } = startCircuit();
    expect(await breaker.execute(() => 1)).toBe(1);
    expect(await breaker.execute(() => Promise.resolve(2))).toBe(2);
  });

  it.each([
    ['rejects', () => Promise.reject(broken)],
    [
      'throws',
      () => {
        throw broken;
      },
    ],
  ])('opens after 5 calls of a function that %s, with its error', async (_how, fn) => {
    const { breaker } = startCircuit();
    for (let i = 0; i < 5; i++) expect(await failureOf(breaker.execute(fn))).toBe(broken);
    expect(breaker.state).toBe('open');
  });

  it('rejects without a call where the circuit is open, and says for how long', async () => {
    const { breaker, clock } = startCircuit({ name: 'users', resetTimeout: 1_000 });
    const fn = vi.fn();
    breaker.open();
    clock.advance(400);
    const error = await failureOf(breaker.execute(fn));
    expect(fn).not.toHaveBeenCalled();
    expect(error).toBeInstanceOf(CircuitOpenError);
    expect(isGatewayError(error)).toBe(true);
    expect(error).toMatchObject({
      name: 'CircuitOpenError',
      code: 'ERR_GATEWAY_CIRCUIT_OPEN',
      circuit: 'users',
      retryAfterMs: 600,
      message: "circuit 'users' lets no call through; try again in 600 ms",
    });
    expect((error as Error).stack).not.toContain('\n    at ');
    expect(new Error('another').stack).toContain('\n    at ');
  });

  it('knows its error, of whichever copy of the package, from others', () => {
    const error = new CircuitOpenError('users', 1);
    const foreign = { code: error.code, retryAfterMs: 1, [Symbol.for('innergate.error')]: true };
    expect([error, foreign].map(isCircuitOpenError)).toEqual([true, true]);
    const others = [
      new GatewayError('ERR_GATEWAY_CIRCUIT_OPEN', 'another'),
      Object.assign(new GatewayError('ERR_GATEWAY_DRAINING', 'another'), { retryAfterMs: 1 }),
      { code: 'ERR_GATEWAY_CIRCUIT_OPEN', retryAfterMs: 1 },
      null,
    ];
    expect(others.map(isCircuitOpenError)).toEqual([false, false, false, false]);
  });

  it('closes a half-open circuit with a success', async () => {
    const { breaker, clock } = startCircuit({ resetTimeout: 10 });
    breaker.open();
    clock.advance(10);
    const [first, second] = await Promise.allSettled([breaker.execute(() => 1), breaker.execute(() => 2)]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
    expect(breaker.state).toBe('closed');
  });

  it('counts an error that is no failure as a success, and passes it on', async () => {
    const { breaker } = startCircuit({ failureThreshold: 2, isFailure: (error) => error === broken });
    const missing = new Error('not found');
    await failureOf(breaker.execute(() => Promise.reject(broken)));
    expect(await failureOf(breaker.execute(() => Promise.reject(missing)))).toBe(missing);
    expect(breaker.snapshot().consecutiveFailures).toBe(0);
  });

  it('counts a result that is a failure, and passes it on', async () => {
    const { breaker } = startCircuit({ failureThreshold: 1, isFailedResult: (result) => result === 503 });
    expect(await breaker.execute(() => 404)).toBe(404);
    expect(breaker.state).toBe('closed');
    expect(await breaker.execute(() => 503)).toBe(503);
    expect(breaker.state).toBe('open');
  });

  it('takes no promise for a yes', async () => {
    const yes = (() => Promise.resolve(true)) as unknown as () => boolean;
    const breaker = new CircuitBreaker({ failureThreshold: 1, isFailure: yes, isFailedResult: yes });
    await breaker.execute(() => 1);
    await failureOf(breaker.execute(() => Promise.reject(broken)));
    expect(breaker.state).toBe('closed');
  });

  it('frees the place of a probe whose isFailure throws', async () => {
    const { breaker, clock } = startCircuit({
      resetTimeout: 10,
      isFailure: () => {
        throw new TypeError('mistaken');
      },
    });
    breaker.open();
    clock.advance(10);
    expect(await failureOf(breaker.execute(() => Promise.reject(broken)))).toBeInstanceOf(TypeError);
    expect(breaker.acquire()).not.toBeNull();
  });

  it('makes no signal, timer or listener where nothing asks for one', async () => {
    const { breaker, clock } = startCircuit();
    const setTimer = vi.spyOn(clock, 'setTimer');
    const signals: unknown[] = [];
    await breaker.execute((signal) => signals.push(signal));
    expect(signals).toEqual([undefined]);
    expect(setTimer).not.toHaveBeenCalled();
  });
});

describe('execute with timeoutMs', () => {
  it.each(['timeoutMs', 'timeout'])('rejects after %s, and counts a failure', async (option) => {
    const { breaker, clock } = startCircuit({ name: 'users', failureThreshold: 1, [option]: 300 });
    const call = failureOf(breaker.execute(never));
    clock.advance(299);
    expect(breaker.state).toBe('closed');
    clock.advance(1);
    expect(breaker.state).toBe('open');
    const error = await call;
    expect(error).toMatchObject({
      code: 'ERR_GATEWAY_TOTAL_TIMEOUT',
      message: "call of 'users' took longer than 300 ms",
    });
    expect(clock.pending).toBe(0);
  });

  it('counts a failure whatever isFailure says', async () => {
    const { breaker, clock } = startCircuit({ failureThreshold: 1, timeoutMs: 1, isFailure: () => false });
    const call = failureOf(breaker.execute(never));
    clock.advance(1);
    await call;
    expect(breaker.state).toBe('open');
  });

  it('aborts its own call only', async () => {
    const { breaker, clock } = startCircuit({ timeoutMs: 100 });
    const signals: AbortSignal[] = [];
    function call(signal: AbortSignal | undefined): Promise<never> {
      signals.push(signal as AbortSignal);
      return never();
    }
    const first = failureOf(breaker.execute(call));
    clock.advance(50);
    void breaker.execute(call).catch(() => undefined);
    clock.advance(50);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(signals[0]?.reason).toBe(await first);
  });

  it('swallows what comes later, be it a result or an error', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const { breaker, clock } = startCircuit({ failureThreshold: Infinity, timeoutMs: 10 });
      const late: (() => void)[] = [];
      const calls = [
        breaker.execute(() => new Promise((resolve) => late.push(() => resolve('late')))),
        breaker.execute(() => new Promise((_resolve, reject) => late.push(() => reject(broken)))),
      ];
      const ended = Promise.allSettled(calls);
      clock.advance(10);
      for (const end of late) end();
      const codes = (await ended).map((end) => (end as { reason?: { code: string } }).reason?.code);
      await new Promise(setImmediate);
      expect(codes).toEqual(['ERR_GATEWAY_TOTAL_TIMEOUT', 'ERR_GATEWAY_TOTAL_TIMEOUT']);
      expect(breaker.snapshot().consecutiveFailures).toBe(2);
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });

  it.each([
    ['a result', () => 1],
    ['a rejection', () => Promise.reject(broken)],
    [
      'a throw',
      () => {
        throw broken;
      },
    ],
  ])('leaves no timer behind after %s', async (_end, fn) => {
    const { breaker, clock } = startCircuit({ timeoutMs: 10 });
    await breaker.execute(fn).catch(() => undefined);
    expect(clock.pending).toBe(0);
  });
});

describe('execute with a signal', () => {
  it('hands it to the function, without another', async () => {
    const { breaker } = startCircuit();
    const { signal } = new AbortController();
    expect(await breaker.execute((given) => given === signal, { signal })).toBe(true);
  });

  it('does not begin where it is aborted already', async () => {
    const { breaker } = startCircuit();
    const fn = vi.fn();
    expect(await failureOf(breaker.execute(fn, { signal: AbortSignal.abort('gone') }))).toBe('gone');
    expect(fn).not.toHaveBeenCalled();
  });

  it.each([Infinity, 1_000])(
    'rejects at once with its reason, and counts neither way (deadline %d)',
    async (timeoutMs) => {
      const { breaker, clock } = startCircuit({ failureThreshold: 1, resetTimeout: 10, timeoutMs });
      breaker.open();
      clock.advance(10);
      const controller = new AbortController();
      const signals: (AbortSignal | undefined)[] = [];
      const call = breaker.execute(
        (signal) => {
          signals.push(signal);
          return never();
        },
        { signal: controller.signal },
      );
      controller.abort(broken);
      expect(await failureOf(call)).toBe(broken);
      expect(signals[0]?.aborted).toBe(true);
      expect(signals[0]?.reason).toBe(broken);
      expect(breaker.state).toBe('half-open');
      expect(breaker.acquire()).not.toBeNull();
      expect(clock.pending).toBe(0);
    },
  );

  it('counts neither way where the function gives up because of it', async () => {
    const { breaker } = startCircuit({ failureThreshold: 1 });
    const controller = new AbortController();
    const call = breaker.execute(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(broken));
        }),
      { signal: controller.signal },
    );
    controller.abort('gone');
    expect(await failureOf(call)).toBe('gone');
    expect(breaker.snapshot().consecutiveFailures).toBe(0);
  });

  it('survives a function that aborts it and throws', async () => {
    const { breaker } = startCircuit({ failureThreshold: 1 });
    const controller = new AbortController();
    const call = breaker.execute(
      () => {
        controller.abort('gone');
        throw broken;
      },
      { signal: controller.signal },
    );
    expect(await failureOf(call)).toBe('gone');
    expect(breaker.state).toBe('closed');
  });

  it.each([
    ['a result', () => 1],
    ['a rejection', () => Promise.reject(broken)],
    ['a deadline', never],
    ['an abort', never],
  ])('leaves no listener on it after %s', async (end, fn) => {
    const { breaker, clock } = startCircuit({ failureThreshold: Infinity, timeoutMs: 10 });
    const controller = new AbortController();
    const { signal } = controller;
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    const calls = Array.from({ length: 10 }, () => breaker.execute(fn, { signal }));
    if (end === 'a deadline') clock.advance(10);
    if (end === 'an abort') controller.abort(broken);
    await Promise.allSettled(calls);
    expect(added).toHaveBeenCalledTimes(10);
    expect(removed.mock.calls.map(([, listener]) => listener).sort()).toEqual(
      added.mock.calls.map(([, listener]) => listener).sort(),
    );
  });
});

it('execute keeps to its deadline on the real clock', async () => {
  const breaker = new CircuitBreaker({ failureThreshold: 1, timeoutMs: 5 });
  const call = failureOf(breaker.execute(never));
  await eventually(() => breaker.state === 'open');
  expect(await call).toMatchObject({ code: 'ERR_GATEWAY_TOTAL_TIMEOUT' });
});
