import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JwtAlgorithm } from '../../../src/auth/jwt/algorithms.js';
import { jwt } from '../../../src/auth/jwt/jwt.js';
import type { KeySource, VerificationKey } from '../../../src/auth/jwt/key-source.js';
import type { JwtOptions } from '../../../src/auth/jwt/options.js';
import { unavailable, type AuthFailure } from '../../../src/auth/strategy.js';
import type { MaybePromise } from '../../../src/core/types.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeContext } from '../../support/request.js';
import { identityOf, KEYS, NOW, OTHER_RSA, part, signRs256 } from './support.js';

const INVALID = { failure: 'invalid' };
const [KEY, OTHER] = [KEYS.RS256.verifying, OTHER_RSA.verifying] as [KeyObject, KeyObject];

/** Keys that a test changes, and that count how often they are asked for: once for each token that is not known. */
class ChangingKeys implements KeySource {
  version = 0;
  asked = 0;
  closed = false;
  /** Answers in the place of the keys, until it is `null` again. */
  answer: MaybePromise<readonly VerificationKey[] | AuthFailure> | null = null;
  #keys: readonly VerificationKey[] = [];

  constructor(...keys: KeyObject[]) {
    this.set(...keys);
  }

  set(...keys: KeyObject[]): void {
    this.#keys = keys.map((key) => ({ kid: null, algorithms: ['RS256'], key }));
    this.version++;
  }

  get current(): readonly VerificationKey[] {
    return this.#keys;
  }

  find(_kid: string | null, algorithm: JwtAlgorithm): MaybePromise<readonly VerificationKey[] | AuthFailure> {
    this.asked++;
    return this.answer ?? this.#keys.filter(({ algorithms }) => algorithms.includes(algorithm));
  }

  close(): void {
    this.closed = true;
  }
}

function tokenOf(claims: Readonly<Record<string, unknown>> = {}): string {
  const input = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub: 'u1', exp: NOW + 60, ...claims })}`;
  return `${input}.${signRs256(input, KEYS.RS256.signing as KeyObject)}`;
}

function harness(options: Partial<JwtOptions> = {}) {
  const clock = new FakeClock();
  const keySource = new ChangingKeys(KEY);
  const strategy = jwt({ keySource, audience: false, clock, ...options });
  function ask(token: string) {
    return strategy.authenticate(fakeContext({ headers: { authorization: `Bearer ${token}` } }));
  }
  return { clock, keySource, strategy, ask };
}

describe('a token that is known', () => {
  const token = tokenOf();

  it('costs no signature, and is the same identity', () => {
    const { ask, keySource } = harness();
    const first = ask(token);
    expect(identityOf(first as never).id).toBe('u1');
    expect(ask(token)).toBe(first);
    expect(keySource.asked).toBe(1);
  });

  it('is refused from its exp on', () => {
    const { ask, clock, keySource } = harness();
    void ask(token);
    clock.advance(59_999);
    expect(ask(token)).toMatchObject({ id: 'u1' });
    expect(keySource.asked).toBe(1);
    clock.advance(1);
    expect(ask(token)).toMatchObject(INVALID);
  });

  it('is refused from its exp on, where only the wall clock moves', () => {
    const { ask, clock } = harness();
    void ask(token);
    clock.advanceWall(60_000);
    expect(ask(token)).toMatchObject(INVALID);
    clock.advanceWall(-60_000);
    expect(ask(token)).toMatchObject({ id: 'u1' });
  });

  it('has the tolerance, and no more', () => {
    const { ask, clock } = harness({ clockToleranceMs: 5_000 });
    void ask(token);
    clock.advance(64_999);
    expect(ask(token)).toMatchObject({ id: 'u1' });
    clock.advance(1);
    expect(ask(token)).toMatchObject(INVALID);
  });

  it('is refused when it has become too old', () => {
    const young = tokenOf({ iat: NOW });
    const { ask, clock } = harness({ maxTokenAgeMs: 10_000 });
    expect(ask(young)).toMatchObject({ id: 'u1' });
    clock.advance(10_000);
    expect(ask(young)).toMatchObject(INVALID);
  });

  it('is refused before its nbf, where the wall clock is set back', () => {
    const late = tokenOf({ nbf: NOW });
    const { ask, clock } = harness();
    expect(ask(late)).toMatchObject({ id: 'u1' });
    clock.advanceWall(-1);
    expect(ask(late)).toMatchObject(INVALID);
  });

  it('is forgotten when the keys change', () => {
    const { ask, keySource } = harness();
    void ask(token);
    keySource.set(OTHER);
    expect(ask(token)).toMatchObject(INVALID);
    keySource.set(OTHER, KEY);
    expect(ask(token)).toMatchObject({ id: 'u1' });
    void ask(token);
    expect(keySource.asked).toBe(3);
  });

  it('is not kept where the keys changed while it was verified', async () => {
    const { ask, keySource } = harness();
    keySource.answer = Promise.resolve(keySource.current);
    const asked = ask(token);
    keySource.answer = null;
    keySource.set(OTHER);
    expect(ask(tokenOf({ sub: 'u2' }))).toMatchObject(INVALID);
    // It was good with the keys of its time.
    expect(await asked).toMatchObject({ id: 'u1' });
    expect(ask(token)).toMatchObject(INVALID);
  });

  it('is another one where only the signature differs', () => {
    const { ask } = harness();
    expect(ask(token)).toMatchObject({ id: 'u1' });
    const [header = '', payload = '', signature = ''] = token.split('.');
    const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
    expect(ask(`${header}.${payload}.${flipped}`)).toMatchObject(INVALID);
    const input = `${header}.${payload}`;
    expect(ask(`${input}.${signRs256(input, OTHER_RSA.signing as KeyObject)}`)).toMatchObject(INVALID);
    expect(ask(token)).toMatchObject({ id: 'u1' });
  });

  it('is one of the latest cacheSize', () => {
    const { ask, keySource } = harness({ cacheSize: 2 });
    const [first = '', second = '', third = ''] = ['a', 'b', 'c'].map((sub) => tokenOf({ sub }));
    for (const one of [first, second, first, third]) void ask(one);
    expect(keySource.asked).toBe(3);
    void ask(first);
    expect(keySource.asked).toBe(3);
    void ask(second);
    expect(keySource.asked).toBe(4);
  });

  it('does not exist with cacheSize 0', () => {
    const { ask, keySource } = harness({ cacheSize: 0 });
    void ask(token);
    expect(ask(token)).toMatchObject({ id: 'u1' });
    expect(keySource.asked).toBe(2);
  });
});

describe('a token that is not good', () => {
  it('is not kept, and is good as soon as its key is there', () => {
    const { ask, keySource } = harness();
    keySource.set(OTHER);
    expect(ask(tokenOf())).toMatchObject(INVALID);
    expect(ask(tokenOf())).toMatchObject(INVALID);
    expect(keySource.asked).toBe(2);
    keySource.set(KEY);
    expect(ask(tokenOf())).toMatchObject({ id: 'u1' });
  });

  it('takes the place of none that is known', () => {
    const { ask, keySource } = harness({ cacheSize: 1 });
    const good = tokenOf();
    void ask(good);
    void ask(tokenOf({ exp: NOW }));
    expect(ask(good)).toMatchObject({ id: 'u1' });
    expect(keySource.asked).toBe(2);
  });

  it('is good as soon as its time has come', () => {
    const { ask, clock } = harness();
    const early = tokenOf({ nbf: NOW + 10 });
    expect(ask(early)).toMatchObject(INVALID);
    clock.advance(10_000);
    expect(ask(early)).toMatchObject({ id: 'u1' });
  });
});

describe('a key source', () => {
  it('that cannot tell makes the answer unavailable, which is not kept', async () => {
    const { ask, keySource } = harness();
    keySource.answer = unavailable('no keys yet');
    expect(ask(tokenOf())).toEqual({ failure: 'unavailable', reason: 'no keys yet' });
    keySource.answer = Promise.resolve(unavailable('no keys yet'));
    expect(await ask(tokenOf())).toEqual({ failure: 'unavailable', reason: 'no keys yet' });
    keySource.answer = null;
    expect(ask(tokenOf())).toMatchObject({ id: 'u1' });
  });

  it('that rejects is a fault, and proves nobody', async () => {
    const { ask, keySource } = harness();
    keySource.answer = Promise.reject(new Error('broken'));
    await expect(ask(tokenOf())).rejects.toThrow('broken');
  });

  it('is closed with the strategy', () => {
    const { keySource, strategy } = harness();
    strategy.close?.();
    expect(keySource.closed).toBe(true);
  });
});
