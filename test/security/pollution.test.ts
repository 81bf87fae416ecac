import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { createGateway, type GatewayConfig } from '../../src/gateway/index.js';
import type { Context } from '../../src/core/context.js';
import { exchange } from '../support/raw-client.js';
import { reply } from '../support/raw-upstream.js';
import { front, get, lines, MOUNTINGS, observe, type Front } from './front.js';

const NAMES = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf', '__defineGetter__'];

const UNTOUCHED = Object.getOwnPropertyNames(Object.prototype).sort();

/** Nothing that a test sent has become a property of every object. */
function expectCleanPrototypes(): void {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(UNTOUCHED);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(([] as unknown as Record<string, unknown>).polluted).toBeUndefined();
  expect((Object as unknown as Record<string, unknown>).polluted).toBeUndefined();
}

describe.each(MOUNTINGS)('a name of Object.prototype in a request, %s', (mounting) => {
  let gateway: Front;
  let seen: Context | null = null;

  beforeAll(async () => {
    gateway = await front(
      (target) => ({
        routes: [
          { path: '/', target, stripPrefix: false },
          {
            path: '/drafted',
            target,
            stripPrefix: false,
            use: [
              (ctx, next) => {
                seen = ctx;
                ctx.draft().headers['x-drafted'] = 'yes';
                return next(ctx);
              },
            ],
          },
          { path: '/by-header', headers: { constructor: true }, respond: { body: 'header' } },
          { path: '/by-query', query: { constructor: true, hasOwnProperty: 'x' }, respond: { body: 'query' } },
          { path: '/params/:constructor/:__proto__', target },
        ],
      }),
      { mounting },
    );
  });

  afterEach(expectCleanPrototypes);
  afterAll(() => gateway.close());

  it.each(NAMES)('is a header field like any other: %s (row 77)', async (name) => {
    const { bytes, response } = await observe(gateway, get('/x', `${name}: {"polluted":1}`));
    expect(response?.status).toBe(200);
    expect(bytes.toLowerCase()).toContain(`\r\n${name.toLowerCase()}: {"polluted":1}\r\n`);
  });

  it.each(NAMES)('may come twice as a header field: %s (row 77)', async (name) => {
    const { bytes, response } = await observe(gateway, get('/x', `${name}: 1`, `${name}: 2`));
    expect(response?.status).toBe(200);
    expect(bytes.toLowerCase()).toContain(`\r\n${name.toLowerCase()}: 1, 2\r\n`);
  });

  it.each(NAMES)('survives a middleware that changes the header: %s (row 77)', async (name) => {
    const { bytes, response } = await observe(gateway, get('/drafted', `${name}: polluted`));
    expect(response?.status).toBe(200);
    expect(bytes.toLowerCase()).toContain(`\r\n${name.toLowerCase()}: polluted\r\n`);
    expect(bytes).toContain('\r\nx-drafted: yes\r\n');
    const maps = [seen?.request.headers, seen?.draft().headers, seen?.state, seen?.params];
    // Anything that inherits from Object.prototype answers to it.
    expect(maps.map((map) => map !== undefined && 'isPrototypeOf' in map)).toEqual([false, false, false, false]);
  });

  it.each(NAMES)('in Connection takes nothing along: %s (row 77)', async (name) => {
    const { bytes, response } = await observe(gateway, get('/x', `Connection: ${name}`, 'X-Kept: yes'));
    expect(response?.status).toBe(200);
    expect(bytes).toContain('x-kept: yes');
  });

  it.each(NAMES)('is a name in a query like any other: %s (row 77)', async (name) => {
    const query = `?${name}=polluted&${name}[polluted]=1&${name}.polluted=1&a[${name}][polluted]=1`;
    const { arrived } = await observe(gateway, get(`/x${query}`));
    expect(arrived.map(({ url }) => url)).toEqual([`/x${query}`]);
  });

  it.each(NAMES)('is a path like any other: /%s (row 77)', async (name) => {
    const { arrived } = await observe(gateway, get(`/${name}/${name}`));
    expect(arrived.map(({ url }) => url)).toEqual([`/${name}/${name}`]);
  });

  it.each(NAMES)('is a host like any other: %s (row 77)', async (name) => {
    const { response } = await observe(gateway, lines('GET /x HTTP/1.1', `Host: ${name}`, ''));
    expect(response?.status).toBe(200);
  });

  it('fulfils a condition only where it was sent (row 77)', async () => {
    const body = async (data: string): Promise<string | undefined> =>
      (await exchange(gateway.port, data)).response?.body.toString();
    expect(await body(get('/by-header'))).toBe('ok');
    expect(await body(get('/by-header', 'Constructor: x'))).toBe('header');
    expect(await body(get('/by-query'))).toBe('ok');
    expect(await body(get('/by-query?constructor=1&hasOwnProperty=x'))).toBe('query');
  });

  it('is a parameter of a route like any other (row 77)', async () => {
    const { arrived } = await observe(gateway, get('/params/polluted/__proto__'));
    expect(arrived.map(({ url }) => url)).toEqual(['/']);
  });

  it('is relayed in a JSON body byte for byte (row 77)', async () => {
    const json = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const head = lines(
      'POST /drafted HTTP/1.1',
      'Host: gateway.test',
      'Content-Type: application/json',
      `Content-Length: ${json.length}`,
      '',
    );
    const { arrived } = await observe(gateway, head + json);
    expect(arrived.map(({ body }) => body.toString())).toEqual([json]);
  });
});

describe('a name of Object.prototype in an answer', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(undefined, {
      onRequest({ url }, socket) {
        const [, name = '', count = ''] = /^\/name\/(\w+)\/(\d)/.exec(url) ?? [];
        const values = Array.from({ length: Number(count) }, (_, index) => `${index}`);
        reply(socket, 200, Object.fromEntries(name === '' ? [] : [[name, values]]), 'ok');
      },
    });
  });

  afterEach(expectCleanPrototypes);
  afterAll(() => gateway.close());

  it.each(NAMES.flatMap((name) => [`${name}/1`, `${name}/2`]))(
    'neither ends the process nor the answer: %s (row 77)',
    async (case_) => {
      const { response } = await observe(gateway, get(`/name/${case_}`));
      expect([200, 502]).toContain(response?.status);
    },
  );
});

describe('a configuration from JSON', () => {
  afterEach(expectCleanPrototypes);

  function build(json: string): () => unknown {
    return () => createGateway({ accessLog: false, ...(JSON.parse(json) as GatewayConfig) });
  }

  /** The whole text goes through as one object: nothing is spread, so `__proto__` stays the member that it is. */
  function buildWhole(json: string): () => unknown {
    return () => createGateway(JSON.parse(json) as GatewayConfig);
  }

  const target = '"target":"http://127.0.0.1:1"';

  it.each(NAMES)('with the unknown option %s does not start (row 77)', (name) => {
    expect(buildWhole(`{"accessLog":false,"routes":[{"path":"/",${target}}],"${name}":{"polluted":1}}`)).toThrow(
      ConfigError,
    );
    expect(build(`{"routes":[{"path":"/",${target},"${name}":{"polluted":1}}]}`)).toThrow(ConfigError);
    expect(build(`{"routes":[{"path":"/",${target},"timeouts":{"${name}":1}}]}`)).toThrow(ConfigError);
    expect(build(`{"routes":[{"path":"/",${target}}],"defaults":{"${name}":{"polluted":1}}}`)).toThrow(ConfigError);
    expect(build(`{"routes":[{"path":"/",${target}}],"health":{"${name}":{"path":"/x"}}}`)).toThrow(ConfigError);
  });

  it('does not take an option from a prototype of its own (row 77)', () => {
    expect(buildWhole(`{"__proto__":{"routes":[{"path":"/",${target}}]}}`)).toThrow(ConfigError);
    expect(build(`{"routes":[{"__proto__":{"path":"/",${target}}}]}`)).toThrow(ConfigError);
    const inherited = Object.create({ polluted: 1, routes: [] }) as GatewayConfig;
    expect(() => createGateway(inherited)).toThrow(ConfigError);
  });

  it.each(NAMES)('may use %s where names are free: ids, conditions, parameters, rewrites (row 77)', (name) => {
    const route = `{"path":"/:${name}/x","id":"${name}",${target},"headers":{"${name}":"1"},"query":{"${name}":"1"},"cookiePathRewrite":{"${name}":"/x"}}`;
    const gateway = createGateway({ accessLog: false, ...(JSON.parse(`{"routes":[${route}]}`) as GatewayConfig) });
    expect(gateway.explain('GET', `/polluted/x`).route).toBeNull();
    const headers = JSON.parse(`{"${name}":"1"}`) as Record<string, string>;
    const { route: taken, params } = gateway.explain('GET', `/polluted/x?${name}=1`, headers);
    expect(taken).toEqual({ id: name, path: `/:${name}/x` });
    expect(Object.entries(params)).toEqual([[name, 'polluted']]);
  });
});
