import { describe, expect, it } from 'vitest';
import type { CircuitBreakerOptions, CircuitPermit } from '../../src/circuit-breaker/index.js';
import { seededRandom } from '../support/random.js';
import { startCircuit } from './calls.js';

interface ModelCall {
  readonly stay: number;
  readonly at: number;
  done: boolean;
}

type Settings = Required<
  Pick<
    CircuitBreakerOptions,
    'failureThreshold' | 'errorThresholdPercentage' | 'volumeThreshold' | 'slowCallMs' | 'slowCallPercentage'
  > &
    Pick<CircuitBreakerOptions, 'resetTimeout' | 'resetTimeoutFactor' | 'maxResetTimeout' | 'halfOpenProbes'> &
    Pick<CircuitBreakerOptions, 'halfOpenSuccesses' | 'probeTimeoutMs' | 'windowCalls'>
>;

/** The rules, told a second time: every call is remembered, and everything is worked out anew when it is asked for. */
class Model {
  stay = 0;
  state = 'closed';
  until = 0;
  reopenings = 0;
  streak = 0;
  results: { failed: boolean; slow: boolean }[] = [];
  probes: (ModelCall & { result: string })[] = [];
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  #enter(state: string): void {
    this.state = state;
    this.stay++;
    this.probes = [];
  }

  #open(now: number): void {
    const { resetTimeout, resetTimeoutFactor, maxResetTimeout } = this.#settings;
    this.until = now + Math.min(maxResetTimeout, resetTimeout * resetTimeoutFactor ** this.reopenings);
    this.#enter('open');
  }

  acquire(now: number): ModelCall | null {
    const { halfOpenProbes, probeTimeoutMs } = this.#settings;
    if (this.state === 'open' && now >= this.until) this.#enter('half-open');
    if (this.state === 'open') return null;
    const call = { stay: this.stay, at: now, done: false, result: '' };
    if (this.state === 'closed') return call;
    if (this.probes.length >= halfOpenProbes) {
      const late = this.probes.findIndex(({ result, at }) => result === '' && now - at >= probeTimeoutMs);
      if (late === -1) return null;
      this.probes.splice(late, 1);
    }
    this.probes.push(call);
    return call;
  }

  report(call: ModelCall, result: string, now: number): void {
    const settings = this.#settings;
    if (call.done || call.stay !== this.stay) return;
    call.done = true;
    if (this.state === 'half-open') {
      const probe = this.probes.find((one) => one === call);
      if (probe === undefined) return;
      probe.result = now - probe.at >= settings.probeTimeoutMs ? 'cancel' : result;
      this.probes = this.probes.filter((one) => one.result !== 'cancel');
      const failed = this.probes.filter((one) => one.result === 'failure').length;
      if (this.probes.filter((one) => one.result === 'success').length >= settings.halfOpenSuccesses) {
        this.reopenings = this.streak = 0;
        this.results = [];
        this.#enter('closed');
      } else if (failed > settings.halfOpenProbes - settings.halfOpenSuccesses) {
        this.reopenings++;
        this.#open(now);
      }
    } else if (result !== 'cancel') {
      const failed = result === 'failure';
      this.streak = failed ? this.streak + 1 : 0;
      this.results.push({ failed, slow: now - call.at >= settings.slowCallMs });
      const window = this.results.slice(-settings.windowCalls);
      const share = (name: 'failed' | 'slow') => (window.filter((one) => one[name]).length / window.length) * 100;
      const isFull = window.length >= settings.volumeThreshold;
      const isBad =
        share('failed') >= settings.errorThresholdPercentage || share('slow') >= settings.slowCallPercentage;
      if (this.streak >= settings.failureThreshold || (isFull && isBad)) this.#open(now);
    }
  }
}

describe('a circuit', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('agrees with its model in 20000 random steps (seed %i)', (seed) => {
    const random = seededRandom(seed);
    const halfOpenProbes = 1 + random.int(4);
    const windowCalls = 4 + random.int(20);
    const settings: Settings = {
      failureThreshold: 3 + random.int(6),
      errorThresholdPercentage: random.pick([25, 50, 80, 100]),
      volumeThreshold: 1 + random.int(windowCalls),
      slowCallMs: 40,
      slowCallPercentage: random.pick([20, 50, 100]),
      windowCalls,
      resetTimeout: 50 + random.int(100),
      resetTimeoutFactor: random.pick([1, 1.5, 2]),
      maxResetTimeout: 400,
      halfOpenProbes,
      halfOpenSuccesses: 1 + random.int(halfOpenProbes),
      probeTimeoutMs: 20 + random.int(60),
    };
    const { breaker, clock, steps } = startCircuit(settings);
    const model = new Model(settings);
    const inFlight: { permit: CircuitPermit; call: ModelCall }[] = [];
    for (let step = 0; step < 20_000; step++) {
      if (random() < 0.45) {
        const permit = breaker.acquire();
        const call = model.acquire(clock.now());
        expect(permit === null).toBe(call === null);
        if (permit !== null && call !== null) inFlight.push({ permit, call });
      } else if (random() < 0.3) {
        clock.advance(random.int(random() < 0.05 ? 500 : 20));
      } else if (inFlight.length > 0) {
        const index = random.int(inFlight.length);
        const { permit, call } = inFlight[index] as (typeof inFlight)[number];
        const result = random.pick(['success', 'success', 'failure', 'failure', 'cancel'] as const);
        permit[result]();
        model.report(call, result, clock.now());
        if (random() < 0.9) inFlight.splice(index, 1);
      }
      const expected = model.state === 'open' && clock.now() >= model.until ? 'half-open' : model.state;
      if (breaker.state !== expected) expect.fail(`step ${step}: ${breaker.state}, and the model is ${expected}`);
    }
    expect(breaker.snapshot().reopenings).toBe(model.reopenings);
    expect(steps.length).toBeGreaterThan(100);
  });
});
