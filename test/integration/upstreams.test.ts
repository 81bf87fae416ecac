import { describe, expect, it } from 'vitest';
import { createGateway, type GatewayConfig, type RouteConfig } from '../../src/gateway/index.js';
import type { TargetEntry } from '../../src/core/target-options.js';
import type { DiscoverySource, TargetsListener } from '../../src/discovery/index.js';
import type { MetricsRegistry } from '../../src/metrics/index.js';
import { eventually } from '../support/eventually.js';
import { failOnUncaught, freePort, send, startGateway, startNamed } from './harness.js';

failOnUncaught();

async function tally(
  url: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const { status, text } = await send(url, { headers });
    const key = status === 200 ? text : String(status);
    answers[key] = (answers[key] ?? 0) + 1;
  }
  return answers;
}

describe('an upstream with a name', () => {
  it('shares the requests of its routes among its targets by weight', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')];
    const running = await startGateway({
      upstreams: { users: { targets: [{ url: a.url, weight: 3 }, b.url] } },
      routes: [
        { path: '/one', upstream: 'users' },
        { path: '/two', upstream: 'users', stripPrefix: false },
      ],
    });
    expect(await tally(`${running.url}/one`, 40)).toEqual({ a: 30, b: 10 });
    expect(await tally(`${running.url}/two/x`, 4)).toEqual({ a: 3, b: 1 });
    expect(b.requests.at(-1)?.url).toBe('/two/x');
  });

  it('loses a target that fails, says why, and gets it back', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')];
    const events: Record<string, unknown>[] = [];
    const note = (fields: object): unknown => events.push({ ...fields });
    const running = await startGateway({
      logger: { debug: note, info: note, warn: note, error: note },
      upstreams: { users: { targets: [a.url, b.url], outlier: { ejectMs: 200 } } },
      routes: [{ path: '/', upstream: 'users', retry: { retries: 2, backoffMs: 1, budget: false } }],
      health: { details: true },
      metrics: true,
    });
    a.status = 500;
    expect(await tally(running.url, 30)).toEqual({ b: 30 });
    const out = { url: a.url, state: 'ejected', reason: expect.stringContaining('500') as string };
    expect(running.gateway.stats().upstreams.users?.targets[0]).toMatchObject(out);
    expect(running.gateway.explain('GET', '/').upstream?.targets[0]).toMatchObject(out);
    expect(running.gateway.explain('GET', '/').settings.balance).toBe('users: round-robin over 2 targets, 1 out');
    expect(running.gateway.health()).toMatchObject({
      status: 'degraded',
      upstreams: { users: { targets: [out, {}] } },
    });
    const scraped = await textOf(running.gateway.metrics);
    expect(scraped).toContain(`gateway_upstream_healthy{upstream="users",target="${a.url}"} 0\n`);
    expect(scraped).toContain(`gateway_upstream_healthy{upstream="users",target="${b.url}"} 1\n`);
    const line = { upstream: 'users', target: a.url, from: 'healthy', to: 'ejected', reason: out.reason };
    expect(events).toContainEqual(expect.objectContaining(line));
    a.status = 200;
    await eventually(async () => (await send(running.url)).text === 'a');
    expect(running.gateway.health().status).toBe('healthy');
  });

  it('asks its targets for their health while the gateway lives', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')];
    a.health = 503;
    const running = await startGateway({
      upstreams: {
        users: {
          targets: [a.url, b.url],
          health: { path: '/health', intervalMs: 20, unhealthyIntervalMs: 20, unhealthyThreshold: 2, jitter: 0 },
        },
      },
      routes: [{ path: '/', upstream: 'users' }],
    });
    await eventually(() => running.gateway.stats().upstreams.users?.targets[0]?.state === 'unhealthy');
    expect(await tally(running.url, 6)).toEqual({ b: 6 });
    a.health = 200;
    await eventually(() => running.gateway.stats().upstreams.users?.targets[0]?.state === 'healthy');
    await running.listener.close();
    const count = a.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(a.requests.length).toBeLessThanOrEqual(count + 1);
  });

  it('is refused with 503 and Retry-After where it has no targets', async () => {
    let fail: (error: Error) => void = () => undefined;
    const source: DiscoverySource = {
      name: 'nothing',
      subscribe(_onTargets, onError) {
        fail = onError;
        return () => undefined;
      },
    };
    const running = await startGateway({
      upstreams: { users: { discovery: source } },
      routes: [{ path: '/', upstream: 'users' }],
    });
    const { status, headers, text } = await send(running.url);
    expect([status, headers['retry-after']]).toEqual([503, '1']);
    expect(text).toContain('ERR_GATEWAY_NO_TARGETS');
    expect((await send(`${running.url}/readyz`)).status).toBe(503);
    fail(new Error('no registry'));
    expect(running.gateway.health().status).toBe('degraded');
    expect((await send(`${running.url}/readyz`)).status).toBe(200);
    expect((await send(running.url)).status).toBe(503);
  });

  it('follows its discovery, and connects only where it may', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')];
    let tell: TargetsListener = () => undefined;
    const source: DiscoverySource = {
      name: 'own',
      subscribe(onTargets) {
        tell = onTargets;
        return () => undefined;
      },
    };
    const running = await startGateway({
      upstreams: { users: { discovery: { source, allowedAddresses: ['loopback'], debounceMs: 0 } } },
      routes: [{ path: '/', upstream: 'users' }],
    });
    tell([{ url: a.url }, { url: 'http://169.254.169.254/latest' }, { url: a.url }]);
    await eventually(() => running.gateway.stats().upstreams.users?.targets.length === 1);
    expect(await tally(running.url, 3)).toEqual({ a: 3 });
    tell([{ url: b.url }]);
    await eventually(async () => (await send(running.url)).text === 'b');
    await eventually(() => a.connections === 0);
    expect(running.gateway.stats().upstreams.users?.discovery).toMatchObject({ source: 'own' });
  });

  it('gives each attempt another target', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')];
    const dead = `http://127.0.0.1:${await freePort()}`;
    a.status = 503;
    const running = await startGateway({
      upstreams: { users: { targets: [dead, a.url, b.url], outlier: false } },
      routes: [{ path: '/', upstream: 'users', retry: { retries: 2, backoffMs: 1, budget: false } }],
    });
    expect(await tally(running.url, 30)).toEqual({ b: 30 });
  });

  it('keeps a client with its target by a cookie, and without a trace of its address', async () => {
    const [a, b] = [await startNamed('a'), await startNamed('b')];
    const running = await startGateway({
      upstreams: { users: { targets: [a.url, b.url], sticky: { secrets: 'x'.repeat(32) } } },
      routes: [{ path: '/', upstream: 'users' }],
    });
    const first = await send(running.url);
    const cookie = String(first.headers['set-cookie']).split(';')[0] ?? '';
    expect(cookie).toMatch(/^gateway-target=[\w-]{20,}$/);
    expect(await tally(running.url, 10, { cookie })).toEqual({ [first.text]: 10 });
  });
});

describe('a route with parts', () => {
  const part = (url: string): RouteConfig['split'] => ({ variants: { all: { to: { target: url } } } });

  it('splits by weight, and tells the side in the log', async () => {
    const [stable, canary] = [await startNamed('stable'), await startNamed('canary')];
    const running = await startGateway({
      upstreams: { canary: { targets: canary.url } },
      routes: [
        {
          path: '/',
          split: {
            by: { header: 'x-user' },
            override: { header: 'x-variant' },
            variants: {
              stable: { weight: 9, to: { target: stable.url } },
              canary: { weight: 1, to: { upstream: 'canary' } },
            },
          },
        },
      ],
    });
    const seen = new Set<string>();
    for (let user = 0; user < 60; user++) {
      const headers = { 'x-user': `u${user}` };
      const { text } = await send(running.url, { headers });
      expect(await tally(running.url, 2, headers)).toEqual({ [text]: 2 });
      seen.add(text);
    }
    expect(seen).toEqual(new Set(['stable', 'canary']));
    expect(await tally(running.url, 5, { 'x-variant': 'canary' })).toEqual({ canary: 5 });
    await eventually(() => (running.log.at(-1) as unknown as { variant: string }).variant === 'canary');
    const { settings, upstreamUrl, policies } = running.gateway.explain('GET', '/', { 'x-variant': 'canary' });
    expect(settings.split).toBe('stable 90 %, canary 10 % by header x-user, unless header x-variant names one');
    expect(upstreamUrl).toBe(`${canary.url}/`);
    expect(policies.slice(-2)).toEqual(['split', 'balance']);
  });

  it('chooses by version, and tells of one that goes away', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')];
    const running = await startGateway({
      routes: [
        {
          path: '/api',
          version: {
            by: [{ header: 'x-api-version' }, { accept: 'version' }],
            default: '2',
            versions: {
              1: { to: { target: one.url }, deprecated: '2026-01-01', sunset: '2027-01-01' },
              2: { to: { target: two.url } },
            },
          },
        },
      ],
    });
    const old = await send(`${running.url}/api`, { headers: { 'x-api-version': 'v1' } });
    expect([old.text, old.headers.deprecation]).toEqual(['one', '@1767225600']);
    expect(old.headers.sunset).toBe('Fri, 01 Jan 2027 00:00:00 GMT');
    expect((await send(`${running.url}/api`)).text).toBe('two');
    expect((await send(`${running.url}/api`, { headers: { accept: 'text/html;version=1' } })).text).toBe('one');
    const unknown = await send(`${running.url}/api`, { headers: { 'x-api-version': '9' } });
    expect([unknown.status, unknown.text]).toEqual([404, expect.stringContaining('ERR_GATEWAY_VERSION_UNKNOWN')]);
    expect(running.gateway.explain('GET', '/api', { 'x-api-version': '9' }).refusal).toBe('no such version');
  });

  it('chooses by tenant, each with its own limit', async () => {
    const [acme, umbrella] = [await startNamed('acme'), await startNamed('umbrella')];
    const running = await startGateway({
      routes: [
        {
          path: '/:tenant/api',
          tenant: {
            by: { param: 'tenant' },
            tenants: {
              acme: { to: { target: acme.url, rateLimit: { windowMs: 60_000, limit: 2 } } },
              umbrella: { to: { target: umbrella.url } },
            },
          },
        },
      ],
    });
    expect(await tally(`${running.url}/acme/api`, 4)).toEqual({ acme: 2, 429: 2 });
    expect(await tally(`${running.url}/umbrella/api`, 4)).toEqual({ umbrella: 4 });
    expect((await send(`${running.url}/other/api`)).status).toBe(404);
    expect(running.gateway.explain('GET', '/other/api').refusal).toBe('no such tenant');
  });

  it('copies requests to a shadow', async () => {
    const [users, shadow] = [await startNamed('users'), await startNamed('shadow')];
    const running = await startGateway({
      routes: [{ path: '/api', target: users.url, mirror: { to: { target: shadow.url } } }],
    });
    expect((await send(`${running.url}/api/42?a=1`)).text).toBe('users');
    await eventually(() => shadow.requests.length === 1);
    expect(shadow.requests[0]?.url).toBe('/42?a=1');
    expect(shadow.requests[0]?.headers['x-gateway-shadow']).toBe('1');
  });

  it('nests: a split inside of a tenant', async () => {
    const origin = await startNamed('inner');
    const running = await startGateway({
      routes: [
        {
          path: '/',
          tenant: { by: { header: 'x-tenant' }, tenants: { acme: { to: { split: part(origin.url) as never } } } },
        },
      ],
    });
    expect(await tally(running.url, 2, { 'x-tenant': 'acme' })).toEqual({ inner: 2 });
  });
});

describe('a config of upstreams that cannot be right', () => {
  const target: TargetEntry = 'http://users:3001';
  const to = { target };
  const routes = [{ path: '/', target }];

  it.each<[string, GatewayConfig, string[]]>([
    [
      'an unknown upstream',
      { routes: [{ path: '/', upstream: 'user' }], upstreams: { users: { targets: target } } },
      ['routes[0].upstream: "user" is none of upstreams; did you mean users?'],
    ],
    [
      'an inherited name',
      { routes: [{ path: '/', upstream: 'constructor' }] },
      ['routes[0].upstream: "constructor" is none of upstreams, of which there are none'],
    ],
    ['no place', { routes, upstreams: { users: {} } }, ['upstreams.users: has no place; write targets or discovery']],
    [
      'a duplicate',
      { routes, upstreams: { users: { targets: [target, `${target}/`] } } },
      ['upstreams.users.targets[1]: http://users:3001 is upstreams.users.targets[0] already; leave one out'],
    ],
    [
      'weights of 0',
      { routes, upstreams: { users: { targets: [{ url: target, weight: 0 }] } } },
      ['upstreams.users.targets: every weight is 0, so that nothing would get a request; give one more'],
    ],
    ['no targets', { routes, upstreams: { users: { targets: [] } } }, ['upstreams.users.targets']],
    [
      'a foreign scheme',
      { routes, upstreams: { users: { targets: ['ftp://users'] } } },
      ['upstreams.users.targets[0]'],
    ],
    [
      'a password',
      { routes, upstreams: { users: { targets: ['http://u:hunter2@users'] } } },
      ['upstreams.users.targets[0]'],
    ],
    [
      'a negative weight',
      { routes, upstreams: { users: { targets: [{ url: target, weight: -1 }] } } },
      ['upstreams.users.targets[0].weight'],
    ],
    [
      'two destinations',
      { routes: [{ path: '/', target, split: { variants: { a: { to } } } }] },
      ['routes[0]: target and split exclude each other; keep one'],
    ],
    [
      'a part that goes nowhere',
      { routes: [{ path: '/', split: { variants: { a: { to: {} } } } }] },
      ['routes[0].split.variants.a.to: goes nowhere'],
    ],
    [
      'an unknown upstream in a part',
      { routes: [{ path: '/', split: { variants: { a: { to: { upstream: 'x' } } } } }] },
      ['routes[0].split.variants.a.to.upstream: "x" is none of upstreams'],
    ],
    [
      'an unknown upstream of a shadow',
      { routes: [{ path: '/', target, mirror: { to: { upstream: 'x' } } }] },
      ['routes[0].mirror.to.upstream: "x" is none of upstreams'],
    ],
  ])('%s', (_name, config, messages) => {
    const faults = faultsOf(config);
    expect(faults).toHaveLength(messages.length);
    messages.forEach((message, index) => {
      expect(faults[index]).toContain(message);
    });
    expect(faults.join()).not.toContain('hunter2');
  });
});

function faultsOf(config: GatewayConfig): string[] {
  try {
    createGateway(config);
  } catch (error) {
    return (error as { faults: { path: string; message: string }[] }).faults.map(
      ({ path, message }) => `${path}: ${message}`,
    );
  }
  return [];
}

async function textOf(registry: MetricsRegistry | null): Promise<string> {
  let text = '';
  if (registry !== null) for await (const piece of registry.text()) text += piece;
  return text;
}
