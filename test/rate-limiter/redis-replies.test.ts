/** What the store makes of its options, and of what a client gives it; no server is asked. */
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { RateLimiter, RedisStore, type RedisStoreOptions, type StoreOutage } from '../../src/rate-limiter/index.js';
import { policyWith } from '../contract/rate-limit-store.js';

type SendCommand = RedisStoreOptions['sendCommand'];

const POLICY = policyWith('sliding-window', [{ limit: 3, windowMs: 60_000 }]);

const unused: SendCommand = () => Promise.reject(new Error('not to be called'));

describe('RedisStore', () => {
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['a client in the place of a function', { sendCommand: {} }],
    ['a prefix with braces', { sendCommand: unused, prefix: '{app}:' }],
    ['a clock that is a number', { sendCommand: unused, clock: 5 }],
    ['an unknown option', { sendCommand: unused, perfix: 'app:' }],
  ])('does not start with %s', (_case, options) => {
    expect(() => new RedisStore(options as RedisStoreOptions)).toThrow(ConfigError);
  });

  it('opens a name again only after it was closed', async () => {
    const store = new RedisStore({ sendCommand: unused });
    const first = store.open(POLICY);
    expect(() => store.open(POLICY)).toThrow("'contract' is taken");
    expect(() => store.open({ ...POLICY, name: 'other' })).not.toThrow();
    await first.close();
    expect(() => store.open(POLICY)).not.toThrow();
  });

  describe('takes no reply for an answer that is none', () => {
    it.each<[string, unknown]>([
      ['nothing', undefined],
      ['null', null],
      ['a text', 'OK'],
      ['a number', -5],
      ['NaN', NaN],
      ['an error', new Error('ERR unknown command')],
      ['an object', { 0: 1, 1: 0, 2: 2, 3: 60_000, 4: 0, length: 5 }],
      ['an empty list', []],
      ['a list of text', ['a']],
      ['2 figures', [1, 2]],
      ['6 figures', [1, 0, 2, 60_000, 0, 0]],
      ['a list in a list', [[1, 0, 2, 60_000, 0]]],
      ['lists of figures', [[1], [0], [2], [60_000], [0]]],
      ['a hole', [1, 0, 2, , 0]], // eslint-disable-line no-sparse-arrays
      ['a fraction', [1, 0, 2, 0.5, 0]],
      ['NaN among the figures', [1, 0, NaN, 60_000, 0]],
      ['Infinity among the figures', [1, 0, 2, Infinity, 0]],
      ['an empty text among the figures', [1, 0, '', 60_000, 0]],
      ['true in the place of 1', [true, 0, 2, 60_000, 0]],
      ['2 in the place of 1', [2, 0, 2, 60_000, 0]],
      ['a window that the limiter has not', [1, 1, 2, 60_000, 0]],
      ['a window before the first', [1, -1, 2, 60_000, 0]],
      ['more left than the limit', [1, 0, 4, 60_000, 0]],
      ['less than nothing left', [1, 0, -1, 60_000, 0]],
      ['a reset in the past', [1, 0, 2, -1, 0]],
      ['allowed, with a wait', [1, 0, 2, 60_000, 5]],
      ['refused, without a wait', [0, 0, 0, 60_000, 0]],
      ['refused, with a wait in the past', [0, 0, 0, 60_000, -2]],
    ])('%s', async (_case, reply) => {
      const counter = new RedisStore({ sendCommand: () => Promise.resolve(reply) }).open(POLICY);
      await expect(counter.consume('ada', 1)).rejects.toThrow(/^Redis answered with .+, expected \[allowed, /);
      await expect(counter.peek('ada', 1)).rejects.toThrow(/^Redis answered with /);
    });
  });

  it('says what came, cut short', async () => {
    const counter = new RedisStore({ sendCommand: () => Promise.resolve('x'.repeat(10_000)) }).open(POLICY);
    const failure = await counter.consume('ada', 1).then(String, (error: unknown) => (error as Error).message);
    expect(failure).toMatch(/^Redis answered with 'x{60}'/);
    expect(failure.length).toBeLessThan(250);
  });

  it.each<[string, unknown]>([
    ['numbers', [0, 0, 1, 60_000, 250]],
    ['text', ['0', '0', '1', '60000', '250']],
    ['BigInts', [0n, 0n, 1n, 60_000n, 250n]],
  ])('reads figures that are %s', async (_case, reply) => {
    const counter = new RedisStore({ sendCommand: () => Promise.resolve(reply) }).open(POLICY);
    const decision = { allowed: false, window: 0, limit: 3, remaining: 1, resetMs: 60_000, retryAfterMs: 250 };
    expect(await counter.consume('ada', 1)).toEqual({ ...decision, failure: null });
  });

  it('reads -1 as never', async () => {
    const counter = new RedisStore({ sendCommand: () => Promise.resolve([0, 0, 3, 0, -1]) }).open(POLICY);
    expect(await counter.consume('ada', 4)).toMatchObject({ allowed: false, retryAfterMs: Infinity });
  });

  it('rejects with what sendCommand throws, and asks no second time', async () => {
    let calls = 0;
    const sendCommand = (): never => {
      calls++;
      throw new Error('the client is closed');
    };
    const counter = new RedisStore({ sendCommand }).open(POLICY);
    await expect(counter.consume('ada', 1)).rejects.toThrow('the client is closed');
    await expect(counter.refund('ada', 1)).rejects.toThrow('the client is closed');
    await expect(counter.reset('ada')).rejects.toThrow('the client is closed');
    expect(calls).toBe(3);
  });

  it('puts a key of the cluster at the same place in every command', async () => {
    const sent: string[][] = [];
    const sendCommand: SendCommand = (...args) => {
      sent.push(args);
      return sent.length === 1 ? Promise.reject(new Error('NOSCRIPT No matching script.')) : Promise.resolve([]);
    };
    const counter = new RedisStore({ sendCommand, prefix: 'app:' }).open(POLICY);
    await counter.refund('ada', 1);
    await counter.reset('ada');
    expect(sent.map(([command]) => command)).toEqual(['EVALSHA', 'EVAL', 'EVALSHA']);
    expect(sent.map((args) => args[3])).toEqual(Array(3).fill('app:contract:{ada}'));
  });

  it('refuses where the reply is none and onStoreError is closed', async () => {
    const outages: StoreOutage[] = [];
    const store = new RedisStore({ sendCommand: () => Promise.resolve('OK') });
    const onOutage = (outage: StoreOutage): void => {
      outages.push(outage);
    };
    const limiter = new RateLimiter({ limit: 3, windowMs: 60_000, store, onStoreError: 'closed', onOutage });
    expect(await limiter.check('ada')).toMatchObject({ allowed: false, failure: 'closed' });
    expect(outages).toMatchObject([{ state: 'down', policy: 'closed' }]);
  });
});
