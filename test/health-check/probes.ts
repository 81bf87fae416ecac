/** Runs one check over real sockets. */
import { onTestFinished } from 'vitest';
import { HealthChecker, type HealthCheckerOptions } from '../../src/health-check/index.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';

/** What one check of a target has found: `null` where it is well. */
export async function check(url: string, options: Partial<HealthCheckerOptions> = {}): Promise<string | null> {
  const { checker, clock } = checking(url, options);
  clock.advance(1);
  await eventually(() => checker.lastCheckedAt !== null, { withinMs: 10_000 });
  return checker.reason;
}

/** A checker that has been started, on a clock that stands still. */
export function checking(url: string, options: Partial<HealthCheckerOptions> = {}) {
  const clock = new FakeClock();
  const checker = new HealthChecker({ url, clock, jitter: 0, ...options });
  onTestFinished(() => {
    checker.close();
  });
  checker.start();
  return { checker, clock };
}
