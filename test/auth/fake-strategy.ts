import type { AuthResult, AuthStrategy } from '../../src/auth/strategy.js';
import type { Context } from '../../src/core/context.js';
import type { Identity, MaybePromise } from '../../src/core/types.js';

/** An identity with an id; a new object each time. */
export function fakeIdentity(parts: Partial<Identity> = {}): Identity {
  return { id: 'ada', scheme: 'test', claims: {}, scopes: [], roles: [], ...parts };
}

export interface FakeStrategy extends AuthStrategy {
  /** How often it was asked. */
  asked: number;
}

/** A strategy that says what it is told to, be it something that no strategy may say. */
export function fakeStrategy(says: (ctx: Context) => unknown, parts: Partial<AuthStrategy> = {}): FakeStrategy {
  const strategy: FakeStrategy = {
    name: 'fake',
    scheme: 'Bearer',
    sources: [{ header: 'authorization' }],
    ...parts,
    asked: 0,
    authenticate(ctx) {
      strategy.asked++;
      return says(ctx) as MaybePromise<AuthResult>;
    },
  };
  return strategy;
}
