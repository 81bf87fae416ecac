import { describe, expect, it } from 'vitest';
import {
  compileIdentityHeaders,
  identityHeaderNames,
  inspectIdentityHeaders,
  type IdentityHeadersOptions,
} from '../../src/auth/identity-headers.js';
import { isFieldValue } from '../../src/core/headers.js';
import type { Fault } from '../../src/core/options.js';
import type { HeaderMap, Identity } from '../../src/core/types.js';
import { seededRandom } from '../support/random.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeIdentity } from './fake-strategy.js';

const secret = 'a secret of more than 32 characters';

function fieldsOf(parts: Partial<Identity>, options: IdentityHeadersOptions = {}): Readonly<HeaderMap> {
  return compileIdentityHeaders(options)(fakeIdentity(parts)).fields;
}

/** What a claim becomes. */
function written(value: unknown): unknown {
  return fieldsOf({ claims: { c: value } }, { claims: { 'x-c': 'c' } })['x-c'];
}

describe('compileIdentityHeaders', () => {
  it('tells id, first role, all roles and consumer', () => {
    expect({ ...fieldsOf({ roles: ['admin', 'dev'], consumer: 'shop' }) }).toEqual({
      ...{ 'x-user-id': 'ada', 'x-user-role': 'admin', 'x-user-roles': '["admin","dev"]', 'x-consumer-id': 'shop' },
    });
  });

  it('says of each field that is not known that nobody sends it', () => {
    const fields = fieldsOf({}, { claims: { 'x-user-email': 'email' } });
    expect(Object.entries(fields)).toEqual([
      ['x-user-id', 'ada'],
      ['x-user-role', undefined],
      ['x-user-roles', undefined],
      ['x-consumer-id', undefined],
      ['x-user-email', undefined],
    ]);
  });

  it('has no prototype, so that no client can pass with a field called constructor', () => {
    expect('constructor' in fieldsOf({})).toBe(false);
  });

  it.each([
    ['ada', 'ada'],
    ['ada@shop.test', 'ada@shop.test'],
    ['Ada Lovelace', 'Ada Lovelace'],
    ['100%', '100%25'],
    ['%25', '%2525'],
    [' a  b ', '%20a  b%20'],
    [' ', '%20'],
    ['  ', '%20%20'],
    ['   ', '%20 %20'],
    ['\ta\t', '%09a%09'],
    ['a\r\nx-user-role: admin', 'a%0D%0Ax-user-role: admin'],
    ['a\0b', 'a%00b'],
    ['\x7f\x1b', '%7F%1B'],
    ['é', '%C3%A9'],
    ['e\u0301', 'e%CC%81'],
    ['€', '%E2%82%AC'],
    ['😀', '%F0%9F%98%80'],
    ['\u2028\ufeff\xa0', '%E2%80%A8%EF%BB%BF%C2%A0'],
    ['\ufffd', '%EF%BF%BD'],
    ['\ud800', '%ED%A0%80'],
    ['\udfff!', '%ED%BF%BF!'],
    ['\ude00\ud83d', '%ED%B8%80%ED%A0%BD'],
  ])('writes %j as %s', (text, value) => {
    expect(fieldsOf({ id: text, consumer: text, roles: [text] })).toMatchObject({
      ...{ 'x-user-id': value, 'x-consumer-id': value, 'x-user-role': value },
    });
    expect(written(text)).toBe(value);
  });

  it('writes no two ids alike, and nothing but visible ASCII without spaces at its ends', () => {
    const random = seededRandom(42);
    const parts = ['', ' ', '%', '2', '5', '%25', '\0', '\n', 'a', 'A', 'é', 'e\u0301', '\ud83d', '\ude00', '\ufffd'];
    const ids = new Map<string, string>();
    for (let i = 0; i < 5_000; i++) {
      const id = Array.from({ length: 1 + random.int(5) }, () => random.pick(parts)).join('');
      const value = fieldsOf({ id })['x-user-id'] as string;
      expect(value).toMatch(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/);
      expect(ids.get(value) ?? id).toBe(id);
      ids.set(value, id);
      if (!/[\ud800-\udfff]/u.test(id)) expect(decodeURIComponent(value)).toBe(id);
    }
    expect(ids.size).toBeGreaterThan(1_000);
  });

  it('writes roles as JSON in ASCII, whatever is in them', () => {
    const roles = ['admin"', 'a,b', 'é😀', '\r\n\0\x7f', '\ud800', ''];
    const value = fieldsOf({ roles })['x-user-roles'] as string;
    expect(value).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(value)).toEqual(roles);
  });

  it.each<[unknown, unknown]>([
    [undefined, undefined],
    [null, undefined],
    ['', ''],
    [7, '7'],
    [false, 'false'],
    [['a', 'é'], '["a","\\u00e9"]'],
    [{ a: '\n' }, '{"a":"\\n"}'],
    ['a'.repeat(4_096), 'a'.repeat(4_096)],
    ['a'.repeat(4_097), undefined],
    ['é'.repeat(683), undefined],
    [['a'.repeat(4_092)], `["${'a'.repeat(4_092)}"]`],
    [['a'.repeat(4_093)], undefined],
    ['a'.repeat(1_000_000), undefined],
  ])('writes a claim', (value, text) => {
    expect(written(value)).toBe(text);
  });

  it('reads claims by a way through objects, and none that is inherited', () => {
    const claims = { address: { city: 'Köln' } };
    expect(
      fieldsOf({ claims }, { claims: { 'x-city': 'address.city', 'x-c': 'constructor', 'x-p': '__proto__' } }),
    ).toEqual(expect.objectContaining({ 'x-city': 'K%C3%B6ln', 'x-c': undefined, 'x-p': undefined }));
  });

  it('makes the fields of an identity once, and those of another by themselves', () => {
    const compiled = compileIdentityHeaders({});
    const [ada, other] = [fakeIdentity(), fakeIdentity()];
    expect(compiled(ada)).toBe(compiled(ada));
    expect(compiled(other)).not.toBe(compiled(ada));
  });

  it('adds the internal token, fresh beside the fields that stay', () => {
    const clock = new FakeClock();
    const compiled = compileIdentityHeaders({ internalToken: { secret, clock, expiresInMs: 10_000 } });
    const identity = fakeIdentity();
    const first = compiled(identity).fields;
    expect(first).toMatchObject({ 'x-user-id': 'ada', 'x-internal-token': expect.stringMatching(/^ey/) as unknown });
    clock.advance(5_000);
    const second = compiled(identity).fields;
    expect(second['x-internal-token']).not.toBe(first['x-internal-token']);
    expect(second['x-user-id']).toBe('ada');
    expect('constructor' in second).toBe(false);
  });

  it('writes what can stand on the wire', () => {
    const compiled = compileIdentityHeaders({ claims: { 'x-c': 'c' }, internalToken: { secret } });
    const { fields } = compiled(fakeIdentity({ id: '\r\n€', roles: ['\0'], claims: { c: { '\n': '\ud800' } } }));
    for (const value of Object.values(fields).flatMap((field) => field ?? [])) expect(isFieldValue(value)).toBe(true);
  });
});

describe('identityHeaderNames', () => {
  it('has the fields that the options add', () => {
    expect(identityHeaderNames({})).toEqual([]);
    const claims = { 'x-user-email': 'email', 'x-city': 'city' };
    expect(identityHeaderNames({ claims, internalToken: { secret } })).toEqual([
      ...['x-user-email', 'x-city', 'x-internal-token'],
    ]);
    expect(identityHeaderNames({ internalToken: { secret, header: 'authorization' } })).toEqual(['authorization']);
  });
});

describe('inspectIdentityHeaders', () => {
  function pathsOf(options: unknown): string[] {
    const faults: Fault[] = [];
    inspectIdentityHeaders(options as IdentityHeadersOptions, 'i', faults);
    return faults.map(({ path }) => path);
  }

  it('takes what it knows', () => {
    expect(pathsOf({ claims: { 'x-user-email': 'email' }, internalToken: { secret } })).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    [
      'a field that others write',
      { claims: { 'x-user-id': 'a', host: 'a' } },
      ['i.claims["x-user-id"]', 'i.claims.host'],
    ],
    ['a field in capitals', { claims: { 'X-Email': 'a' } }, ['i.claims["X-Email"]']],
    ['a field with an underscore', { claims: { x_email: 'a' } }, ['i.claims.x_email']],
    ['a field that ends a line', { claims: { 'a\r\nb': 'a' } }, ['i.claims["a\\r\\nb"]']],
    ['a claim without a name', { claims: { 'x-a': '', 'x-b': undefined } }, ['i.claims["x-a"]', 'i.claims["x-b"]']],
    ['a list of fields', { claims: ['x-a'] }, ['i.claims']],
    [
      'a claim where the token is',
      { claims: { 'x-internal-token': 'a' }, internalToken: { secret } },
      ['i.claims["x-internal-token"]'],
    ],
    ['a token that is none', { internalToken: true }, ['i.internalToken']],
    ['an unknown option', { claim: {} }, ['i.claim']],
  ])('finds %s', (_case, options, paths) => {
    expect(pathsOf(options)).toEqual(paths);
  });
});
