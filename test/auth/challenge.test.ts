import { describe, expect, it } from 'vitest';
import { challenges, insufficientScope, realmField } from '../../src/auth/challenge.js';
import { fakeStrategy } from './fake-strategy.js';

const [bearer, basic, key] = ['Bearer', 'Basic', 'ApiKey'].map((scheme) => fakeStrategy(() => null, { scheme })) as [
  ReturnType<typeof fakeStrategy>,
  ReturnType<typeof fakeStrategy>,
  ReturnType<typeof fakeStrategy>,
];

describe('challenges', () => {
  it('has one for each scheme, in the order of the strategies', () => {
    expect(challenges([key, bearer, basic, bearer, key], 'my shop')).toEqual([
      'ApiKey realm="my shop"',
      'Bearer realm="my shop"',
      'Basic realm="my shop", charset="UTF-8"',
    ]);
  });

  it('names the error where a scheme has one: Bearer', () => {
    expect(challenges([bearer, basic, key], 'api', 'invalid_token')).toEqual([
      'Bearer realm="api", error="invalid_token"',
      'Basic realm="api", charset="UTF-8"',
      'ApiKey realm="api"',
    ]);
  });
});

describe('insufficientScope', () => {
  it('is what RFC 6750 3 asks for', () => {
    expect(insufficientScope('api', ['users:read', 'users:write'])).toBe(
      'Bearer realm="api", error="insufficient_scope", scope="users:read users:write"',
    );
  });
});

describe('realmField', () => {
  it.each(['api', 'My shop, EU', '~'])('takes %s', (realm) => {
    expect(realmField.accepts(realm)).toBe(true);
  });

  it.each(['', 'a"b', 'a\\b', 'a\r\nx: y', 'a\n', 'a\0', 'ä', 7, null])('refuses %j', (realm) => {
    expect(realmField.accepts(realm)).toBe(false);
  });
});
