import { describe, expect, it } from 'vitest';
import { apiKey } from '../../../src/auth/api-key/api-key.js';
import { hashApiKey } from '../../../src/auth/api-key/key-entry.js';
import { inspectApiKeyOptions, type ApiKeyOptions } from '../../../src/auth/api-key/options.js';
import { ConfigError, type Fault } from '../../../src/core/options.js';

const KEY = 'planted-0123456789abcdef';
const SHA256 = hashApiKey(KEY);

function errorOf(options: unknown): ConfigError {
  try {
    apiKey(options as ApiKeyOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no fault was found');
}

function pathsOf(options: unknown): string[] {
  return errorOf(options).faults.map(({ path }) => path);
}

function withKeys(...keys: unknown[]) {
  return { consumers: [{ id: 'shop', keys }] };
}

describe('options of apiKey', () => {
  it('need consumers or a lookup', () => {
    expect(errorOf({}).message).toContain('needs consumers or lookup');
    expect(pathsOf({ consumers: [] })).toEqual(['consumers']);
  });

  it('name every fault at its path', () => {
    expect(
      pathsOf({
        keyFrom: { header: 'X-Api-Key' },
        consumers: [
          { id: '', keys: [] },
          { keys: [KEY], scope: ['a'], roles: 'admin', rateLimit: { limit: 1 } },
        ],
        lookup: 'db',
        cacheTtlMs: -1,
        cacheSize: 0,
      }),
    ).toEqual([
      'keyFrom.header',
      'consumers[0].id',
      'consumers[0].keys',
      'consumers[1].scope',
      'consumers[1].roles',
      'consumers[1].rateLimit.windowMs',
      'consumers[1].id',
      'lookup',
      'cacheTtlMs',
      'cacheSize',
    ]);
  });

  it.each([
    ['15 characters', 'x'.repeat(15)],
    ['no character', ''],
    ['more than a request can carry', 'x'.repeat(8_193)],
    ['a comma', 'planted,0123456789'],
    ['a space', 'planted 0123456789'],
    ['NUL', 'planted\x000123456789'],
    ['a letter outside of ASCII', 'planted-0123456789\u00e9'],
  ])('refuse a key with %s', (_, key) => {
    for (const entry of [key, { key }]) {
      const { message, faults } = errorOf(withKeys(entry));
      expect(faults).toHaveLength(1);
      expect(message).toContain('at least 16 visible ASCII characters');
      expect(message).not.toContain('planted');
    }
  });

  it('take a key of 16 characters, and one of 8192', () => {
    expect(() => apiKey(withKeys('x'.repeat(16), 'x'.repeat(8_192)) as ApiKeyOptions)).not.toThrow();
  });

  it.each([
    ['of 63 digits', SHA256.slice(1)],
    ['with a letter that is no digit', `g${SHA256.slice(1)}`],
    ['in padded base64', Buffer.from(SHA256, 'hex').toString('base64')],
    ['of 43 characters that are more than 32 bytes', `${'A'.repeat(42)}B`],
    ['that is a number', 42],
  ])('refuse a SHA-256 %s', (_, sha256) => {
    const { message, faults } = errorOf(withKeys({ sha256 }));
    expect(faults.map(({ path }) => path)).toEqual(['consumers[0].keys[0].sha256']);
    expect(message).not.toContain(String(sha256));
  });

  it.each([
    ['neither', {}],
    ['both', { key: KEY, sha256: SHA256 }],
  ])('refuse %s of key and sha256', (_, entry) => {
    expect(errorOf(withKeys(entry)).message).toContain('needs sha256 or key, and only one of them');
  });

  it.each([
    [new Date(1), new Date(1)],
    ['2027-01-02', '2027-01-01'],
    ['2027-01-01T00:00:00Z', '2027-01-01T00:00:00+01:00'],
  ])('refuse a key that counts from %s until %s', (notBefore, expiresAt) => {
    expect(pathsOf(withKeys({ key: KEY, notBefore, expiresAt }))).toEqual(['consumers[0].keys[0].expiresAt']);
  });

  it.each([
    new Date(Number.NaN),
    1_798_761_600_000,
    'tomorrow',
    '',
    '2027',
    '2027-1-1',
    '2027-02-29',
    '2027-13-01',
    '2027-01-01T25:00:00Z',
    '2027-01-01T00:00:00',
    '2027-01-01 00:00:00Z',
    'Fri, 01 Jan 2027 00:00:00 GMT',
  ])('refuse %s as a time', (expiresAt) => {
    expect(pathsOf(withKeys({ key: KEY, expiresAt }))).toEqual(['consumers[0].keys[0].expiresAt']);
  });

  it.each(['2028-02-29', '2027-01-01T00:00Z', '2027-01-01T00:00:00.123456Z', '2027-01-01T00:00:00-05:30'])(
    'take %s as a time',
    (expiresAt) => {
      expect(() => apiKey(withKeys({ key: KEY, expiresAt }) as ApiKeyOptions)).not.toThrow();
    },
  );

  it('refuse an id that two consumers have', () => {
    const consumers = [
      { id: 'shop', keys: [KEY] },
      { id: 'shop', keys: [`${KEY}2`] },
    ];
    expect(errorOf({ consumers }).faults).toEqual([
      { path: 'consumers[1].id', message: 'is the same as consumers[0].id' },
    ]);
  });

  it('refuse a key that is there twice, however it is written', () => {
    const consumers = [
      { id: 'shop', keys: [`${KEY}2`, KEY, { sha256: SHA256.toUpperCase() }] },
      { id: 'bank', keys: [{ sha256: Buffer.from(SHA256, 'hex').toString('base64url') }] },
    ];
    expect(errorOf({ consumers }).faults).toEqual([
      { path: 'consumers[0].keys[2]', message: 'is the same as consumers[0].keys[1]' },
      { path: 'consumers[1].keys[0]', message: 'is the same as consumers[0].keys[1]' },
    ]);
  });

  it('refuse what has no effect without a lookup', () => {
    expect(pathsOf({ ...withKeys(KEY), cacheTtlMs: 1, cacheSize: 1 })).toEqual(['cacheTtlMs', 'cacheSize']);
  });

  it('stand at their place in a config of others', () => {
    const faults: Fault[] = [];
    const options = { cacheSize: 1, consumers: [{ id: 'shop', keys: [KEY, KEY] }] };
    inspectApiKeyOptions(options, 'auth.apiKey', faults);
    inspectApiKeyOptions({ consumers: options.consumers }, 'auth.apiKey', faults);
    expect(faults.map(({ path }) => path)).toEqual(['auth.apiKey.cacheSize', 'auth.apiKey.consumers[0].keys[1]']);
  });

  it.each([
    ['consumers', { consumers: KEY }],
    ['a consumer', { consumers: [KEY] }],
    ['keys', { consumers: [{ id: 'shop', keys: KEY }] }],
    ['a key that is a list', { consumers: [{ id: 'shop', keys: [[KEY]] }] }],
    ['a key that is too short', { consumers: [{ id: 'shop', keys: ['planted'] }] }],
    ['a key for a SHA-256', { consumers: [{ id: 'shop', keys: [{ sha256: KEY }] }] }],
    ['a number', { consumers: [{ id: 'shop', keys: [123_456_789] }] }],
  ])('show no secret that stands in the place of %s', (_, options) => {
    const { message } = errorOf(options);
    expect(message).toContain('is not shown');
    expect(message).not.toMatch(/planted|123/);
  });
});
