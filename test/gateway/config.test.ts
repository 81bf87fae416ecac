import { describe, expect, it } from 'vitest';
import { ConfigError, type Fault } from '../../src/core/options.js';
import { createGateway, type GatewayConfig } from '../../src/gateway/index.js';

function faultsOf(config: unknown): readonly Fault[] {
  try {
    createGateway(config as GatewayConfig);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const target = 'http://users:3001';
const messagesOf = (config: unknown): string[] => faultsOf(config).map(({ path, message }) => `${path}: ${message}`);
const pathsOf = (config: unknown): string[] => faultsOf(config).map(({ path }) => path);

describe('a config that cannot be right', () => {
  it('tells all of its faults at once, each with its path', () => {
    const config = {
      routes: [
        { path: 'api', target },
        { path: '/users', target: 'users:3001', methods: ['get'], timeouts: { firstByteMs: 0 } },
        { path: '/orders', target, maxBodyBytes: '1mb', maxConnections: 0 },
      ],
      defaults: { timeouts: { idelMs: 5 } },
      trustProxy: true,
      health: { path: 'health' },
      accessLog: { sink: 'stdout' },
      requestId: 'yes',
    };
    expect(pathsOf(config).sort()).toEqual(
      [
        'routes[0].path',
        'routes[1].target',
        'routes[1].methods[0]',
        'routes[1].timeouts.firstByteMs',
        'routes[2].maxBodyBytes',
        'routes[2].maxConnections',
        'defaults.timeouts.idelMs',
        'trustProxy',
        'health.path',
        'accessLog.sink',
        'requestId',
      ].sort(),
    );
  });

  it('is an error whose message has every fault on a line of its own, and whose code is stable', () => {
    const build = (): unknown => createGateway({ routes: [{ path: '/a' }, { path: '/b' }] });
    expect(build).toThrow(ConfigError);
    expect(build).toThrow(/^gateway cannot start, 2 faults:\n {2}routes\[0\]: .+\n {2}routes\[1\]: .+$/);
    expect(build).toThrow(expect.objectContaining({ code: 'ERR_GATEWAY_CONFIG_INVALID' }));
  });

  it.each([
    [{ routs: [] }, 'routs', 'routes'],
    [{ routes: [{ path: '/', tagret: target }] }, 'routes[0].tagret', 'target'],
    [{ routes: [{ path: '/', target, maxBodyByte: 1 }] }, 'routes[0].maxBodyByte', 'maxBodyBytes'],
    [{ routes: [{ path: '/', target, timeouts: { conectMs: 1 } }] }, 'routes[0].timeouts.conectMs', 'connectMs'],
    [{ routes: [{ path: '/', target, tls: { servernam: 'a' } }] }, 'routes[0].tls.servernam', 'servername'],
    [{ routes: [{ path: '/', target }], defaults: { stripprefix: true } }, 'defaults.stripprefix', 'stripPrefix'],
    [{ routes: [{ path: '/', target }], healht: false }, 'healht', 'health'],
  ])('names the nearest option to a typing slip: %j', (config, path, nearest) => {
    expect(messagesOf(config)).toContain(`${path}: unknown option; did you mean ${nearest}?`);
  });

  it('lists the options where nothing is near', () => {
    expect(messagesOf({ routes: [{ path: '/', target, xyzzyxyzzy: 1 }] })[0]).toMatch(
      /^routes\[0\]\.xyzzyxyzzy: unknown option; the options here are path, .*target/,
    );
  });

  it.each([
    ['no config', undefined],
    ['null', null],
    ['a list', []],
    ['a text', 'routes'],
    ['no routes', {}],
    ['an empty list of routes', { routes: [] }],
    ['a route that is none', { routes: [null] }],
    ['routes as an object', { routes: { '/': target } }],
  ])('refuses %s', (_what, config) => {
    expect(faultsOf(config)).not.toEqual([]);
  });

  it('refuses a route that goes nowhere, and one that goes to two places', () => {
    expect(messagesOf({ routes: [{ path: '/a' }] })).toEqual([
      'routes[0]: goes nowhere; write one of target, upstream, respond, split, version, tenant',
    ]);
    expect(messagesOf({ routes: [{ path: '/a', target, respond: { body: 'x' } }] })).toEqual([
      'routes[0]: target and respond exclude each other; keep one',
    ]);
  });

  it.each([
    'users:3001',
    'ftp://users',
    'http://user:secret@users',
    'http://users?x=1',
    'http://users#x',
    '//users',
    '/users',
    '',
    'http://',
  ])('refuses the target %j', (wrong) => {
    expect(pathsOf({ routes: [{ path: '/', target: wrong }] })).toEqual(['routes[0].target']);
    expect(pathsOf({ routes: [{ path: '/', target: [target, wrong] }] })).toEqual(['routes[0].target[1]']);
  });

  it('keeps the password of a target out of its message', () => {
    const [message] = messagesOf({ routes: [{ path: '/', target: 'http://user:hunter2@users' }] });
    expect(message).toContain('routes[0].target');
    expect(message).not.toContain('hunter2');
  });

  it('refuses rules for the path that contradict each other', () => {
    const config = { routes: [{ path: '/', target, stripPrefix: true, rewrite: '/x' }] };
    expect(messagesOf(config)).toEqual(['routes[0]: stripPrefix and rewrite contradict each other; keep one']);
  });

  it('refuses a rewrite with a name that the path has not', () => {
    const config = { routes: [{ path: '/users/:id', target, rewrite: '/u/:user' }] };
    expect(messagesOf(config)).toEqual(["routes[0].rewrite: :user is no parameter of '/users/:id'"]);
  });

  it.each(['(a+)+$', '(a|aa)*$', '([a-z]+)*!', '(.*)(.*)(.*)x', '('])('refuses the pattern %j', (pattern) => {
    const config = { routes: [{ path: '/', target, pathRewrite: { [pattern]: '' } }] };
    expect(pathsOf(config)).toEqual([`routes[0].pathRewrite["${pattern}"]`]);
  });

  it.each([true, -1, 1.5, '10.0.0.0/33', 'everyone', ['10.0.0.0/8', 'nonsense'], {}, null])(
    'refuses %j in trustProxy',
    (trustProxy) => {
      expect(pathsOf({ routes: [{ path: '/', target }], trustProxy })).toEqual(['trustProxy']);
    },
  );

  it('is refused where a name of Object.prototype is an option', () => {
    const config = JSON.parse(
      '{"routes":[{"path":"/","target":"http://a","__proto__":{"x":1}}],"constructor":{}}',
    ) as unknown;
    expect(pathsOf(config).sort()).toEqual(['constructor', 'routes[0].__proto__']);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it.each(['1000', NaN, -1, 0, 1.5, Infinity, null])('refuses %j as a time to connect', (connectMs) => {
    expect(pathsOf({ routes: [{ path: '/', target, timeouts: { connectMs } }] })).toEqual([
      'routes[0].timeouts.connectMs',
    ]);
  });
});

describe('a route that no request reaches', () => {
  it('is a fault that names the route which takes its requests', () => {
    const config = {
      routes: [
        { path: '/api/users', target },
        { path: '/api/orders', target },
        { path: '/api/users/', target },
      ],
    };
    expect(messagesOf(config)).toEqual([
      "routes[2]: never reached: '/api/users/' is already matched by route 0 ('/api/users')",
    ]);
  });

  it('is a fault by case as well, unless case counts', () => {
    const routes = [
      { path: '/Users', target },
      { path: '/users', target },
    ];
    expect(pathsOf({ routes })).toEqual(['routes[1]']);
    expect(pathsOf({ routes, caseSensitive: true })).toEqual([]);
  });

  it('is none where method, host, header, query or exactness tells it apart', () => {
    const config = {
      routes: [
        { path: '/a', target, methods: ['GET'] },
        { path: '/a', target, methods: ['POST'] },
        { path: '/a', target, host: 'a.test' },
        { path: '/a', target, headers: { 'x-version': '2' } },
        { path: '/a', target, query: { v: '2' } },
        { path: '/a', target, exact: true },
        { path: '/a/:id', target },
        { path: '/', target },
      ],
    };
    expect(faultsOf(config)).toEqual([]);
  });

  it('is told only once the routes are right in themselves', () => {
    const routes = [
      { path: '/a', target },
      { path: '/a', target },
      { path: '/b', target: 'nonsense' },
    ];
    expect(pathsOf({ routes })).toEqual(['routes[2].target']);
  });
});

describe('a config that is right', () => {
  it('may use every option', () => {
    const config: GatewayConfig = {
      routes: [
        {
          path: '/api/:version/users',
          ...{
            id: 'users',
            methods: ['GET'],
            host: ['a.test', '*.b.test'],
            headers: { 'x-a': true },
            query: { q: 'x' },
          },
          target: ['http://users-1:3001', 'https://users-2:3001/base'],
          rewrite: '/:version/u',
          timeouts: { connectMs: 1, firstByteMs: Infinity, idleMs: Infinity, totalMs: 1 },
          ...{ maxConnections: 1, maxQueue: 0, keepAliveMs: 1, maxBodyBytes: 0, maxResponseBytes: Infinity },
          ...{ changeOrigin: true, rewriteLocation: false, responseTimeHeader: true, versionHeader: true },
          ...{ cookieDomainRewrite: '', cookiePathRewrite: { '/a': '/b', '*': '/' }, defaultContentType: 'text/plain' },
          tls: { servername: 'users' },
          use: [],
        },
      ],
      defaults: { maxBodyBytes: Infinity, timeouts: { idleMs: 5 } },
      ...{
        trustProxy: ['loopback', '10.0.0.0/8'],
        requestId: true,
        accessLog: false,
        health: { path: '/up' },
        use: [],
      },
    };
    expect(faultsOf(config)).toEqual([]);
  });

  it('may have undefined in the place of an option, as spreading leaves it', () => {
    expect(faultsOf({ routes: [{ path: '/', target, rewrite: undefined }], trustProxy: undefined })).toEqual([]);
  });

  it('is not changed, and may be frozen', () => {
    const config = Object.freeze({ routes: Object.freeze([Object.freeze({ path: '/', target })]) });
    const before = JSON.stringify(config);
    const gateway = createGateway(config);
    expect(JSON.stringify(config)).toBe(before);
    expect(gateway.routes).toBe(config.routes);
  });
});
