import { describe, expect, it } from 'vitest';
import { askCaller, askUser } from '../../src/auth/ask-caller.js';
import { callerFields } from '../../src/auth/caller.js';
import { object } from '../../src/core/options.js';
import { FakeClock } from '../support/fake-clock.js';

const schema = object(callerFields, { required: ['id'] });
const clock = new FakeClock();

describe('askUser', () => {
  it.each([null, undefined])('knows nothing where the answer is %j', async (answer) => {
    expect(await askUser('lookup', () => answer, clock)).toBeNull();
    expect(await askUser('lookup', () => Promise.resolve(answer), clock)).toBeNull();
  });

  it('is unavailable where nothing comes within 5 seconds', async () => {
    const own = new FakeClock();
    const answer = askUser('lookup', () => new Promise<object>(() => undefined), own);
    await own.advanceAsync(4_999);
    expect(own.pending).toBe(1);
    await own.advanceAsync(1);
    expect(await answer).toEqual({ failure: 'unavailable', reason: 'lookup failed: DeadlineError' });
  });

  it.each<[string, unknown, string]>([
    ['an error', new RangeError('key abc'), 'RangeError'],
    ['an error with a code', Object.assign(new Error('key abc'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['a code that could be anything', Object.assign(new Error('x'), { code: 'key abc', name: 'key abc' }), 'no reason'],
    ['a text', 'key abc', 'no reason'],
    ['nothing', undefined, 'no reason'],
  ])('tells of %s no more than its kind', async (_name, error, kind) => {
    const reason = `lookup failed: ${kind}`;
    const failing = (): never => {
      throw error as Error;
    };
    expect(await askUser('lookup', failing, clock)).toEqual({ failure: 'unavailable', reason });
    expect(await askUser('lookup', () => Promise.reject(error as Error), clock)).toEqual({
      failure: 'unavailable',
      reason,
    });
  });
});

describe('askCaller', () => {
  it('gives a caller as it is', async () => {
    const caller = { id: 'ada', scopes: ['read'] };
    expect(await askCaller('lookup', schema, () => caller, clock)).toBe(caller);
  });

  it.each([
    { id: '' },
    { id: 5 },
    {},
    { id: 'ada', scopes: 'read' },
    { id: 'ada', rateLimit: { limit: 0, windowMs: 1 } },
  ])('throws for %j, without showing it', async (answer) => {
    const asked = askCaller('lookup', schema, () => answer as never, clock);
    await expect(asked).rejects.toThrow(TypeError);
    await expect(asked).rejects.toThrow(/^lookup: answer/);
  });
});
