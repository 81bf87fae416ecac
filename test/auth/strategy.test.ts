import { describe, expect, it } from 'vitest';
import { invalid, isAuthFailure, unavailable } from '../../src/auth/strategy.js';
import { fakeIdentity } from './fake-strategy.js';

describe('isAuthFailure', () => {
  it('takes both kinds of failure', () => {
    expect([invalid('a'), unavailable('b')]).toEqual([
      { failure: 'invalid', reason: 'a' },
      { failure: 'unavailable', reason: 'b' },
    ]);
    expect(isAuthFailure(invalid('a'))).toBe(true);
    expect(isAuthFailure(unavailable('b'))).toBe(true);
  });

  it.each([[null], [undefined], [true], ['failure'], [0], [fakeIdentity()], [{}]])('leaves %j', (value) => {
    expect(isAuthFailure(value)).toBe(false);
  });

  it('takes for a failure what claims to be both, an identity and a failure', () => {
    expect(isAuthFailure({ ...fakeIdentity(), ...invalid('a') })).toBe(true);
  });
});
