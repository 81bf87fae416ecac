import { describe, expect, it } from 'vitest';
import { DeadlineError, withDeadline } from '../../src/core/with-deadline.js';
import { FakeClock } from '../support/fake-clock.js';

describe('withDeadline', () => {
  it('gives what comes in time, and leaves no timer', async () => {
    const clock = new FakeClock();
    expect(await withDeadline(Promise.resolve(1), 50, clock)).toBe(1);
    expect(await withDeadline(2, 50, clock)).toBe(2);
    await expect(withDeadline(Promise.reject(new Error('no')), 50, clock)).rejects.toThrow('no');
    expect(clock.pending).toBe(0);
  });

  it('rejects what takes longer, and does not mind a late failure', async () => {
    const clock = new FakeClock();
    let fail = (_error: Error): void => undefined;
    const late = new Promise((_resolve, reject) => (fail = reject));
    const result = expect(withDeadline(late, 50, clock)).rejects.toThrow(new DeadlineError('no answer within 50 ms'));
    await clock.advanceAsync(50);
    await result;
    fail(new Error('late'));
    await clock.advanceAsync(1_000);
  });

  it('takes promises of other libraries', async () => {
    const thenable = { then: (resolve: (value: string) => void) => resolve('here') } as unknown as Promise<string>;
    expect(await withDeadline(thenable, 50, new FakeClock())).toBe('here');
  });
});
