import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refuse } from '../../src/core/refuse.js';
import type { GatewayConfig } from '../../src/gateway/index.js';
import type { Middleware } from '../../src/core/types.js';
import { expectRefused, front, get, lines, MOUNTINGS, observe, type Front } from './front.js';

/** Stands for any policy: what it guards is never forwarded. */
const deny: Middleware = (ctx) => refuse(ctx, 'ERR_GATEWAY_REQUEST_MALFORMED', { detail: 'guarded' });

/** A public upstream with one guarded path in it; nothing is taken from the path. */
function guarded(target: string): GatewayConfig {
  return {
    routes: [
      { path: '/', target },
      { path: '/public', target, stripPrefix: false },
      { path: '/admin', target, stripPrefix: false, use: [deny] },
    ],
  };
}

/**
 * What the most obliging server would serve for a path: it decodes as often as it can, takes `\` for `/`, drops `;parameters`, merges slashes,
 * resolves dot segments and ignores case.
 */
function mostLenientPath(url: string): string {
  let path = url.replace(/[?#][^]*$/, '');
  for (let last = ''; last !== path;) {
    last = path;
    path = path.replace(/%[0-9a-f]{2}/gi, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
  }
  const segments: string[] = [];
  for (const raw of path.replaceAll('\\', '/').split('/')) {
    const segment = raw
      .replace(/;[^]*$/, '')
      .replace(/\0[^]*$/, '')
      .trim();
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment.toLowerCase());
  }
  return `/${segments.join('/')}`;
}

/** Spellings of the guarded resource. */
const ADMIN = [
  '/admin',
  '/admin/',
  '/admin/x',
  '/ADMIN',
  '/Admin/X',
  '/%61dmin',
  '/%61%64%6d%69%6e',
  '/%61%64%6D%69%6E',
  '//admin',
  '///admin',
  '//admin//x',
  '/admin;x',
  '/admin;x=1/y',
  '/admin;',
  '/ADMIN;jsessionid=1',
  '/admin?x',
  '/admin/?../public',
  '/admin?/../public',
  'http://gateway.test/admin',
  'http://gateway.test//admin',
  'http://gateway.test/%61dmin',
];

/** What servers read differently: some see the guarded resource, some do not. */
const AMBIGUOUS = [
  '/public/../admin',
  '/public/x/../../admin',
  '/public/%2e%2e/admin',
  '/public/%2E%2E/admin',
  '/public/%2E./admin',
  '/public/.%2e/admin',
  '/public/..%2fadmin',
  '/public/..%2Fadmin',
  '/public%2f..%2fadmin',
  '/public/%2e%2e%2fadmin',
  '/public/..;/admin',
  '/public/..;x=y/admin',
  '/public/%2e%2e;/admin',
  '/public/..%3b/admin',
  '/public/..%3B/admin',
  '/public/;/../admin',
  '/public\\..\\admin',
  '/public/..\\admin',
  '/public\\../admin',
  '/public%5c..%5cadmin',
  '/public/..%5cadmin',
  '/public/%2e%2e%5Cadmin',
  '/\\admin',
  '\\admin',
  '/./admin',
  '/%2e/admin',
  '/.;/admin',
  '/.%2fadmin',
  '/admin/.',
  '/admin/..',
  '/admin/%2e',
  '/admin/./',
  '/admin/../admin',
  '/admin%2f..',
  '/;/admin',
  '/;x/admin',
  '/%3b/admin',
  '/../admin',
  '/..',
  '/.',
  '/../../../../etc/passwd',
  '//../admin',
  '/public//../admin',
  '/public/..//admin',
  '/public/..',
  '/public/..?x',
  'http://gateway.test/public/../admin',
  'http://gateway.test/../admin',
  'http://gateway.test\\admin',
];

describe.each(MOUNTINGS)('the policy of a path, %s', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(guarded, { mounting });
  });

  afterAll(() => gateway.close());

  it.each(ADMIN)('holds for %s (row 20)', async (target) => {
    const { body } = (await expectRefused(gateway, get(target))).response ?? {};
    expect(JSON.parse(body?.toString() ?? '{}')).toMatchObject({ detail: 'guarded' });
  });

  it.each(AMBIGUOUS)('is not asked for %s, which is refused (row 20)', async (target) => {
    const { body } = (await expectRefused(gateway, get(target))).response ?? {};
    expect(body?.toString() ?? '').not.toContain('guarded');
  });

  it.each(['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PROPFIND'])('holds for %s (row 20)', async (method) => {
    const data = lines(`${method} /%61dmin HTTP/1.1`, 'Host: gateway.test', '');
    const { bytes, response } = await observe(gateway, data, method === 'HEAD');
    expect(response?.status).toBe(400);
    expect(bytes).toBe('');
  });

  it.each([
    'X-Original-URL: /admin',
    'X-Rewrite-URL: /admin',
    'X-Forwarded-Path: /admin',
    'X-Forwarded-Prefix: /admin',
    'X-Forwarded-Uri: /admin',
  ])('is that of the request line, whatever %s says (row 20)', async (field) => {
    const { arrived } = await observe(gateway, get('/public', field));
    expect(arrived.map(({ url }) => url)).toEqual(['/public']);
  });

  it.each([
    ['/public/./x', null],
    ['/public//x', '/public/x'],
    ['//public///x//', '/public/x/'],
    ['/%70ublic/%7euser', '/public/~user'],
    ['/public/%c3%a4', '/public/%C3%A4'],
    ['/public;x/y;z=1', '/public;x/y;z=1'],
    ['/PUBLIC/X', '/PUBLIC/X'],
    ['/public/...', '/public/...'],
    ['/public/..x', '/public/..x'],
    ['/public/.well-known', '/public/.well-known'],
    ['/public/x..', '/public/x..'],
    ['/public/a.b', '/public/a.b'],
  ])('was read from the form that goes upstream: %s becomes %s (row 20)', async (sent, forwarded) => {
    const { arrived, response } = await observe(gateway, get(sent));
    expect(arrived.map(({ url }) => url)).toEqual(forwarded === null ? [] : [forwarded]);
    expect(response?.status).toBe(forwarded === null ? 400 : 200);
  });

  it('survives every mix of separators, dots and letters: nothing that a server could take for it comes through (row 20)', async () => {
    const separators = ['/', '//', '%2f', '%5c', '\\', ';/', '/;/', '/.;/', '%3b/'];
    const dots = ['..', '.', '%2e%2e', '.%2e', '..;', '..%3b', '%252e%252e', '', 'x'];
    const names = ['admin', '%61dmin', 'ADMIN', 'admin;x'];
    const data = separators.flatMap((left) =>
      dots.flatMap((dot) => separators.flatMap((right) => names.map((name) => `/public${left}${dot}${right}${name}`))),
    );
    expect(data.length).toBeGreaterThan(2_000);
    const { parseTarget } = await import('../../src/core/path.js');
    const { Router } = await import('../../src/router/index.js');
    const router = new Router<string>().add('/', 'open').add('/public', 'public').add('/admin', 'guarded');
    const escaped = data.filter((target) => {
      const request = parseTarget(target);
      if (request === null) return false;
      const match = router.match(request);
      const isGuarded = match?.kind === 'found' && match.value === 'guarded';
      return !isGuarded && mostLenientPath(request.rawPath.replaceAll('%25', 'x')).startsWith('/admin');
    });
    expect(escaped).toEqual([]);
  });
});

describe('a route with its prefix taken off', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front((target) => ({
      routes: [
        { path: '/alive', target, stripPrefix: false },
        { path: '/api/users', target },
        { path: '/based', target: `${target}/v1/base` },
        { path: '/rewritten', target, rewrite: '/new' },
        { path: '/files/:name/raw', target, rewrite: '/raw/:name' },
        { path: '/regex', target, pathRewrite: { '^/regex': '' } },
        { path: '/decoded', target, pathRewrite: (path) => decodeURIComponent(path) },
        { path: '/glued', target, pathRewrite: (path) => path.replace('/glued/', '') },
      ],
    }));
  });

  afterAll(() => gateway.close());

  it.each([
    ['/api/users', '/'],
    ['/api/users/', '/'],
    ['/api/users?', '/?'],
    ['/api/users/?', '/?'],
    ['/api/users/42', '/42'],
    ['/api/users/42/', '/42/'],
    ['/api/users?a=1&a=2', '/?a=1&a=2'],
    ['/api/users/42?a=&b&&=', '/42?a=&b&&='],
    ['/api/users/42??', '/42??'],
    ['/api/users/42?x=/../y', '/42?x=/../y'],
    ['/api/users/42?x=%2e%2F%zz%', '/42?x=%2e%2F%zz%'],
    ['/api/users/42?x=a//b;c\\d', '/42?x=a//b;c\\d'],
    ['/api/users/42?x=http://evil.test/', '/42?x=http://evil.test/'],
    ['/api/users/42?x=[1]{2}|"^`', '/42?x=[1]{2}|"^`'],
    ['/based', '/v1/base'],
    ['/based/x', '/v1/base/x'],
    ['/based?x', '/v1/base?x'],
    ['/rewritten', '/new'],
    ['/rewritten/x?y', '/new/x?y'],
  ])('sends %s as %s, the query byte for byte (row 24)', async (sent, url) => {
    const { bytes, response } = await observe(gateway, get(sent));
    expect(response?.status).toBe(200);
    expect(bytes.split('\r\n')[0]).toBe(`GET ${url} HTTP/1.1`);
  });

  it.each([
    '/api/users-admin',
    '/api/usersx',
    '/api/users.json',
    '/api/users%2fx',
    '/api/user',
    '/api',
    '/x/api/users',
  ])('does not take %s (row 24)', async (target) => {
    const { bytes, response } = await observe(gateway, get(target));
    expect(response?.status).toBe(404);
    expect(bytes).toBe('');
  });

  it.each([
    ['/api/users/a%2fb', '/a%2Fb'],
    ['/api/users/a%2Fb', '/a%2Fb'],
    ['/api/users/%2f', '/%2F'],
    ['/api/users/%252e%252e', '/%252e%252e'],
    ['/api/users/%252e%252e%252fadmin', '/%252e%252e%252fadmin'],
    ['/api/users/%252F', '/%252F'],
    ['/api/users/%25', '/%25'],
    ['/api/users/%2500', '/%2500'],
    ['/api/users/a%5cb', '/a%5Cb'],
    ['/files/a%2fb/raw', '/raw/a%2Fb'],
    ['/files/%252e%252e/raw', '/raw/%252e%252e'],
    ['/files/a%3fb/raw', '/raw/a%3Fb'],
    ['/files/a%23b/raw', '/raw/a%23b'],
    ['/regex/a%2fb', '/a%2Fb'],
  ])('decodes nothing that it forwards: %s goes as %s (row 21)', async (sent, url) => {
    const { arrived } = await observe(gateway, get(sent));
    expect(arrived.map((request) => request.url)).toEqual([url]);
  });

  it.each([
    ['/api/users//evil.test/x', '/evil.test/x'],
    ['/api/users///evil.test/x', '/evil.test/x'],
    ['/api/users/@evil.test/x', '/@evil.test/x'],
    ['/api/users/:80/x', '/:80/x'],
    ['/api/users/.evil.test/x', '/.evil.test/x'],
    ['/api/users/http://evil.test/x', '/http:/evil.test/x'],
    ['/api/users/%2f%2fevil.test/x', '/%2F%2Fevil.test/x'],
    ['/api/users/%40evil.test/x', '/%40evil.test/x'],
    ['/based//evil.test', '/v1/base/evil.test'],
    ['/based/@evil.test', '/v1/base/@evil.test'],
    ['/rewritten//evil.test', '/new/evil.test'],
    ['/rewritten/@evil.test', '/new/@evil.test'],
    ['/files/@evil.test/raw', '/raw/@evil.test'],
    ['/regex//evil.test/x', '/evil.test/x'],
    ['/regex@evil.test/x', null],
    ['/regex.evil.test/x', null],
    ['/regex:80/x', null],
    ['/regex/@evil.test', '/@evil.test'],
    ['/glued/@evil.test/x', '/@evil.test/x'],
    ['/glued/.evil.test/x', '/.evil.test/x'],
    ['/glued/:80/x', '/:80/x'],
    ['/glued/http://evil.test/x', '/http:/evil.test/x'],
    ['/glued//evil.test/x', '/evil.test/x'],
  ])('never changes the authority: %s goes as %s to the same upstream (row 23)', async (sent, url) => {
    const { arrived, bytes } = await observe(gateway, get(sent));
    expect(arrived.map((request) => request.url)).toEqual(url === null ? [] : [url]);
    if (url !== null) expect(bytes.match(/^host:.*$/gim)).toEqual(['host: gateway.test']);
  });

  it.each(['//evil.test/x', '//evil.test:80', '//user@evil.test/x', '/\\evil.test/x'])(
    'has no authority in %s: 400 or 404, and nothing is sent (row 23)',
    async (target) => {
      const { bytes, response } = await observe(gateway, get(target));
      expect([400, 404]).toContain(response?.status);
      expect(bytes).toBe('');
    },
  );

  it.each(['@evil.test', '@evil.test/x', '.evil.test/x', ':80/x', 'evil.test/x', '?x', '#x', '%2fx', 'api/users', ''])(
    'takes no target without a slash ahead: %j (row 23)',
    async (target) => {
      await expectRefused(gateway, get(target));
    },
  );

  it.each([
    '/decoded/%252e%252e/admin',
    '/decoded/x%2f..%2fadmin',
    '/decoded/a%0d%0aX-Injected:%201',
    '/decoded/a%20HTTP/1.1%0d%0aHost:%20evil.test%0d%0a%0d%0a',
    '/decoded/a%0ab',
    '/decoded/a%09b',
    '/decoded/%c3%a4',
    '/decoded/%e2%82%ac',
    '/decoded/a%23b',
    '/decoded/a%7f',
    '/decoded/%zz',
    '/decoded/a%20b',
    '/decoded/a%5cb',
    '/glued/%2e%2e/admin',
    '/regex../admin',
  ])('refuses what a rewrite makes of %s, and injects nothing (rows 20, 22)', async (target) => {
    const { bytes, response } = await observe(gateway, get(target));
    expect(bytes).toBe('');
    expect([400, 404]).toContain(response?.status);
  });
});

describe('a regular expression that takes a prefix of a segment', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front((target) => ({
      routes: [{ path: '/', target, pathRewrite: { '^/api': '', '^/host(.*)$': '$1', '^/slashes/(.*)$': '//$1' } }],
    }));
  });

  afterAll(() => gateway.close());

  it.each([
    ['/api@evil.test/x', '/@evil.test/x'],
    ['/api.evil.test/x', '/.evil.test/x'],
    ['/api:80/x', '/:80/x'],
    ['/apihttp://evil.test/x', '/http:/evil.test/x'],
    ['/host@evil.test', '/@evil.test'],
    ['/host//evil.test', '/evil.test'],
    ['/slashes/evil.test/x', '/evil.test/x'],
    ['/api', '/'],
    ['/api?x', '/?x'],
  ])('leaves the authority alone: %s goes as %s (row 23)', async (sent, url) => {
    const { bytes } = await observe(gateway, get(sent));
    expect(bytes.split('\r\n')[0]).toBe(`GET ${url} HTTP/1.1`);
    expect(bytes.match(/^host:.*$/gim)).toEqual(['host: gateway.test']);
  });

  it.each([
    '/api../admin',
    '/api..;/admin',
    '/api.;x/admin',
    '/api;x/admin',
    '/api..',
    '/host../admin',
    '/host..%2fadmin',
  ])('puts no dot segment together: %s is refused (row 20)', async (target) => {
    await expectRefused(gateway, get(target));
  });
});

describe.each(MOUNTINGS)('a malformed path, %s', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(undefined, { mounting });
  });

  afterAll(() => gateway.close());

  it.each([
    '/%00',
    '/a%00b',
    '/a%00.png',
    '/%zz',
    '/%',
    '/%2',
    '/a%2',
    '/%2g',
    '/%g2',
    '/%%32e',
    '/%u002e',
    '/%-1',
    '/a#b',
    '/#',
    '/a?b#c',
    '/a\\b',
    '/a\\',
    '/a\x7f',
    '/a\0b',
    '/a\tb',
    '/a\vb',
    '/a\x1b[31m',
    '/\u00e4',
    '/\u0080',
    '/\u00ff',
    '/\u00c0\u00ae\u00c0\u00ae/admin',
    '/a?\u00e4',
    '/a?\0',
  ])('%j is refused (row 22)', async (target) => {
    await expectRefused(gateway, get(target));
  });

  it('with a space is refused (row 22)', async () => {
    await expectRefused(gateway, get('/a b'));
  });

  it.each(['/%c0%ae%c0%ae/admin', '/%ff', '/%e0%80%ae', '/%0d%0aX-Injected:%201', '/%0a', '/%20', '/%e2%80%a8'])(
    'is none in %s: the bytes stay encoded on their way (rows 21, 22)',
    async (target) => {
      const { arrived, bytes } = await observe(gateway, get(target));
      expect(arrived.map(({ url }) => url.toLowerCase())).toEqual([target.toLowerCase()]);
      expect(bytes).not.toMatch(/^x-injected:/im);
    },
  );
});
