import { describe, expect, it } from 'vitest';
import { ConfigError, type Fault } from '../../../src/core/options.js';
import { inspectRewriteUrlsOptions, rewriteUrls, type RewriteUrlsOptions } from '../../../src/transforms/urls/index.js';

const URLS = { 'http://users:3001': '/users' };

function faultsOf(options: unknown): readonly Fault[] {
  try {
    rewriteUrls(options as RewriteUrlsOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('options of rewriteUrls', () => {
  it.each([
    { urls: URLS },
    { urls: { 'https://users.internal/v1': 'https://api.example.com/users', 'ws://[::1]:9000': 'wss://a.b' } },
    { urls: { 'http://users:3001': '/' } },
    { urls: URLS, headers: [], types: [], requestHeaders: [], maxBodyBytes: 0 },
    { urls: URLS, headers: ['x-url'], types: ['text/*', 'application/hal+json'], maxBodyBytes: Infinity },
    { urls: { 'http://a.test': 'https://a.test', 'http://b.test:1': 'http://b.test:10' } },
  ])('takes %o', (options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  it('tells every fault at once, with its place', () => {
    const faults = faultsOf({
      urls: { 'http://users:3001/': '/a', 'http://orders': 'orders', 'http://x': 7 },
      header: [],
      headers: ['Location'],
      types: ['json', 'text/html; charset=utf-8'],
      maxBodyBytes: -1,
      requestHeaders: 'referer',
    });
    expect(faults.map(({ path }) => path)).toEqual([
      'urls',
      'urls["http://orders"]',
      'urls["http://x"]',
      'header',
      'headers[0]',
      'types[0]',
      'types[1]',
      'maxBodyBytes',
      'requestHeaders',
    ]);
    expect(faults[0]?.message).toContain('got the key "http://users:3001/"');
    expect(faults[3]?.message).toContain('did you mean headers?');
  });

  it.each([undefined, null, {}, { urls: {} }, { urls: [] }, { urls: 'http://users' }])('refuses %o', (options) => {
    expect(faultsOf(options)).toHaveLength(1);
  });

  it.each([
    'users:3001',
    '//users',
    'ftp://users',
    'http://',
    'http://users?a',
    'http://users/#',
    'http://a b',
    'http://ü',
    'http://u:99999',
    '__proto__',
    'http://u/"',
  ])('refuses the internal URL %s', (internal) => {
    expect(faultsOf({ urls: JSON.parse(JSON.stringify({ [internal]: '/a' })) as unknown })).toHaveLength(1);
  });

  it.each(['', 'a', '//evil', '/a/', "/a'", '/a b', 'https://a.b/', 'https://a.b/"', 'javascript:1', '/a//b'])(
    'refuses the external URL %j',
    (external) => {
      expect(faultsOf({ urls: { 'http://users': external } })).toHaveLength(1);
    },
  );

  it('shows no password', () => {
    const [fault, ...others] = faultsOf({ urls: { 'http://me:secret@users': '/a' } });
    expect(others).toEqual([]);
    expect(JSON.stringify(fault)).not.toContain('secret');
    expect(JSON.stringify(faultsOf({ urls: { 'http://users': 'https://me:secret@a.b' } }))).not.toContain('secret');
  });

  it('refuses what would be rewritten once more', () => {
    const own = faultsOf({ urls: { 'https://shop.test': 'https://SHOP.test/app' } });
    expect(own).toEqual([
      { path: 'urls["https://shop.test"]', message: expect.stringContaining('which is internal itself') as string },
    ]);
    const others = faultsOf({ urls: { 'http://a': 'http://b/x', 'http://b': 'http://c' } });
    expect(others.map(({ path }) => path)).toEqual(['urls["http://a"]']);
  });

  it('refuses one URL in two spellings', () => {
    expect(faultsOf({ urls: { 'http://users': '/a', 'HTTP://Users': '/b' } })).toEqual([
      { path: 'urls["HTTP://Users"]', message: 'is "http://users" once more; keep one of the two' },
    ]);
  });

  it('can be embedded at a path of another config', () => {
    const faults: Fault[] = [];
    inspectRewriteUrlsOptions({ urls: { nonsense: '/a' }, maxBodyBytes: 0.5 }, 'routes[2].rewriteUrls', faults);
    expect(faults.map(({ path }) => path)).toEqual([
      'routes[2].rewriteUrls.urls',
      'routes[2].rewriteUrls.maxBodyBytes',
    ]);
  });
});
