/** What strangers can do to the metrics of a gateway, and see of them, over real sockets. */
import { METHODS, createServer } from 'node:http';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gateway as expressGateway } from '../../src/adapters/express.js';
import type { Gateway, GatewayConfig } from '../../src/gateway/index.js';
import {
  connectTo,
  failOnUncaught,
  freePort,
  getRaw,
  send,
  start,
  startGateway,
  startRawUpstream,
  startUpstream,
  times,
  type RunningGateway,
} from '../integration/harness.js';
import { MetricsRegistry, type ExpositionFormat } from '../../src/metrics/index.js';
import { parseText, textOf } from '../metrics/parse-text.js';
import { checkMetrics } from '../metrics/promtool.js';
import { eventually } from '../support/eventually.js';
import { isInstalled } from '../support/installed.js';
import { seededRandom } from '../support/random.js';
import { exchange, rawClient } from '../support/raw-client.js';
import { reply } from '../support/raw-upstream.js';
import { get, lines } from './front.js';

failOnUncaught();

/** The client of these tests is one of them, or none. */
const LOCAL = ['127.0.0.1'];
const ELSEWHERE = ['10.0.0.0/8', '127.0.0.2'];

const FORMATS: readonly [accept: string, format: ExpositionFormat][] = [
  ['text/plain', 'prometheus'],
  ['application/openmetrics-text', 'openmetrics'],
];

async function scrape({ url }: { readonly url: string }, accept = 'text/plain'): Promise<string> {
  const { status, text } = await send(`${url}/metrics`, { headers: { accept } });
  expect(status).toBe(200);
  return Buffer.from(text, 'latin1').toString();
}

/** Names and labels, without the values. */
async function seriesOf({ metrics }: Gateway): Promise<string[]> {
  if (metrics === null) throw new Error('there are no metrics');
  return (await textOf(metrics)).split('\n').map((line) => line.replace(/ \S+$/, ''));
}

async function activeRequests({ metrics }: Gateway): Promise<number> {
  if (metrics === null) throw new Error('there are no metrics');
  const families = parseText(await textOf(metrics), 'prometheus');
  const samples = families.find(({ name }) => name === 'http_server_active_requests')?.samples ?? [];
  return samples.reduce((sum, { value }) => sum + value, 0);
}

const ANSWER = '\r\nx-request-id: ';

/** Sends requests without waiting for answers, some hundred at a time, until each has its answer. */
async function pipeline(running: RunningGateway, requests: readonly string[]): Promise<void> {
  const client = rawClient(running.port);
  let answers = 0;
  let rest = '';
  client.socket.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('latin1')).split(ANSWER);
    answers += parts.length - 1;
    rest = parts.at(-1)?.slice(-ANSWER.length + 1) ?? '';
  });
  for (let sent = 0; sent < requests.length; sent += 250) {
    const batch = requests.slice(sent, sent + 250);
    client.write(batch.join(''));
    await eventually(() => answers === sent + batch.length, { withinMs: 20_000, everyMs: 1 });
  }
  client.destroy();
}

const KEY = '0123456789abcdef0123456789abcdef';

describe('random requests', () => {
  it('add no series, however many URLs, methods, hosts and fields there are', { timeout: 120_000 }, async () => {
    const random = seededRandom(5);
    const running = await startGateway({
      accessLog: false,
      metrics: { process: false, viewers: false },
      tracing: { opentelemetry: false },
      trustProxy: 1,
      routes: [
        { path: '/users/:id', id: 'users', respond: { body: 'ok' } },
        { path: '/keys', respond: { body: '' }, auth: { apiKey: { consumers: [{ id: 'shop', keys: [KEY] }] } } },
        { path: '/throws', respond: () => Promise.reject(new Error(String(random.int(1e9)))) },
        { path: '/down', target: `http://127.0.0.1:${await freePort()}`, methods: ['GET'], circuitBreaker: true },
      ],
    });
    const methods = METHODS.filter((method) => method !== 'CONNECT');
    const word = (): string => random.int(2 ** 31).toString(36);
    const path = (): string =>
      random.pick([
        `/users/${word()}`,
        `/keys/${word()}`,
        `/throws/${word()}`,
        `/${word()}`,
        `/down/${word()}`,
        '/metrics',
      ]);

    function request(): string {
      return lines(
        `${random.pick(methods)} ${path()}?${word()}=${word()} HTTP/1.1`,
        `Host: ${word()}.test`,
        `User-Agent: ${word()}`,
        `X-Forwarded-For: 10.${random.int(255)}.${random.int(255)}.${random.int(255)}`,
        `X-Request-Id: ${word()}`,
        `X-${word()}: ${word()}`,
        'Content-Length: 0',
        '',
      );
    }
    const requests = (count: number): string[] => Array.from({ length: count }, request);

    await times(4, () => pipeline(running, requests(1_500)));
    const before = await seriesOf(running.gateway);
    const usage = Object.keys(running.gateway.stats().routes);
    await times(4, () => pipeline(running, requests(25_000)));
    expect(await seriesOf(running.gateway)).toEqual(before);
    expect(Object.keys(running.gateway.stats().routes)).toEqual(usage);
    expect(running.gateway.stats().consumers).toEqual({});
    expect(before.length).toBeLessThan(2_000);
    expect(await activeRequests(running.gateway)).toBe(0);
  });
});

describe('labels from the config', () => {
  const ODD = 'a"b\\c\nd{e="f"} 1\n# TYPE forged counter\r\u2028\u0000';

  it('come out escaped, and are read back as they were', async () => {
    const origin = await startUpstream();
    const running = await startGateway({
      metrics: { registry: new MetricsRegistry({ labels: { service: ODD } }) },
      routes: [
        { path: '/odd', id: ODD, target: origin.url, rateLimit: { limit: 1, windowMs: 60_000 }, circuitBreaker: true },
        { path: '/proto', id: '__proto__', respond: { body: '' } },
        { path: '/constructor', id: 'constructor', respond: { body: '' } },
      ],
    });
    for (const path of ['/odd', '/odd', '/proto', '/constructor', '/proto']) await send(running.url + path);
    for (const [accept, format] of FORMATS) {
      const families = parseText(await scrape(running, accept), format);
      const samples = families
        .flatMap((family) => family.samples)
        .filter(({ name }) => name.endsWith('_seconds_count'));
      const routes = samples.flatMap(({ labels }) => (labels.http_route === undefined ? [] : [labels.http_route]));
      expect(routes).toEqual(expect.arrayContaining([ODD, '__proto__', 'constructor']));
      expect(new Set(samples.map(({ labels }) => labels.service))).toEqual(new Set([ODD]));
      expect(families.map(({ name }) => name)).not.toContain('forged');
    }
    const { routes } = running.gateway.stats();
    expect(Object.getOwnPropertyDescriptor(routes, '__proto__')?.value).toMatchObject({ requests: 2 });
    expect(routes.constructor).toMatchObject({ requests: 1 });
  });

  it.runIf(isInstalled('promtool'))('are accepted by promtool', async () => {
    const running = await startGateway({
      metrics: true,
      routes: [{ path: '/', id: ODD.replace('\u0000', ''), respond: { body: '' } }],
    });
    await send(running.url);
    expect(checkMetrics(await scrape(running))).toBe('');
  });
});

describe('a scrape', () => {
  it('under load is answered whole, in both formats', async () => {
    const origin = await startUpstream((_request, response) => response.end('ok'));
    const running = await startGateway({ metrics: true, routes: [{ path: '/', id: 'all', target: origin.url }] });
    let isOver = false;
    let answered = 0;
    const load = times(16, async () => {
      while (!isOver) {
        expect((await send(`${running.url}/${answered}`)).status).toBe(200);
        answered++;
      }
    });
    await eventually(() => answered > 50);
    for (let round = 0; round < 20; round++)
      for (const [accept, format] of FORMATS) {
        const { status, headers, text } = await send(`${running.url}/metrics`, { headers: { accept } });
        expect([status, headers['content-type']]).toEqual([200, expect.stringContaining(accept)]);
        expect(parseText(text, format).length).toBeGreaterThan(10);
      }
    isOver = true;
    await load;
  });

  it('that is left in the middle gives its place back', async () => {
    const running = await startGateway({ metrics: true, routes: [{ path: '/', respond: { body: '' } }] });
    for (let round = 0; round < 12; round++) {
      const client = getRaw(running, '/metrics');
      await eventually(() => client.bytesReceived > 0, { everyMs: 1 });
      client.reset();
      await client.closed;
    }
    await eventually(async () => (await send(`${running.url}/metrics`)).status === 200);
    await eventually(async () => expect(await activeRequests(running.gateway)).toBe(0));
  });
});

/** Ways in which somebody writes the path of the metrics. */
const SPELLINGS = [
  '/metrics',
  '/metrics/',
  '/METRICS',
  '/Metrics',
  '//metrics',
  '///metrics',
  '/metrics?x',
  '/metrics?format=openmetrics',
  '/%6detrics',
  '/%6Detrics',
  '/metric%73',
  '/metrics;x',
  '/metrics;jsessionid=1',
  '/metrics%20',
  '/metrics%00',
  '/metrics%2f',
  '/./metrics',
  '/x/../metrics',
  '/.%2e/metrics',
  'http://gateway.test/metrics',
  'http://gateway.test//metrics',
];

/** What somebody says who would be somebody else. */
const CLAIMS = [
  'X-Forwarded-For: 127.0.0.1',
  'X-Forwarded-For: 10.0.0.1',
  'X-Forwarded-For: 10.0.0.1, 127.0.0.1',
  'X-Forwarded-For: ::1',
  'X-Forwarded-For:',
  'Forwarded: for=127.0.0.1',
  'Forwarded: for="[::1]";proto=https, for=10.0.0.1',
  'X-Real-IP: 127.0.0.1',
  'X-Real-IP: 10.0.0.1',
  'X-Client-IP: 10.0.0.1',
  'True-Client-IP: 10.0.0.1',
  'CF-Connecting-IP: 10.0.0.1',
  'X-Original-URL: /metrics',
  'X-Rewrite-URL: /metrics',
  'X-HTTP-Method-Override: GET',
  'Via: 1.1 localhost',
  'Authorization: Basic cHJvbWV0aGV1czo=',
];

describe.each([
  ['by itself', (config: GatewayConfig) => startGateway(config)],
  ['in Express', (config: GatewayConfig) => startExpress(config)],
])('a stranger, with a gateway %s', (_how, begin) => {
  const routes: GatewayConfig['routes'] = [{ path: '/api', respond: { body: 'route' } }];

  it.each(SPELLINGS)('sees no metrics at %s', async (target) => {
    const { port } = await begin({ metrics: { viewers: ELSEWHERE }, routes });
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'QUERY'])
      for (const field of ['X: y', ...(target === '/metrics' ? CLAIMS : [])]) {
        const head = `${method} ${target} HTTP/1.1`;
        const { response } = await exchange(
          port,
          lines(head, 'Host: gateway.test', 'Connection: close', 'Content-Length: 0', field, ''),
          { head: method === 'HEAD', settleMs: 1 },
        );
        const { headers = {}, body = '' } = response ?? {};
        expect.soft(body.toString(), `${head}, ${field}`).not.toMatch(/# (?:TYPE|HELP)|http_server/);
        expect.soft(headers['content-type'] ?? '', `${head}, ${field}`).not.toMatch(/openmetrics|version=0\.0\.4/);
      }
  });

  it.each(['X-Forwarded-For: 203.0.113.7', 'Forwarded: for=203.0.113.7', 'X-Real-IP: 203.0.113.7'])(
    'who comes through a proxy that nobody vouches for is one: %s',
    async (field) => {
      const { url, port } = await begin({ metrics: { viewers: LOCAL }, routes });
      expect((await send(`${url}/metrics`)).text).toContain('# TYPE');
      const { response } = await exchange(port, get('/metrics', 'Connection: close', field), { settleMs: 1 });
      expect(response?.body.toString().slice(0, 100)).not.toMatch(/# (?:TYPE|HELP)/);
    },
  );

  it('who comes through a trusted proxy is nobody else, whatever he says of himself', async () => {
    const { port } = await begin({ metrics: { viewers: LOCAL }, trustProxy: 'loopback', routes });
    for (const claimed of ['127.0.0.1', '127.0.0.1, 127.0.0.1', '::ffff:127.0.0.1', '"127.0.0.1"', 'unknown', '']) {
      const field = `X-Forwarded-For: ${claimed}, 203.0.113.7`;
      const { response } = await exchange(port, get('/metrics', 'Connection: close', field), { settleMs: 1 });
      expect.soft(response?.body.toString(), field).not.toContain('# TYPE');
    }
  });
});

describe('in Express', () => {
  it('the app has its own metrics where the gateway has none, or shows none, and nobody else answers the other spellings', async () => {
    for (const metrics of [false, { viewers: ELSEWHERE }, { path: false as const }, { path: '/-/metrics' }]) {
      const { url } = await startExpress({ metrics, routes: [{ path: '/api', respond: { body: 'route' } }] });
      expect((await send(`${url}/metrics`)).text).toBe('the metrics of the app');
      expect((await send(`${url}/metrics`, { method: 'POST' })).text).toBe('posted to the app');
    }
  });

  it('the gateway answers those who may see its own', async () => {
    const { url } = await startExpress({ metrics: true, routes: [{ path: '/api', respond: { body: 'route' } }] });
    expect((await send(`${url}/metrics`)).text).toContain('# TYPE');
    expect((await send(`${url}/metrics`, { method: 'POST' })).text).toBe('posted to the app');
  });
});

describe('active requests', () => {
  it('are 0 again after requests that were refused, failed, passed on, upgraded, or left by their clients', async () => {
    const origin = await startRawUpstream((request, socket) => {
      if (request.url === '/reset') socket.resetAndDestroy();
      else if (request.url === '/nonsense') socket.write('nonsense\r\n\r\n');
      else if (request.url === '/half') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      else if (request.url !== '/never') reply(socket, 200, {}, 'ok');
    });
    const running = await startExpress({
      metrics: true,
      tracing: true,
      routes: [
        { path: '/api', target: origin.url },
        { path: '/down', target: `http://127.0.0.1:${await freePort()}`, retry: { retries: 2, backoffMs: 0 } },
        { path: '/throws', respond: () => Promise.reject(new Error('no')) },
        { path: '/limited', respond: { body: '' }, rateLimit: { limit: 1, windowMs: 60_000 } },
        { path: '/upload', target: origin.url, maxBodyBytes: 4 },
      ],
    });
    const done = [
      get('/api/x'),
      get('/api/reset'),
      get('/api/nonsense'),
      get('/down'),
      get('/throws'),
      get('/limited'),
      get('/limited'),
      get('/nowhere'),
      get('/metrics', 'Accept: application/openmetrics-text'),
      get('/health'),
      get('/%zz'),
      get('/api/x', 'Upgrade: websocket', 'Connection: upgrade', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13'),
      get('/api/x', 'Upgrade: h2c', 'Connection: upgrade, http2-settings', 'HTTP2-Settings: x'),
      lines('HEAD /api/x HTTP/1.1', 'Host: gateway.test', ''),
      lines('OPTIONS * HTTP/1.1', 'Host: gateway.test', ''),
      lines('TRACE / HTTP/1.1', 'Host: gateway.test', ''),
      lines('POST /upload HTTP/1.1', 'Host: gateway.test', 'Content-Length: 10', '', '0123456789'),
      lines(
        'POST /upload HTTP/1.1',
        'Host: gateway.test',
        'Transfer-Encoding: chunked',
        '',
        'a',
        '0123456789',
        '0',
        '',
      ),
      lines('GET / HTTP/1.1', 'Host: a', 'Host: b', ''),
    ];
    for (const data of done) await exchange(running.port, data, { settleMs: 1, withinMs: 500 });

    const left = [
      get('/api/never'),
      get('/api/half'),
      get('/slow'),
      lines('POST /api/never HTTP/1.1', 'Host: a', 'Content-Length: 10', '', 'x'),
    ];
    const clients = left.map((data) => {
      const client = connectTo(running);
      client.write(data);
      return client;
    });
    await eventually(() => expect(origin.requests.filter(({ url }) => /never|half/.test(url))).toHaveLength(3));
    expect(await activeRequests(running.gateway)).toBeGreaterThanOrEqual(3);
    for (const client of clients) client.reset();
    await eventually(async () => expect(await activeRequests(running.gateway)).toBe(0));
    expect(running.gateway.stats().inFlight).toBe(0);
  });
});

interface InExpress {
  readonly url: string;
  readonly port: number;
  readonly gateway: Gateway;
}

/** A gateway in front of an app that has metrics of its own, and a handler that never answers. */
async function startExpress(config: GatewayConfig): Promise<InExpress> {
  const mounted = expressGateway({ accessLog: false, ...config });
  const app = express();
  app.use(mounted);
  app.get('/metrics', (_req, res) => void res.send('the metrics of the app'));
  app.post('/metrics', (_req, res) => void res.send('posted to the app'));
  app.get('/slow', () => undefined);
  const { url, port } = await start(createServer(app));
  onTestFinished(() => mounted.close({ timeoutMs: 0 }));
  return { url, port, gateway: mounted.gateway };
}
