import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../src/core/attempt.js';
import { Context, type Outcome } from '../../src/core/context.js';
import { GatewayError } from '../../src/core/errors.js';
import { ConfigError } from '../../src/core/options.js';
import { refuse } from '../../src/core/refuse.js';
import type { Handler, Identity, RouteMatch } from '../../src/core/types.js';
import { metrics, MetricsRegistry, type MetricsOptions } from '../../src/metrics/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/random.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';
import { parseText, textOf, type ParsedSample } from './parse-text.js';

const answer: Handler = () => ({ status: 200, headers: {}, body: 'ok' });

function routeOf(id: string): RouteMatch {
  return { id, path: `/${id}`, params: {}, names: [], values: [], rest: '' };
}

function identityOf(id: string, consumer?: string): Identity {
  const identity = { id, scheme: 'jwt', claims: {}, scopes: [], roles: [] };
  return consumer === undefined ? identity : { ...identity, consumer };
}

interface Exchange extends FakeRequestOptions {
  route?: string | null;
  outcome?: Partial<Outcome>;
  /** @default 100 */
  durationMs?: number;
  /** What happens to the context before it is over. */
  meanwhile?: (ctx: Context) => void;
}

/** One exchange from start to end. */
function exchange(counted: ReturnType<typeof metrics>, options: Exchange = {}): Context {
  const { route = 'users', outcome, durationMs = 100, meanwhile, ...request } = options;
  const clock = new FakeClock();
  const ctx = fakeContext(request, { clock });
  void counted(ctx, answer);
  ctx.route = route === null ? null : routeOf(route);
  meanwhile?.(ctx);
  clock.advance(durationMs);
  ctx.finish({ status: 200, aborted: false, ...outcome });
  return ctx;
}

function endAttempt(ctx: Context, attempt: Partial<Attempt>): void {
  const full = {
    number: 1,
    origin: 'http://users:3001',
    method: 'GET',
    url: '/?secret=1',
    startedAt: 1_000,
    sentAt: 1_000,
    connectMs: 0,
    answeredAt: 1_010,
    endedAt: 1_020,
    status: 200,
    bytesSent: 0,
    bytesReceived: 0,
    error: null,
    ...attempt,
  };
  for (const observer of ctx.attemptObservers ?? []) observer.onAttemptEnd?.(ctx, full);
}

async function samplesOf(registry: MetricsRegistry): Promise<ParsedSample[]> {
  return parseText(await textOf(registry), 'prometheus').flatMap(({ samples }) => samples);
}

/** The values of the lines with this name, by their labels. */
async function valuesOf(registry: MetricsRegistry, name: string): Promise<Record<string, number>> {
  const samples = (await samplesOf(registry)).filter((sample) => sample.name === name);
  return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
}

describe('metrics', () => {
  it('gives durations by method, route and class of status, in seconds', async () => {
    const counted = metrics({ buckets: [0.1, 1] });
    exchange(counted, { durationMs: 100 });
    exchange(counted, { durationMs: 500 });
    exchange(counted, { method: 'POST', outcome: { status: 503 }, durationMs: 2_000 });
    expect(await valuesOf(counted.registry, 'http_server_request_duration_seconds_bucket')).toEqual({
      'GET users 2xx 0.1': 1,
      'GET users 2xx 1.0': 2,
      'GET users 2xx +Inf': 2,
      'POST users 5xx 0.1': 0,
      'POST users 5xx 1.0': 0,
      'POST users 5xx +Inf': 1,
    });
    expect(await valuesOf(counted.registry, 'http_server_request_duration_seconds_sum')).toEqual({
      'GET users 2xx': 0.6,
      'POST users 5xx': 2,
    });
  });

  it('has the buckets of the OpenTelemetry conventions', async () => {
    const counted = metrics();
    exchange(counted);
    const limits = (await samplesOf(counted.registry))
      .filter(({ name }) => name === 'http_server_request_duration_seconds_bucket')
      .map(({ labels }) => Number(labels.le?.replace('+Inf', 'Infinity')));
    expect(limits).toEqual([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, Infinity]);
  });

  it('tells the requests that are under way, until the last byte of their answers', async () => {
    const counted = metrics();
    const contexts = [fakeContext(), fakeContext(), fakeContext({ method: 'BREW' })] as const;
    for (const ctx of contexts) void counted(ctx, answer);
    expect(await valuesOf(counted.registry, 'http_server_active_requests')).toEqual({ GET: 2, _OTHER: 1 });
    contexts[0].finish({ status: 200, aborted: false });
    contexts[2].finish({ status: 499, aborted: true });
    contexts[2].finish({ status: 499, aborted: true });
    expect(await valuesOf(counted.registry, 'http_server_active_requests')).toEqual({ GET: 1, _OTHER: 0 });
  });

  it('counts an exchange whose handler throws', async () => {
    const counted = metrics();
    const ctx = fakeContext();
    const failing: Handler = () => {
      throw new Error('broken');
    };
    expect(() => counted(ctx, failing)).toThrow('broken');
    ctx.finish({ status: 500, aborted: false });
    expect(await valuesOf(counted.registry, 'http_server_active_requests')).toEqual({ GET: 0 });
    expect(await valuesOf(counted.registry, 'http_server_request_duration_seconds_count')).toEqual({ 'GET  5xx': 1 });
  });

  it('hands the answer of the next handler on as it is', () => {
    const given = { status: 200, headers: {}, body: 'ok' };
    expect(metrics()(fakeContext(), () => given)).toBe(given);
  });

  it('counts refusals, retries, caches, bytes and clients that left, by route', async () => {
    const counted = metrics();
    const { registry } = counted;
    exchange(counted, { route: null, meanwhile: (ctx) => void refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND') });
    exchange(counted, { outcome: { bytesIn: 10, bytesOut: 2_000 } });
    exchange(counted, { outcome: { bytesIn: 5, bytesOut: undefined } });
    exchange(counted, { meanwhile: (ctx) => (ctx.attempt = 3) });
    exchange(counted, { meanwhile: (ctx) => (ctx.attempt = 1) });
    for (const word of ['hit', 'hit', 'stale-while-revalidate', 'HIT from 10.0.0.1', '', 'x'.repeat(99)])
      exchange(counted, { route: 'pages', meanwhile: (ctx) => (ctx.cache = word) });
    exchange(counted, { outcome: { status: 499, aborted: true } });
    exchange(counted, { outcome: { status: 499 } });
    exchange(counted, { outcome: { status: 200, aborted: true } });
    const none = { '': 0, users: 0, pages: 0 };
    expect(await valuesOf(registry, 'gateway_refusals_total')).toEqual({ ' ERR_GATEWAY_ROUTE_NOT_FOUND': 1 });
    expect(await valuesOf(registry, 'gateway_request_body_bytes_total')).toEqual({ ...none, users: 15 });
    expect(await valuesOf(registry, 'gateway_response_body_bytes_total')).toEqual({ ...none, users: 2_000 });
    expect(await valuesOf(registry, 'gateway_retries_total')).toEqual({ ...none, users: 2 });
    expect(await valuesOf(registry, 'gateway_cache_requests_total')).toEqual({
      'pages hit': 2,
      'pages stale-while-revalidate': 1,
      'pages (other)': 3,
    });
    expect(await valuesOf(registry, 'gateway_client_aborts_total')).toEqual({ ...none, users: 1 });
    expect(await valuesOf(registry, 'http_server_request_duration_seconds_count')).toMatchObject({
      'GET users 4xx': 2,
    });
  });

  it('tells only so many words of caches apart', async () => {
    const counted = metrics();
    for (let index = 0; index < 1_000; index++)
      exchange(counted, {
        meanwhile: (ctx) => (ctx.cache = `w${'abcdefghij'[index % 10] ?? ''}${'z'.repeat(index / 100)}`),
      });
    expect(Object.keys(await valuesOf(counted.registry, 'gateway_cache_requests_total'))).toHaveLength(17);
  });

  it('gives the duration of each attempt by upstream and by what went wrong', async () => {
    const counted = metrics({ buckets: [1] });
    exchange(counted, {
      meanwhile(ctx) {
        endAttempt(ctx, {});
        endAttempt(ctx, { endedAt: 1_520, status: 503 });
        endAttempt(ctx, { origin: 'https://[2001:db8::1]', method: 'BREW', status: 0, error: new Error('odd') });
        const error = new GatewayError('ERR_GATEWAY_CONNECT_TIMEOUT', 'late');
        endAttempt(ctx, { origin: 'http://reports', status: 0, error });
        endAttempt(ctx, { origin: 'http://reports', status: 200, error: new GatewayError('odd' as never, 'late') });
        endAttempt(ctx, { origin: 'not an origin' });
      },
    });
    expect(await valuesOf(counted.registry, 'http_client_request_duration_seconds_sum')).toEqual({
      'GET users 3001 2xx ': 0.02,
      'GET users 3001 5xx ': 0.52,
      '_OTHER 2001:db8::1 443  _OTHER': 0.02,
      'GET reports 80  ERR_GATEWAY_CONNECT_TIMEOUT': 0.02,
      'GET reports 80 2xx _OTHER': 0.02,
      'GET (other)  2xx ': 0.02,
    });
  });

  it('100,000 requests with random paths, methods, hosts, queries and statuses add no series', async () => {
    const counted = metrics();
    const random = seededRandom(80);
    const word = (): string => random.int(2 ** 31).toString(36);
    const handle: Handler = (ctx) => refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND');
    const clock = new FakeClock();
    const run = (): void => {
      const method = random() < 0.5 ? 'GET' : word().toUpperCase();
      const url = `/${word()}/${word()}?${word()}=${word()}`;
      const headers = { 'user-agent': word(), 'x-request-id': word() };
      const ctx = fakeContext(
        { method, url, host: `${word()}.test`, headers, clientIp: `10.0.0.${random.int(256)}` },
        { clock },
      );
      void counted(ctx, handle);
      ctx.route = random() < 0.5 ? null : routeOf('users');
      ctx.finish({ status: 100 + random.int(900), aborted: false });
    };
    for (let index = 0; index < 2_000; index++) run();
    const before = (await samplesOf(counted.registry)).length;
    for (let index = 0; index < 100_000; index++) run();
    expect((await samplesOf(counted.registry)).length).toBe(before);
    expect(before).toBeLessThan(2 * 2 * 9 * 17 + 50);
  });

  it('odd statuses are a class of their own, and those that are none have none', async () => {
    const counted = metrics();
    for (const status of [100, 999, 1_000, 0, -1, NaN]) exchange(counted, { outcome: { status } });
    expect(await valuesOf(counted.registry, 'http_server_request_duration_seconds_count')).toEqual({
      'GET users 1xx': 1,
      'GET users 9xx': 1,
      'GET users ': 4,
    });
  });

  it('ids of routes and origins without end share names beyond maxSeries', async () => {
    const registry = new MetricsRegistry({ maxSeries: 20 });
    const counted = metrics({ registry });
    for (let index = 0; index < 500; index++) {
      exchange(counted, {
        route: `route-${index}`,
        meanwhile: (ctx) => endAttempt(ctx, { origin: `http://host-${index}:80` }),
      });
    }
    const retries = await valuesOf(registry, 'gateway_retries_total');
    expect(Object.keys(retries)).toHaveLength(21);
    const counts = await valuesOf(registry, 'http_client_request_duration_seconds_count');
    expect(Object.keys(counts)).toHaveLength(21);
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(500);
  });

  it.each(['__proto__', 'constructor', 'a\0b', 'a"b\n'])('a route called %j is a route', async (route) => {
    const counted = metrics();
    exchange(counted, { route, meanwhile: (ctx) => (ctx.identity = identityOf(route)) });
    expect(await valuesOf(counted.registry, 'gateway_retries_total')).toEqual(Object.fromEntries([[route, 0]]));
    const { routes, consumers } = counted.usage?.snapshot() ?? {};
    expect(Object.entries(routes ?? {}).map(([name, { requests }]) => [name, requests])).toEqual([[route, 1]]);
    expect(Object.keys(consumers ?? {})).toEqual([route]);
  });

  it('keeps the usage of routes and consumers', () => {
    const counted = metrics();
    exchange(counted, { meanwhile: (ctx) => (ctx.identity = identityOf('ann', 'app')), outcome: { bytesOut: 7 } });
    exchange(counted, { meanwhile: (ctx) => (ctx.identity = identityOf('ann')), outcome: { status: 500 } });
    exchange(counted, { route: null, meanwhile: (ctx) => void refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND') });
    const { routes, consumers } = counted.usage?.snapshot() ?? {};
    expect(routes).toMatchObject({
      users: { requests: 2, errors: 1, refused: 0, bytesOut: 7, latency: { mean: 100, p50: 100, max: 100 } },
      '(none)': { requests: 1, refused: 1 },
    });
    expect(Object.keys(consumers ?? {})).toEqual(['app', 'ann']);
  });

  it('keeps no usage where it is off', () => {
    const counted = metrics({ usage: false });
    exchange(counted);
    expect(counted.usage).toBeNull();
  });

  it('two mounts with one registry count together', async () => {
    const registry = new MetricsRegistry();
    exchange(metrics({ registry }));
    exchange(metrics({ registry }));
    expect(await valuesOf(registry, 'http_server_request_duration_seconds_count')).toEqual({ 'GET users 2xx': 2 });
    expect(() => metrics({ registry, buckets: [1] })).toThrow(
      'http_server_request_duration_seconds has been made with',
    );
  });

  it('tells every fault of its options', () => {
    const options = { registry: {}, usage: { maxConsumers: 0, maxRoute: 1 }, buckets: [2, 1], bucket: 1 };
    try {
      metrics(options as unknown as MetricsOptions);
      expect.unreachable();
    } catch (error) {
      expect((error as ConfigError).faults.map(({ path }) => path)).toEqual([
        'registry',
        'usage.maxConsumers',
        'usage.maxRoute',
        'buckets[1]',
        'bucket',
      ]);
    }
  });
});
