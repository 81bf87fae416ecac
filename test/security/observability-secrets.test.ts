/** Secrets are planted wherever a request, an answer or an error can hold one, and looked for in all that an operator sees. */
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Middleware } from '../../src/core/types.js';
import type { AuthMode, GatewayConfig, RouteAuth } from '../../src/gateway/index.js';
import { freePort, send, startGateway, startRawUpstream, type RunningGateway } from '../integration/harness.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { exchange } from '../support/raw-client.js';
import { reply, type RawRequestHandler } from '../support/raw-upstream.js';
import { startSdk, stopSdk, type Sdk } from '../tracing/support.js';
import { get } from './front.js';
import { LOG_NAMES, logOptions } from './logs.js';

/** What must be nowhere. */
let planted: string[] = [];
/** What the operator gets to see, by where it was. */
let heard: [where: string, text: string][] = [];
let sdk: Sdk;

function plant(name: string): string {
  const secret = `${name}${randomBytes(16).toString('hex')}`;
  planted.push(secret);
  return secret;
}

function hearWarning(warning: Error): void {
  heard.push(['a warning', `${warning.message} ${warning.stack ?? ''} ${JSON.stringify(warning)}`]);
}

/** Characters by which a secret is known; a text that was cut keeps as many. */
const TELLING = 14;

/** Where a secret is told, in whole or in part, as it is or encoded. */
function leaks(): string[] {
  const traces = planted.flatMap((secret) =>
    [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')].flatMap((form) => [
      form.slice(0, TELLING),
      form.slice(-TELLING),
    ]),
  );
  return heard.flatMap(([where, text]) =>
    traces.filter((trace) => text.includes(trace)).map((trace) => `${where}: ${around(text, trace)}`),
  );
}

function around(text: string, trace: string): string {
  const start = text.indexOf(trace);
  return text.slice(Math.max(0, start - 60), start + trace.length + 10);
}

beforeEach(() => {
  planted = [];
  heard = [];
  sdk = startSdk();
  process.on('warning', hearWarning);
});

afterEach(async () => {
  // A warning is told when the microtasks of a turn are over.
  await turn();
  process.off('warning', hearWarning);
  stopSdk();
});

const PATH_OF_KEYS = '/keys';
const KEY_NAMES = { header: 'x-shop-pass', query: 'voucher' } as const;

interface Watched extends RunningGateway {
  /** Sends requests, each on a connection of its own, until each has its lines. */
  ask(...requests: readonly string[]): Promise<number[]>;
  /** Hears all that a gateway shows besides its log, and looks for what must not be there. */
  expectNoLeaks(): Promise<void>;
}

/** A gateway with everything on that writes anything down. */
async function watched(config: GatewayConfig, log = 'json'): Promise<Watched> {
  let written = 0;
  const accessLog = logOptions(log, (text) => {
    written++;
    heard.push([`the log, ${log}`, text]);
  });
  const headers = ['authorization', 'cookie', 'proxy-authorization', 'referer', 'x-api-key', KEY_NAMES.header];
  const running = await startGateway({
    clock: new FakeClock(),
    metrics: true,
    tracing: true,
    health: { details: true },
    ...config,
    accessLog: { query: true, headers, ...accessLog },
  });

  async function ask(...requests: readonly string[]): Promise<number[]> {
    const statuses: number[] = [];
    for (const data of requests) {
      const before = written;
      const { response } = await exchange(running.port, data, { settleMs: 5 });
      statuses.push(response?.status ?? 0);
      await eventually(() => written > before);
    }
    return statuses;
  }

  async function hearAll(): Promise<void> {
    for (const accept of ['text/plain', 'application/openmetrics-text'])
      heard.push(['a scrape', (await send(`${running.url}/metrics`, { headers: { accept } })).text]);
    for (const path of ['/health', '/readyz?verbose', '/livez'])
      heard.push([path, (await send(running.url + path)).text]);
    for (const { name, attributes, events, status, links } of sdk.spans)
      heard.push(['a span', JSON.stringify([name, attributes, events, status, links])]);
    const { gateway } = running;
    for (const { path } of config.routes) heard.push(['explain', JSON.stringify(gateway.explain('GET', path))]);
    heard.push(['stats', JSON.stringify(gateway.stats())], ['health', JSON.stringify(gateway.health())]);
    await turn();
  }

  async function expectNoLeaks(): Promise<void> {
    await hearAll();
    for (const where of [`the log, ${log}`, 'a span', 'a scrape', '/health', 'explain', 'stats'])
      expect(heard.map(([from]) => from)).toContain(where);
    expect(planted.length).toBeGreaterThan(0);
    expect(leaks()).toEqual([]);
  }

  return Object.assign(running, { ask, expectNoLeaks });
}

/** Requests with secrets in every place that is known for them. */
function telling(path: string): string[] {
  const s = plant;
  return [
    get(path, `Authorization: Bearer ${s('bearer')}`),
    get(path, `Authorization: Basic ${Buffer.from(`ada:${s('basic')}`).toString('base64')}`),
    get(path, `Authorization: Digest username="ada", response="${s('digest')}"`),
    get(path, `Proxy-Authorization: Basic ${s('proxy')}`),
    get(path, `Cookie: session=${s('cookie')}; theme=dark`),
    get(path, `X-Api-Key: ${s('apikey')}`, `X-Auth-Token: ${s('authtoken')}`),
    get(path, `X-Shop-Pass: ${s('own-header')}`),
    get(path, `Referer: http://app.test/?token=${s('referer')}&voucher=${s('referer-own')}`),
    get(path, `Referer: http://ada:${s('referer-user')}@app.test/`),
    get(path, `Origin: http://ada:${s('origin')}@app.test`),
    get(`${path}?token=${s('query')}&access_token=${s('query')}&api-key=${s('query')}&code=${s('query')}`),
    get(`${path}?page=2&voucher=${s('own-query')}&Voucher=${s('own-query')}&%76oucher=${s('own-query')}`),
    get(`${path}?next=http://ada:${s('user-info')}@app.test/`),
    get(`${path}?next=http%3A%2F%2Fada%3A${s('user-info')}%40app.test%2F`),
  ];
}

const answering: RawRequestHandler = (_request, socket) => {
  reply(
    socket,
    302,
    {
      'set-cookie': [`session=${plant('set-cookie')}; HttpOnly`, `csrf=${plant('set-cookie')}`],
      location: `http://ada:${plant('location')}@internal.test/?token=${plant('location')}`,
      'www-authenticate': `Bearer ${plant('challenge')}`,
      'x-api-key': plant('answer'),
    },
    plant('body'),
  );
};

/** Keys in fields and parameters that are called as nobody else calls them. */
function auth(key: string, mode: AuthMode = 'required'): RouteAuth {
  const keyFrom = [{ header: KEY_NAMES.header }, { query: KEY_NAMES.query }];
  return { mode, apiKey: { keyFrom, consumers: [{ id: 'shop', keys: [key] }] } };
}

describe('by those who look', () => {
  it('a secret is found wherever it is, be it cut off or encoded', () => {
    const secret = plant('found');
    for (const text of [secret, `${secret.slice(0, 20)}...`, Buffer.from(secret).toString('base64')]) {
      heard = [['here', `no row for ${text}`]];
      expect(leaks()).not.toEqual([]);
    }
    heard = [['here', 'no row']];
    expect(leaks()).toEqual([]);
  });
});

describe.each(LOG_NAMES)('no secret is told with the log written by %s', (log) => {
  it('of requests that are let in, turned away, or fail', { timeout: 30_000 }, async () => {
    const origin = await startRawUpstream(answering);
    const key = plant('good-key');
    const running = await watched(
      {
        routes: [
          { path: PATH_OF_KEYS, target: origin.url, auth: auth(key) },
          { path: '/open', target: origin.url },
          { path: '/down', target: `http://127.0.0.1:${await freePort()}` },
        ],
      },
      log,
    );
    for (const path of [PATH_OF_KEYS, '/open', '/down', '/nowhere']) await running.ask(...telling(path));
    const good = [get(PATH_OF_KEYS, `X-Shop-Pass: ${key}`), get(`${PATH_OF_KEYS}?voucher=${key}`)];
    expect(await running.ask(...good)).toEqual([302, 302]);
    await running.expectNoLeaks();
  });
});

describe('no secret is told', () => {
  it('of an absolute target with user information', async () => {
    const origin = await startRawUpstream();
    const running = await watched({ routes: [{ path: '/', target: origin.url }] });
    const url = `http://ada:${plant('user-info')}@gateway.test/`;
    await running.ask(get('/'), `GET ${url} HTTP/1.1\r\nHost: gateway.test\r\n\r\n`);
    await running.expectNoLeaks();
  });

  it('of a path with a token in it, or a URL with user information', async () => {
    const origin = await startRawUpstream();
    const running = await watched({ routes: [{ path: '/', target: origin.url }] });
    const token = `eyJhbGciOiJIUzI1NiJ9.eyJ${plant('claims')}.${plant('signature')}`;
    await running.ask(get(`/reset/${token}`), get(`/fetch/http%3A%2F%2Fada%3A${plant('user-info')}%40app.test`));
    await running.expectNoLeaks();
  });

  it('of a user agent that has one in its name', async () => {
    const origin = await startRawUpstream();
    const running = await watched({ routes: [{ path: '/', target: origin.url }] });
    await running.ask(
      get('/', `User-Agent: client/1 (Authorization: Bearer ${plant('agent')})`),
      get('/', `User-Agent: client/1 (+http://ada:${plant('agent')}@app.test/)`),
    );
    await running.expectNoLeaks();
  });

  it.each<[string, RawRequestHandler]>([
    ['says all that it got in a bad field', ({ head }, socket) => socket.write(`HTTP/1.1 200 OK\r\n${head}\0`)],
    ['speaks nonsense', ({ head }, socket) => socket.write(head.toUpperCase())],
    ['resets', (_request, socket) => socket.resetAndDestroy()],
  ])('where the service %s', async (_what, onRequest) => {
    const origin = await startRawUpstream(onRequest);
    const running = await watched({
      routes: [
        { path: PATH_OF_KEYS, target: origin.url, auth: auth(plant('key')) },
        { path: '/', target: origin.url },
      ],
    });
    await running.ask(...telling('/'));
    await running.expectNoLeaks();
  });
});

/** What an error says that a function of the application throws, in the forms that are usual. */
const MESSAGES: Readonly<Record<string, (secret: string) => string>> = {
  'Authorization, Bearer': (secret) => `401 for Authorization: Bearer ${secret}`,
  'Authorization, a scheme of its own': (secret) => `401 for Authorization: ApiKey ${secret}`,
  'Authorization, Digest': (secret) => `401 for authorization: Digest username="ada", response="${secret}"`,
  'Authorization, as JSON': (secret) => `401 for ${JSON.stringify({ authorization: `Digest ${secret}` })}`,
  Cookie: (secret) => `401 for Cookie: theme=dark; session=${secret}`,
  'Cookie, as JSON': (secret) => `401 for ${JSON.stringify({ cookie: `session=${secret}`, host: 'a' })}`,
  'Set-Cookie': (secret) => `cannot take over set-cookie: session=${secret}; Path=/`,
  'Set-Cookie, as JSON': (secret) => `cannot take over ${JSON.stringify({ 'set-cookie': [`session=${secret}`] })}`,
  'X-Api-Key': (secret) => `401 for X-Api-Key: ${secret}`,
  'X-Api-Key, as JSON': (secret) => `401 for ${JSON.stringify({ 'x-api-key': secret })}`,
  'a JWT': (secret) => `jwt malformed: eyJhbGciOiJIUzI1NiJ9.eyJ${secret}.${secret}`,
  'user information': (secret) => `connect ECONNREFUSED postgres://ada:${secret}@db:5432/shop`,
  'user information with an @ in it': (secret) => `connect ECONNREFUSED redis://:p@${secret}@redis:6379`,
  'a query': (secret) => `GET http://users:3001/?page=2&access_token=${secret} failed`,
  'a query, a short name': (secret) => `GET http://users:3001/?code=${secret} failed`,
  'a query, a name of the config': (secret) => `GET http://users:3001/?voucher=${secret} failed`,
  'a field, a name of the config': (secret) => `401 for x-shop-pass: ${secret}`,
  'a body': (secret) => `bad body ${JSON.stringify({ user: 'ada', password: secret })}`,
  'a body that is cut off': (secret) => `Unexpected end of JSON input in {"user":"ada","password":"${secret}`,
  'a body with a quotation mark': (secret) => `bad body ${JSON.stringify({ password: `a"b${secret}` })}`,
  'a body inside of JSON': (secret) =>
    `bad body ${JSON.stringify({ body: JSON.stringify({ user: 'ada', password: secret }) })}`,
};

/** Those without a name that only the config knows. */
const GENERAL = Object.entries(MESSAGES).filter(([name]) => !name.endsWith('of the config'));

describe('no secret is told by an error', () => {
  it.each(Object.entries(MESSAGES))('that a middleware throws, with %s', async (_name, message) => {
    const throwing: Middleware = () => {
      throw new Error(message(plant('thrown')));
    };
    const running = await watched({
      routes: [{ path: '/', respond: { body: '' }, use: [throwing], auth: auth(plant('key'), 'optional') }],
    });
    expect(await running.ask(get('/'))).toEqual([500]);
    expect(heard[0]?.[1]).toContain('"error":');
    await running.expectNoLeaks();
  });

  it.each(GENERAL)('that a check of health throws or tells, with %s', async (_name, message) => {
    const throwing = (): never => {
      throw new Error(message(plant('thrown')));
    };
    const telling = (): { healthy: boolean; message: string } => ({
      healthy: false,
      message: message(plant('told')),
    });
    const running = await watched({
      routes: [{ path: '/', respond: { body: '' } }],
      health: { details: true, checks: { throwing, telling } },
    });
    await running.ask(get('/'));
    await running.expectNoLeaks();
    const { checks } = running.gateway.health();
    expect([checks.throwing?.status, checks.telling?.status]).toEqual(['down', 'down']);
    expect(checks.telling?.message).toBeTypeOf('string');
  });

  it.each(GENERAL)('of a store of limits, with %s', async (_name, message) => {
    const consume = (): never => {
      throw new Error(message(plant('thrown')));
    };
    const store = { remote: true, open: () => ({ consume, close: () => undefined }) } as never;
    const rateLimit = { limit: 1, windowMs: 60_000, store };
    const running = await watched({ routes: [{ path: '/', respond: { body: '' }, rateLimit }] });
    expect(await running.ask(get('/'))).toEqual([200]);
    expect(heard.map(([, text]) => text).join('')).toMatch(/"level":"warn".* down"/);
    await running.expectNoLeaks();
  });

  it.each(GENERAL)('of which a warning of the process tells, with %s', async (_name, message) => {
    const fail = (): never => {
      throw new Error(message(plant('thrown')));
    };
    const rateLimit = { limit: 1, windowMs: 60_000, onLimited: fail };
    const running = await watched({
      tracing: { incoming: fail },
      routes: [{ path: '/', respond: { body: '' }, rateLimit }],
    });
    running.gateway.metrics?.collect(fail);
    const request = get('/', 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
    expect(await running.ask(request, request)).toEqual([200, 429]);
    await running.expectNoLeaks();
    const warnings = heard.filter(([where]) => where === 'a warning').map(([, text]) => text.split(' failed')[0]);
    expect(warnings).toEqual(['The function of tracing.incoming', "A limiter's onLimited", 'A collector of metrics']);
  });
});
