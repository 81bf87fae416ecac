import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { createGateway, type Gateway, type GatewayConfig } from '../../src/gateway/index.js';
import { MetricsRegistry } from '../../src/metrics/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/random.js';
import { bodyText, fakeRequest, type FakeRequestOptions } from '../support/request.js';

const KEY = '0123456789abcdef0123456789abcdef';
const LOCAL = { clientIp: '127.0.0.1' };
const STRANGER = { clientIp: '203.0.113.7' };
const routes: GatewayConfig['routes'] = [{ path: '/', id: 'all', respond: { body: 'here' } }];

async function ask(gateway: Gateway, request: FakeRequestOptions = {}): Promise<{ status: number; text: string }> {
  const { status, body } = await gateway.handle(fakeRequest(request));
  return { status, text: await bodyText(body) };
}

async function scrape(gateway: Gateway): Promise<string> {
  return (await ask(gateway, { ...LOCAL, url: '/metrics' })).text;
}

/** The records of what a gateway logs, and a gateway that logs them. */
function logging(config: Partial<GatewayConfig> = {}) {
  const records: Record<string, unknown>[] = [];
  const sink = (line: string): void => {
    records.push(JSON.parse(line) as Record<string, unknown>);
  };
  const gateway = createGateway({ routes, accessLog: { sink }, clock: new FakeClock(), ...config });
  return { records, gateway };
}

function faultsOf(config: Partial<GatewayConfig>): readonly string[] {
  try {
    createGateway({ routes, ...config });
    return [];
  } catch (error) {
    return (error as ConfigError).faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('metrics', () => {
  it('are off by default: the path is a path like any other', async () => {
    const gateway = createGateway({ routes, accessLog: false });
    expect(await scrape(gateway)).toBe('here');
    expect(gateway.metrics).toBeNull();
  });

  it('count every answer by route, refusals and what has no route too', async () => {
    const gateway = createGateway({
      routes: [{ path: '/a', id: 'a', respond: { body: 'here' }, methods: ['GET'] }],
      accessLog: false,
      metrics: true,
    });
    await ask(gateway, { url: '/a' });
    await ask(gateway, { url: '/a', method: 'POST' });
    await ask(gateway, { url: '/none' });
    const text = await scrape(gateway);
    expect(text).toMatch(
      /_seconds_count\{http_request_method="GET",http_route="a",http_response_status_code="2xx"\} 1\n/,
    );
    expect(text).toMatch(
      /_seconds_count\{http_request_method="POST",http_route="",http_response_status_code="4xx"\} 1\n/,
    );
    expect(text).toContain('gateway_refusals_total{http_route="",code="ERR_GATEWAY_ROUTE_NOT_FOUND"} 1\n');
  });

  it('are shown to clients of the own network alone, and for all others there is no such path', async () => {
    const gateway = createGateway({ routes, accessLog: false, metrics: true });
    expect((await ask(gateway, { ...STRANGER, url: '/metrics' })).text).toBe('here');
    const open = createGateway({ routes, accessLog: false, metrics: { viewers: true, path: '/-/metrics' } });
    expect((await ask(open, { ...STRANGER, url: '/-/metrics' })).text).toContain('# TYPE');
  });

  it('have as many series after 100,000 random requests as after one of each kind', { timeout: 30_000 }, async () => {
    const random = seededRandom(7);
    const gateway = createGateway({
      routes: [
        { path: '/users/:id', id: 'users', respond: { body: 'here' } },
        { path: '/throws', id: 'throws', respond: () => Promise.reject(new Error(String(random.int(1e9)))) },
      ],
      accessLog: false,
      metrics: { process: false },
    });
    const word = (): string => random.int(2 ** 31).toString(36);
    async function askOnce(): Promise<void> {
      await ask(gateway, { url: `/users/${word()}?${word()}=${word()}`, host: `${word()}.test` });
      await ask(gateway, {
        url: `/${word()}/${word()}`,
        headers: { 'user-agent': word() },
        clientIp: `10.0.0.${random.int(255)}`,
      });
      await ask(gateway, { url: `/users/${word()}`, method: word().toUpperCase() });
      await ask(gateway, { url: `/throws/${word()}` });
    }
    const series = async (): Promise<string[]> =>
      (await scrape(gateway)).split('\n').map((line) => line.replace(/ \S+$/, ''));
    await askOnce();
    await scrape(gateway);
    const before = await series();
    for (let round = 0; round < 25_000; round++) await askOnce();
    expect(await series()).toEqual(before);
  });

  it('tell of circuits, limits, connections and the process', async () => {
    const gateway = createGateway({
      routes: [
        {
          path: '/',
          id: 'all',
          respond: { status: 500, body: null },
          circuitBreaker: { failureThreshold: 1, name: 'all' },
        },
        { path: '/limited', respond: { body: '' }, rateLimit: { limit: 1, windowMs: 60_000, name: 'few' } },
      ],
      accessLog: false,
      metrics: true,
    });
    await ask(gateway);
    for (let call = 0; call < 3; call++) await ask(gateway, { url: '/limited' });
    await scrape(gateway);
    const text = await scrape(gateway);
    expect(text).toContain('gateway_circuit_state{circuit="all",state="open"} 1\n');
    expect(text).toContain('gateway_circuit_state{circuit="all",state="closed"} 0\n');
    expect(text).toContain('gateway_rate_limited_total{policy="few"} 2\n');
    expect(text).toMatch(/\nnodejs_eventloop_utilization_ratio /);
    await gateway.close();
  });

  it('go into a registry of the application, and leave out what is turned off', async () => {
    const registry = new MetricsRegistry();
    registry.counter({ name: 'mails_total', help: 'Mails.' }).series().inc();
    const gateway = createGateway({ routes, accessLog: false, metrics: { registry, process: false } });
    expect(gateway.metrics).toBe(registry);
    const text = await scrape(gateway);
    expect(text).toContain('mails_total 1\n');
    expect(text).not.toContain('nodejs_');
  });

  it('are nowhere with path false', async () => {
    const gateway = createGateway({ routes, accessLog: false, metrics: { path: false } });
    expect(await scrape(gateway)).toBe('here');
    expect(gateway.metrics).not.toBeNull();
  });
});

describe('stats', () => {
  it('tell of routes and consumers, limits and circuits', async () => {
    const clock = new FakeClock();
    const gateway = createGateway({
      routes: [
        {
          path: '/',
          id: 'all',
          respond: () => {
            clock.advance(20);
            return { status: 200, headers: {}, body: 'here' };
          },
          rateLimit: { limit: 2, windowMs: 60_000, name: 'few' },
          circuitBreaker: { name: 'all' },
          auth: { apiKey: { consumers: [{ id: 'shop', keys: [KEY] }] } },
        },
      ],
      accessLog: false,
      metrics: true,
      clock,
    });
    const headers = { 'x-api-key': KEY };
    await ask(gateway, { headers });
    await ask(gateway);
    await ask(gateway, { headers });
    const { routes: used, consumers, refused, circuits, inFlight, uptime } = gateway.stats();
    expect(used.all).toMatchObject({ requests: 3, errors: 0, refused: 2, latency: { max: 20 } });
    expect(used.all?.bytesOut).toBeGreaterThan(4);
    expect(consumers.shop).toMatchObject({ requests: 1, bytesOut: 4 });
    expect({ refused, circuits, inFlight, uptime }).toEqual({
      refused: { few: 1, identity: 0 },
      circuits: { all: 'closed' },
      inFlight: 0,
      uptime: 0,
    });
  });

  it('have no usage where nothing is counted', () => {
    expect(createGateway({ routes, accessLog: false }).stats()).toMatchObject({
      routes: {},
      consumers: {},
      inFlight: 0,
    });
  });
});

describe('the log', () => {
  it('keeps back the credentials that routes take from a query or a field, whatever they are called', async () => {
    const { records, gateway } = logging({
      routes: [
        {
          path: '/',
          respond: { body: '' },
          auth: { apiKey: { keyFrom: { query: 'voucher' }, consumers: [{ id: 'shop', keys: [KEY] }] } },
        },
      ],
    });
    await ask(gateway, { url: `/?page=2&voucher=${KEY}` });
    expect(JSON.stringify(records)).not.toContain(KEY);
  });

  it('goes to the logger of the config, as events do', async () => {
    const told: unknown[][] = [];
    const take =
      (level: string) =>
      (...record: unknown[]): void => {
        told.push([level, ...record]);
      };
    const logger = { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') };
    const gateway = createGateway({
      routes: [
        { path: '/', respond: { status: 500, body: null }, circuitBreaker: { failureThreshold: 1, name: 'all' } },
      ],
      logger,
    });
    await ask(gateway, { url: '/a' });
    expect(told.map(([level, , message]) => [level, message])).toEqual([
      ['warn', 'circuit all is open'],
      ['error', 'GET /a 500'],
    ]);
    expect(told[1]?.[1]).toMatchObject({ method: 'GET', path: '/a', status: 500 });
  });

  it('goes to its own sink, and events to the logger, where there are both', async () => {
    const lines: string[] = [];
    const messages: unknown[] = [];
    const take = (_fields: object, message?: string): void => {
      messages.push(message);
    };
    const gateway = createGateway({
      routes: [
        { path: '/', respond: { status: 500, body: null }, circuitBreaker: { failureThreshold: 1, name: 'all' } },
      ],
      logger: { debug: take, info: take, warn: take, error: take },
      accessLog: { sink: (line) => lines.push(line) },
    });
    await ask(gateway);
    expect(lines).toHaveLength(1);
    expect(messages).toEqual(['circuit all is open']);
  });

  it('names the trace', async () => {
    const { records, gateway } = logging({ tracing: { opentelemetry: false } });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await ask(gateway, { headers: { traceparent } });
    await ask(gateway, { url: '/health' });
    expect(records[0]).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c' });
    expect(records[0]?.spanId).toMatch(/^[\da-f]{16}$/);
    expect(records[0]?.spanId).not.toBe('b7ad6b7169203331');
    expect(records[1]).not.toHaveProperty('traceId');
  });
});

describe('health', () => {
  it('shows what the process leans on to nobody unless the config says so', async () => {
    const breaker = { circuitBreaker: { name: 'secret-name' } };
    const config = { routes: [{ path: '/', respond: { body: '' }, ...breaker }], accessLog: false } as const;
    const closed = createGateway(config);
    expect((await ask(closed, { ...LOCAL, url: '/health' })).text).not.toContain('secret-name');
    const open = createGateway({ ...config, health: { details: ['loopback'] } });
    expect((await ask(open, { ...LOCAL, url: '/health' })).text).toContain('secret-name');
    expect((await ask(open, { ...STRANGER, url: '/health' })).text).not.toContain('secret-name');
  });

  it('is ready until it drains, and alive until the end', async () => {
    const clock = new FakeClock();
    const gateway = createGateway({ routes, accessLog: false, clock });
    const statusOf = async (url: string): Promise<number> => (await ask(gateway, { url })).status;
    expect([await statusOf('/livez'), await statusOf('/readyz'), await statusOf('/healthz')]).toEqual([200, 200, 200]);
    const draining = gateway.drain({ delayMs: 5_000 });
    expect(gateway.isDraining).toBe(false);
    expect([await statusOf('/livez'), await statusOf('/readyz'), await statusOf('/')]).toEqual([200, 503, 200]);
    await clock.advanceAsync(5_000);
    await draining;
    expect(gateway.isDraining).toBe(true);
    expect(await statusOf('/')).toBe(200);
  });

  it('runs the checks of the config', async () => {
    const gateway = createGateway({
      routes,
      accessLog: false,
      health: { checks: { store: { check: () => false, critical: true } } },
    });
    expect((await ask(gateway, { url: '/readyz' })).status).toBe(503);
    expect(gateway.health()).toMatchObject({ status: 'unhealthy', checks: { store: { status: 'down' } } });
  });

  it('shows the store of the limits that come with identities', async () => {
    const store = { remote: true, open: () => ({ consume: () => Promise.reject(new Error('down')) }) } as never;
    const gateway = createGateway({
      routes: [
        {
          path: '/',
          respond: { body: '' },
          auth: {
            apiKey: {
              consumers: [{ id: 'shop', keys: [KEY], rateLimit: { limit: 5, windowMs: 1_000 } }],
            },
          },
        },
      ],
      identityRateLimit: { store },
      accessLog: false,
    });
    await ask(gateway, { headers: { 'x-api-key': KEY } });
    expect(gateway.health().stores).toEqual({ 'identity-5-1000': 'down' });
  });
});

describe('a config that cannot be right', () => {
  it.each<[Partial<GatewayConfig>, RegExp]>([
    [{ metrics: { pth: '/m' } as never }, /^metrics\.pth: unknown option; did you mean path\?/],
    [{ metrics: { path: false, viewers: true } }, /^metrics\.viewers: has no effect without path/],
    [{ metrics: { path: '/health' } }, /^metrics\.path: is a path of health; take another/],
    [{ metrics: { viewers: ['anyone'] } }, /^metrics\.viewers\[0\]: got "anyone"/],
    [{ tracing: { sampleRate: 2 } }, /^tracing\.sampleRate: got 2/],
    [{ logger: {} as never }, /^logger: /],
    [{ accessLog: { sampleRate: -1 } }, /^accessLog\.sampleRate: got -1/],
    [{ health: { path: '/readyz' } }, /^health\.readyPath: /],
    [
      { routes: [{ path: '/readyz', respond: { body: '' } }] },
      /^routes\[0\]\.path: GET \/readyz is answered by health/,
    ],
    [
      { routes: [{ path: '/metrics', respond: { body: '' } }], metrics: true },
      /^routes\[0\]\.path: GET \/metrics is answered by metrics/,
    ],
  ])('%#', (config, fault) => {
    expect(faultsOf(config)).toEqual([expect.stringMatching(fault)]);
  });

  it('is told of in the options of drain and close, too', async () => {
    const gateway = createGateway({ routes, accessLog: false });
    await expect(gateway.drain({ delayMs: -1 })).rejects.toThrow('delayMs: got -1');
    await expect(gateway.close({ timeoutMs: 2 ** 31 })).rejects.toThrow('timeoutMs: got 2147483648');
    expect(gateway.health().status).toBe('healthy');
  });
});
