import { describe, expect, it } from 'vitest';
import { CircuitBreaker, circuitBreaker, type CircuitBreakerOptions } from '../../src/circuit-breaker/index.js';
import { inspectCircuitBreakerOptions } from '../../src/circuit-breaker/options.js';
import { ConfigError, type Fault } from '../../src/core/options.js';

function faultsOf(build: () => unknown): string[] {
  try {
    build();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
}

const NOTHING_TO_SHARE = 'has no effect without errorThresholdPercentage or slowCallMs';

describe('the options of CircuitBreaker', () => {
  it.each<[unknown, ...string[]]>([
    [{ name: '' }, 'name: got "", expected a string that is not empty'],
    [{ failureThreshold: 0 }, 'failureThreshold: got 0, expected a whole number from 1 on, or Infinity'],
    [{ failureThreshold: 2.5 }, 'failureThreshold: got 2.5, expected a whole number from 1 on, or Infinity'],
    [{ errorThresholdPercentage: 0 }, 'errorThresholdPercentage: got 0, expected a whole number from 1 to 100'],
    [{ errorThreshold: 101 }, 'errorThreshold: got 101, expected a whole number from 1 to 100'],
    [
      { errorThreshold: 50, errorThresholdPercentage: 50 },
      'errorThreshold: is another name for errorThresholdPercentage; keep one',
    ],
    [{ timeout: 1, timeoutMs: 1 }, 'timeout: is another name for timeoutMs; keep one'],
    [{ timeoutMs: 0 }, 'timeoutMs: got 0, expected a whole number from 1 to 2147483647, or Infinity'],
    [{ slowCallPercentage: 50 }, 'slowCallPercentage: has no effect without slowCallMs'],
    [{ windowMs: 1_000 }, `windowMs: ${NOTHING_TO_SHARE}`],
    [{ windowCalls: 10 }, `windowCalls: ${NOTHING_TO_SHARE}`],
    [{ volumeThreshold: 10 }, `volumeThreshold: ${NOTHING_TO_SHARE}`],
    [{ slowCallMs: 1, windowMs: 1, windowCalls: 10 }, 'windowCalls: contradicts windowMs; keep one'],
    [{ slowCallMs: 1, windowCalls: 10_001 }, 'windowCalls: got 10001, expected a whole number from 1 to 10000'],
    [
      { errorThreshold: 50, windowCalls: 10, volumeThreshold: 11 },
      'volumeThreshold: is never reached: the window holds 10 calls',
    ],
    [{ resetTimeout: Infinity }, 'resetTimeout: got Infinity, expected a whole number from 1 to 2147483647'],
    [{ resetTimeoutFactor: 0.5 }, 'resetTimeoutFactor: got 0.5, expected a number from 1 on'],
    [{ resetTimeoutFactor: NaN }, 'resetTimeoutFactor: got NaN, expected a number from 1 on'],
    [{ maxResetTimeout: 60_000 }, 'maxResetTimeout: has no effect without resetTimeoutFactor'],
    [{ resetTimeoutFactor: 2, maxResetTimeout: 20_000 }, 'maxResetTimeout: is less than resetTimeout, 30000'],
    [{ halfOpenSuccesses: 2 }, 'halfOpenSuccesses: is never reached: there are halfOpenProbes, 1'],
    [{ halfOpenProbes: 0 }, 'halfOpenProbes: got 0, expected a whole number from 1 to 10000'],
    [{ probeTimeoutMs: 0 }, 'probeTimeoutMs: got 0, expected a whole number from 1 to 2147483647'],
    [{ isFailure: true }, 'isFailure: got true, expected a function'],
    [{ clock: Date }, 'clock: got a function, expected a Clock'],
    [
      { treshold: 1, resetTimout: 5 },
      expect.stringContaining('treshold: unknown option'),
      'resetTimout: unknown option; did you mean resetTimeout?',
    ],
    [null, 'options: got null, expected an object of options'],
    [5, 'options: got 5, expected an object of options'],
  ])('%j is refused', (options, ...faults) => {
    expect(faultsOf(() => new CircuitBreaker(options as CircuitBreakerOptions))).toEqual(faults);
  });

  it.each<CircuitBreakerOptions>([
    {},
    { failureThreshold: Infinity },
    { errorThresholdPercentage: 50, failureThreshold: 3, windowMs: 1 },
    { slowCallMs: 100, windowCalls: 1 },
    { resetTimeout: 600_000 },
    { resetTimeoutFactor: 1.5, maxResetTimeout: 30_000 },
    { halfOpenProbes: 3, halfOpenSuccesses: 3 },
    { timeoutMs: Infinity },
  ])('%j is taken', (options) => {
    expect(faultsOf(() => new CircuitBreaker(options))).toEqual([]);
  });
});

describe('the options of circuitBreaker', () => {
  it.each<[object, ...string[]]>([
    [{ failureStatuses: [200] }, 'failureStatuses[0]: got 200, expected a whole number from 400 to 599'],
    [{ breaker: {} }, 'breaker: got an object, expected a CircuitBreaker'],
    [
      { breaker: new CircuitBreaker(), failureThreshold: 5, name: 'x', failureStatuses: [503] },
      'failureThreshold: has no effect beside breaker',
      'name: has no effect beside breaker',
    ],
    [{ windowMs: 1_000 }, `windowMs: ${NOTHING_TO_SHARE}`],
  ])('%j are refused', (options, ...faults) => {
    expect(faultsOf(() => circuitBreaker(options))).toEqual(faults);
  });

  it('tell where they stand in a config of others', () => {
    const faults: Fault[] = [];
    inspectCircuitBreakerOptions({ windowMs: 1_000, volumeThreshold: 0 }, 'routes[0].circuitBreaker', faults);
    expect(faults.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'routes[0].circuitBreaker.volumeThreshold: got 0, expected a whole number from 1 on',
      `routes[0].circuitBreaker.volumeThreshold: ${NOTHING_TO_SHARE}`,
      `routes[0].circuitBreaker.windowMs: ${NOTHING_TO_SHARE}`,
    ]);
  });

  it.each(['timeoutMs', 'timeout', 'isFailure', 'isFailedResult'])('%s is none of them', (name) => {
    expect(faultsOf(() => circuitBreaker({ [name]: 1 }))).toEqual([expect.stringContaining(`${name}: unknown option`)]);
  });
});
