import { describe, expect, it } from 'vitest';
import { session } from '../../../src/auth/session/session.js';
import { isAuthFailure } from '../../../src/auth/strategy.js';
import type { HeaderMap } from '../../../src/core/types.js';
import { fakeContext } from '../../support/request.js';

const strategy = session({
  lookup: () => ({ id: 'u-1' }),
  cookie: 'sid',
  trustedOrigins: ['https://app.shop.test', 'https://other.test:8443'],
});

async function passes(headers: HeaderMap, method = 'POST', host = 'shop.test'): Promise<boolean> {
  const result = await strategy.authenticate(fakeContext({ method, host, headers: { cookie: 'sid=1', ...headers } }));
  if (!isAuthFailure(result)) return result?.id === 'u-1';
  expect(result.reason).toMatch(/^cross-site request/);
  return false;
}

describe('a session takes a request that may change something', () => {
  it.each<[string, HeaderMap, string?]>([
    ['of no browser', {}],
    ['of the same origin', { 'sec-fetch-site': 'same-origin', origin: 'https://shop.test' }],
    ['that a user has made by hand', { 'sec-fetch-site': 'none' }],
    [
      'of the same origin, whatever the host is behind a proxy',
      { 'sec-fetch-site': 'same-origin', origin: 'https://a.test' },
    ],
    ['of the same host in an older browser', { origin: 'https://shop.test' }],
    ['of the same host without TLS', { origin: 'http://shop.test' }],
    ['of the same host in another case', { origin: 'https://shop.test' }, 'Shop.Test'],
    ['of the same host and port', { origin: 'http://shop.test:8080' }, 'shop.test:8080'],
    ['of a trusted origin', { origin: 'https://app.shop.test', 'sec-fetch-site': 'same-site' }],
    ['of a trusted origin elsewhere', { origin: 'https://other.test:8443', 'sec-fetch-site': 'cross-site' }],
  ])('%s', async (_case, headers, host) => {
    expect(await passes(headers, 'POST', host)).toBe(true);
  });
});

describe('a session refuses a request that may change something', () => {
  it.each<[string, HeaderMap, string?]>([
    ['of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' }],
    ['of another site without Origin', { 'sec-fetch-site': 'cross-site' }],
    ['of another site that calls itself ours', { 'sec-fetch-site': 'cross-site', origin: 'https://shop.test' }],
    ['of a sibling', { 'sec-fetch-site': 'same-site', origin: 'https://blog.shop.test' }],
    ['of another site in an older browser', { origin: 'https://evil.test' }],
    ['of another port', { origin: 'https://shop.test:444' }],
    ['of a host that begins alike', { origin: 'https://shop.test.evil.test' }],
    ['of a host that ends alike', { origin: 'https://evilshop.test' }],
    ['of a trusted origin without TLS', { origin: 'http://app.shop.test' }],
    ['of an origin that hides itself', { origin: 'null' }],
    ['of an empty origin', { origin: '' }],
    ['of two origins', { origin: 'https://shop.test, https://evil.test' }],
    ['with a field that browsers do not write so', { 'sec-fetch-site': 'same-origin, cross-site' }],
    ['without a host', { origin: 'https://evil.test' }, ''],
  ])('%s', async (_case, headers, host) => {
    expect(await passes(headers, 'POST', host)).toBe(false);
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'TRACE', 'PURGE'])('with the method %s', async (method) => {
    expect(await passes({ 'sec-fetch-site': 'cross-site' }, method)).toBe(false);
  });

  it('that opens a WebSocket', async () => {
    const upgrade = { upgrade: 'websocket', connection: 'Upgrade' };
    expect(await passes({ ...upgrade, origin: 'https://evil.test' }, 'GET')).toBe(false);
    expect(await passes({ ...upgrade, origin: 'https://shop.test' }, 'GET')).toBe(true);
  });
});

describe('a session takes a request of another site', () => {
  it.each(['GET', 'HEAD', 'OPTIONS'])('with the method %s, which changes nothing', async (method) => {
    expect(await passes({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' }, method)).toBe(true);
  });

  it('that has no cookie for what it is: one without credentials', () => {
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect(strategy.authenticate(fakeContext({ method: 'POST', headers }))).toBe(null);
  });
});

describe('a signed session', () => {
  it('is held to the same', () => {
    const signed = session({ secrets: 'a-secret-of-at-least-thirty-two-bytes', sameSite: 'none' });
    const [cookie] = signed.create({ sub: 'u-1' }).split(';');
    const headers: HeaderMap = { cookie, 'sec-fetch-site': 'cross-site' };
    expect(signed.authenticate(fakeContext({ method: 'POST', headers }))).toMatchObject({ failure: 'invalid' });
    expect(signed.authenticate(fakeContext({ headers }))).toMatchObject({ id: 'u-1' });
  });
});
