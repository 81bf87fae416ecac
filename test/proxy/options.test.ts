import { describe, expect, it } from 'vitest';
import { ConfigError, type Fault } from '../../src/core/options.js';
import { HttpProxy } from '../../src/proxy/http-proxy.js';
import { proxy } from '../../src/proxy/index.js';
import { inspectPathRules } from '../../src/proxy/options.js';

/** Takes no connection: what is tested is only whether the options pass. */
const dispatcher = { dispatch: () => true };

function faultsOf(options: object): readonly Fault[] {
  try {
    new HttpProxy({ dispatcher, ...options });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

function pathsOf(options: object): string[] {
  return faultsOf({ target: 'http://users:3001', ...options }).map(({ path }) => path);
}

describe('target', () => {
  it.each([
    'http://users',
    'http://users:3001/',
    'https://users:3001/base/path',
    'http://[::1]:3001',
    'http://127.0.0.1',
  ])('may be %j', (target) => {
    expect(faultsOf({ target })).toEqual([]);
  });

  it.each([
    'users:3001',
    'users',
    '',
    '/users',
    'ftp://users',
    'file:///etc/passwd',
    'unix:/run/x.sock',
    'ws://users',
    'http://',
    'http://user@users',
    'http://user:password@users',
    'http://:password@users',
    'http://users?a=1',
    'http://users#a',
    'http://users:99999',
    'javascript:alert(1)',
    5,
    null,
    [],
    {},
  ])('may not be %j', (target) => {
    expect(faultsOf({ target }).map(({ path }) => path)).toEqual(['target']);
  });

  it('is one: several are the business of a balancer', () => {
    expect(faultsOf({ target: ['http://a', 'http://b'] }).map(({ path }) => path)).toEqual(['target']);
  });

  it('may be missing, where every request has a destination', () => {
    expect(faultsOf({})).toEqual([]);
  });

  it('keeps a password out of the message', () => {
    const [fault] = faultsOf({ target: 'http://user:hunter2@users' });
    expect(fault?.message).not.toMatch(/hunter2/);
  });
});

describe('other options', () => {
  it.each([
    { timeouts: { connectMs: 1, firstByteMs: 1, idleMs: Infinity, totalMs: Infinity } },
    { timeouts: {} },
    { changeOrigin: true, rewriteLocation: false, responseTimeHeader: true, versionHeader: false },
    { defaultContentType: 'application/json' },
    { maxResponseBytes: 0 },
    { maxResponseBytes: Infinity },
    { maxConnections: 1, maxQueue: 0, keepAliveMs: 1 },
    { socketPath: '/run/x.sock' },
    { tls: { ca: 'pem', cert: Buffer.from('pem'), key: 'pem', servername: 'x' } },
    { tls: { ca: ['pem', Buffer.from('pem')] } },
    { rewrite: '/v1/:id/*' },
    { stripPrefix: false },
    { pathRewrite: { '^/api': '' } },
    { pathRewrite: () => '/' },
    { cookieDomainRewrite: '', cookiePathRewrite: false },
    { cookieDomainRewrite: { a: 'b', '*': '' } },
  ])('%j are none of the faults', (options) => {
    expect(pathsOf(options)).toEqual([]);
  });

  it.each<[object, string]>([
    [{ timeouts: { connectMs: 0 } }, 'timeouts.connectMs'],
    [{ timeouts: { connectMs: Infinity } }, 'timeouts.connectMs'],
    [{ timeouts: { firstByteMs: 0 } }, 'timeouts.firstByteMs'],
    [{ timeouts: { firstByteMs: '30s' } }, 'timeouts.firstByteMs'],
    [{ timeouts: { idleMs: -1 } }, 'timeouts.idleMs'],
    [{ timeouts: { totalMs: 1.5 } }, 'timeouts.totalMs'],
    [{ timeouts: { totalMs: Number.NaN } }, 'timeouts.totalMs'],
    [{ timeouts: { connectms: 1 } }, 'timeouts.connectms'],
    [{ timeouts: 5 }, 'timeouts'],
    [{ changeOrigin: 'true' }, 'changeOrigin'],
    [{ defaultContentType: '' }, 'defaultContentType'],
    [{ maxResponseBytes: -1 }, 'maxResponseBytes'],
    [{ maxResponseBytes: '1mb' }, 'maxResponseBytes'],
    [{ maxConnections: 0 }, 'maxConnections'],
    [{ maxConnections: Infinity }, 'maxConnections'],
    [{ maxQueue: -1 }, 'maxQueue'],
    [{ keepAliveMs: 0 }, 'keepAliveMs'],
    [{ socketPath: '' }, 'socketPath'],
    [{ tls: { rejectUnauthorized: false } }, 'tls.rejectUnauthorized'],
    [{ tls: { ca: 5 } }, 'tls.ca'],
    [{ tls: { ca: ['pem', 5] } }, 'tls.ca[1]'],
    [{ tls: { key: '' } }, 'tls.key'],
    [{ tls: true }, 'tls'],
    [{ dispatcher: {} }, 'dispatcher'],
    [{ dispatcher: null }, 'dispatcher'],
    [{ stripPrefix: 'yes' }, 'stripPrefix'],
    [{ rewrite: 'v1' }, 'rewrite'],
    [{ rewrite: '/v1?a' }, 'rewrite'],
    [{ rewrite: '/v1#a' }, 'rewrite'],
    [{ rewrite: '/v1 x' }, 'rewrite'],
    [{ rewrite: '' }, 'rewrite'],
    [{ pathRewrite: '/v1' }, 'pathRewrite'],
    [{ pathRewrite: { '^/api': 5 } }, 'pathRewrite'],
    [{ rewriteLocation: 1 }, 'rewriteLocation'],
    [{ cookieDomainRewrite: true }, 'cookieDomainRewrite'],
    [{ cookieDomainRewrite: { a: 5 } }, 'cookieDomainRewrite.a'],
    [{ cookiePathRewrite: 5 }, 'cookiePathRewrite'],
    [{ responseTimeHeader: 'x-time' }, 'responseTimeHeader'],
    [{ versionHeader: 0 }, 'versionHeader'],
    [{ targets: [] }, 'targets'],
    [{ constructor: 1 }, 'constructor'],
  ])('%j is a fault at %s', (options, path) => {
    const paths = pathsOf(options);
    expect(paths).toHaveLength(1);
    expect(paths[0]).toMatch(new RegExp(`^${path.replace(/[[\].]/g, '\\$&')}`));
  });

  it('tells every fault at once, and the name that was meant', () => {
    const faults = faultsOf({ target: 'x', timeouts: { firstByteMS: 1 }, chnageOrigin: true, maxQueue: -1 });
    expect(faults.map(({ path }) => path).sort()).toEqual([
      'chnageOrigin',
      'maxQueue',
      'target',
      'timeouts.firstByteMS',
    ]);
    const messages = Object.fromEntries(faults.map(({ path, message }) => [path, message]));
    expect(messages.chnageOrigin).toBe('unknown option; did you mean changeOrigin?');
    expect(messages['timeouts.firstByteMS']).toBe('unknown option; did you mean firstByteMs?');
  });

  it('leaves out what is undefined', () => {
    expect(pathsOf({ timeouts: undefined, rewrite: undefined, tls: undefined, versionHeader: undefined })).toEqual([]);
  });
});

describe('pathRewrite', () => {
  it.each([
    ['(', /^no regular expression: /],
    ['[a', /^no regular expression: /],
    ['(a+)+', /slow.*repeated group.*simpler pattern or a function/],
    ['.*.*.*', /slow.*more than two unbounded repetitions/],
    ['(a)\\1', /slow.*backreference/],
  ])('%j is a fault that says why', (pattern, message) => {
    const faults = faultsOf({ target: 'http://users', pathRewrite: { '^/ok': '', [pattern]: '' } });
    expect(faults).toEqual([
      { path: `pathRewrite[${JSON.stringify(pattern)}]`, message: expect.stringMatching(message) as string },
    ]);
  });
});

describe('path rules', () => {
  it.each([
    [{ stripPrefix: true, rewrite: '/v1' }, 'stripPrefix and rewrite'],
    [{ rewrite: '/v1', pathRewrite: { a: 'b' } }, 'rewrite and pathRewrite'],
    [{ stripPrefix: false, rewrite: '/v1', pathRewrite: { a: 'b' } }, 'stripPrefix and rewrite and pathRewrite'],
  ])('%j contradict each other', (options, names) => {
    const message = `${names} contradict each other; keep one`;
    expect(faultsOf({ target: 'http://users', ...options })).toEqual([{ path: 'options', message }]);
    const faults: Fault[] = [];
    inspectPathRules(options, 'routes[3]', faults);
    expect(faults).toEqual([{ path: 'routes[3]', message }]);
  });
});

describe('proxy()', () => {
  it('refuses what HttpProxy refuses', () => {
    expect(() => proxy({ target: 'users' })).toThrow(ConfigError);
    expect(() => proxy({ target: 'users' })).toThrow(/proxy cannot start, 1 fault:\n {2}target: got "users"/);
  });
});
