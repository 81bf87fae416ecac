import { CircuitBreaker, type CircuitBreakerOptions, type CircuitPermit } from '../../src/circuit-breaker/index.js';
import { FakeClock } from '../support/fake-clock.js';

/** A breaker, its clock, and every step it took as `from > to: reason`. */
export function startCircuit(options: CircuitBreakerOptions = {}): {
  breaker: CircuitBreaker;
  clock: FakeClock;
  steps: string[];
} {
  const clock = new FakeClock();
  const steps: string[] = [];
  const breaker = new CircuitBreaker({ clock, ...options });
  breaker.onStateChange(({ from, to, reason }) => {
    steps.push(`${from} > ${to}: ${reason}`);
  });
  return { breaker, clock, steps };
}

/** A permit that must be there. */
export function permitOf(breaker: CircuitBreaker): CircuitPermit {
  const permit = breaker.acquire();
  if (permit === null) throw new Error(`the circuit is ${breaker.state}`);
  return permit;
}

/** Lets one call pass for each letter, with its result: `.` = success, `x` = failure, `-` = given up. */
export function run(breaker: CircuitBreaker, results: string): void {
  for (const result of results) {
    const permit = permitOf(breaker);
    if (result === '.') permit.success();
    else if (result === 'x') permit.failure();
    else permit.cancel();
  }
}
