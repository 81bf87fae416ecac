/** Traces of a whole gateway, from a client over raw sockets to an upstream that records what arrives. */
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { get } from '../security/front.js';
import { eventually } from '../support/eventually.js';
import { exchange } from '../support/raw-client.js';
import { reply, type RawRequest, type RawRequestHandler, type RawUpstream } from '../support/raw-upstream.js';
import { CLIENT, only, parentId, SPAN, startSdk, stopSdk, TRACE, type Sdk } from '../tracing/support.js';
import {
  connectTo,
  failOnUncaught,
  freePort,
  startGateway,
  startRawUpstream,
  times,
  type RunningGateway,
} from './harness.js';

failOnUncaught();

const TRACEPARENT = /^00-[\da-f]{32}-[\da-f]{16}-0[01]$/;

interface Way extends RunningGateway {
  readonly upstream: RawUpstream;
  /** Sends one request; gives its answer and what arrived for it. */
  ask(data: string): Promise<{ status: number; arrived: readonly RawRequest[]; trace: string }>;
}

async function way(configure: Partial<GatewayConfig> = {}, onRequest?: RawRequestHandler): Promise<Way> {
  const upstream = await startRawUpstream(onRequest);
  const running = await startGateway({
    tracing: { answerHeader: true },
    routes: [{ path: '/', id: 'all', target: upstream.url, stripPrefix: false }],
    ...configure,
  });
  async function ask(data: string): Promise<{ status: number; arrived: readonly RawRequest[]; trace: string }> {
    const before = upstream.requests.length;
    const { response } = await exchange(running.port, data, { settleMs: 1 });
    const { status = 0, headers = {} } = response ?? {};
    return { status, arrived: upstream.requests.slice(before), trace: headers.traceresponse ?? '' };
  }
  return Object.assign(running, { upstream, ask });
}

function traceId(traceparent = ''): string {
  return traceparent.slice(3, 35);
}

function fieldsOf(requests: readonly RawRequest[], name: string): string[] {
  return requests.flatMap(({ rawHeaders }) =>
    rawHeaders.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value),
  );
}

let sdk: Sdk;

describe.each([
  ['with OpenTelemetry', true],
  ['without it', false],
])('the trace of a client, %s', (_how, opentelemetry) => {
  const tracing = { answerHeader: true, opentelemetry } as const;

  beforeEach(() => {
    sdk = startSdk();
  });
  afterEach(stopSdk);

  it('reaches the upstream with the span of the gateway in it', async () => {
    const { ask } = await way({ tracing });
    const { status, arrived, trace } = await ask(get('/', `traceparent: ${CLIENT}`, 'tracestate: a=1,b=2'));
    expect(status).toBe(200);
    const [sent = '', ...more] = fieldsOf(arrived, 'traceparent');
    expect(more).toEqual([]);
    expect([traceId(sent), traceId(trace)]).toEqual([TRACE, TRACE]);
    expect(sent).toMatch(TRACEPARENT);
    expect(new Set([sent.slice(36, 52), trace.slice(36, 52), SPAN]).size).toBe(3);
    expect(fieldsOf(arrived, 'tracestate')).toEqual(['a=1,b=2']);
  });

  const Z16 = '0'.repeat(16);
  it.each<[string, string[]]>([
    ['an empty one', ['traceparent:']],
    ['one in upper case', [`traceparent: ${CLIENT.toUpperCase()}`]],
    ['one of version ff', [`traceparent: ff${CLIENT.slice(2)}`]],
    ['one of version 00 with more behind', [`traceparent: ${CLIENT}-more`]],
    ['one without flags', [`traceparent: ${CLIENT.slice(0, -3)}`]],
    ['a trace of zeros', [`traceparent: 00-${Z16}${Z16}-${SPAN}-01`]],
    ['a span of zeros', [`traceparent: 00-${TRACE}-${Z16}-01`]],
    ['one that is too short', [`traceparent: ${CLIENT.slice(0, 40)}`]],
    ['one of 10 KB', [`traceparent: 00-${'a'.repeat(10_240)}`]],
    [
      '10 KB behind one of a version to come, without a dash',
      [`traceparent: 01${CLIENT.slice(2)}${'a'.repeat(10_240)}`],
    ],
    ['no hex', [`traceparent: 00-${'g'.repeat(32)}-${SPAN}-01`]],
    ['one in a list', [`traceparent: ${CLIENT}, ${CLIENT}`]],
    ['two', [`traceparent: ${CLIENT}`, `traceparent: ${CLIENT}`]],
    ['two that differ in their spelling', [`traceparent: ${CLIENT}`, `TraceParent: 00-${'b'.repeat(32)}-${SPAN}-01`]],
    ['one with characters of another alphabet', [`traceparent: ${CLIENT.slice(0, -1)}\u00b9`]],
    ['one with quotation marks', [`traceparent: "${CLIENT}"`]],
    ['one that breaks out of a record', ['traceparent: "},{"level":"error"']],
  ])('is not taken over where it is %s, nor is its tracestate', async (_what, fields) => {
    const { ask } = await way({ tracing });
    const { status, arrived } = await ask(get('/', ...fields, 'tracestate: forged=1'));
    expect(status).toBe(200);
    const [sent = '', ...more] = fieldsOf(arrived, 'traceparent');
    expect(more).toEqual([]);
    expect(sent).toMatch(TRACEPARENT);
    expect(traceId(sent)).not.toBe(TRACE);
    expect(arrived[0]?.head).not.toMatch(/forged|g{8}|a{8}|b{8}|level/);
  });

  it.each<[string, string[]]>([
    ['one of 10 KB', [`tracestate: forged=${'a'.repeat(10_240)}`]],
    [
      'one of more members than there may be',
      [`tracestate: ${Array.from({ length: 33 }, (_, i) => `forged${i}=1`).join()}`],
    ],
    ['one with a key in upper case', ['tracestate: Forged=1']],
    ['one without a value', ['tracestate: forged']],
    ['one with two equals signs', ['tracestate: forged=1=2']],
    ['one with a character of another alphabet', ['tracestate: forged=\u00e9']],
    ['one good, and one that is not', ['tracestate: forged=1', 'tracestate: Forged']],
  ])('goes on without its tracestate where that is %s', async (_what, fields) => {
    const { ask } = await way({ tracing });
    const { status, arrived } = await ask(get('/', `traceparent: ${CLIENT}`, ...fields));
    expect(status).toBe(200);
    expect(fieldsOf(arrived, 'traceparent').map(traceId)).toEqual([TRACE]);
    expect(fieldsOf(arrived, 'tracestate')).toEqual([]);
    expect(arrived[0]?.head).not.toMatch(/forged/i);
  });

  it('has its tracestate shortened to whole members, in one field, each key once', async () => {
    const { ask } = await way({ tracing });
    const members = Array.from({ length: 20 }, (_, index) => `k${index}=${'v'.repeat(60)}`);
    const fields = [...members.slice(0, 10), 'k0=again'].map((member) => `tracestate: ${member}`);
    const { arrived } = await ask(
      get('/', `traceparent: ${CLIENT}`, ...fields, `tracestate: ${members.slice(10).join()}`),
    );
    const [state = '', ...more] = fieldsOf(arrived, 'tracestate');
    expect(more).toEqual([]);
    expect(state.length).toBeLessThanOrEqual(512);
    expect(members.join()).toContain(state);
    expect(state.startsWith(`${members[0] ?? ''},`)).toBe(true);
  });

  it('cannot be kept from the upstream, or have its fields taken out, by naming them in Connection', async () => {
    const { ask } = await way({ tracing });
    const { arrived } = await ask(get('/', `traceparent: ${CLIENT}`, 'Connection: traceparent, tracestate, close'));
    expect(fieldsOf(arrived, 'traceparent')).toHaveLength(1);
  });

  it('starts anew at an edge that trusts no client', async () => {
    const { ask } = await way({ tracing: { ...tracing, incoming: 'restart' } });
    const { arrived } = await ask(get('/', `traceparent: ${CLIENT}`, 'tracestate: forged=1'));
    expect(fieldsOf(arrived, 'traceparent').map(traceId)).not.toContain(TRACE);
    expect(fieldsOf(arrived, 'tracestate')).toEqual([]);
  });

  it('arrives with another span for each try', async () => {
    let tries = 0;
    const { ask } = await way({ tracing, defaults: { retry: { retries: 2, backoffMs: 0 } } }, (_request, socket) => {
      reply(socket, ++tries < 3 ? 503 : 200);
    });
    const { status, arrived } = await ask(get('/', `traceparent: ${CLIENT}`));
    expect(status).toBe(200);
    const sent = fieldsOf(arrived, 'traceparent');
    expect(sent.map(traceId)).toEqual([TRACE, TRACE, TRACE]);
    expect(new Set(sent).size).toBe(3);
  });
});

describe('spans', () => {
  beforeEach(() => {
    sdk = startSdk();
  });
  afterEach(stopSdk);

  it('of tries are siblings below that of the exchange, and say which try they are', async () => {
    let tries = 0;
    const { ask } = await way({ defaults: { retry: { retries: 2, backoffMs: 0 } } }, (_request, socket) => {
      if (++tries === 1) socket.resetAndDestroy();
      else reply(socket, tries === 2 ? 503 : 200);
    });
    const { status, arrived } = await ask(get('/users', `traceparent: ${CLIENT}`));
    expect(status).toBe(200);
    await eventually(() => expect(sdk.spans).toHaveLength(4));
    const server = only(sdk, SpanKind.SERVER);
    const calls = sdk.spans.filter(({ kind }) => kind === SpanKind.CLIENT);
    expect(parentId(server)).toBe(SPAN);
    expect(calls.map(parentId)).toEqual(Array(3).fill(server.spanContext().spanId));
    expect(calls.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([undefined, 1, 2]);
    expect(calls.map(({ attributes }) => attributes['error.type'])).toEqual([
      'ERR_GATEWAY_UPSTREAM_RESET',
      '503',
      undefined,
    ]);
    expect(calls.map((span) => span.spanContext().spanId)).toEqual(
      fieldsOf(arrived, 'traceparent').map((sent) => sent.slice(36, 52)),
    );
    expect([server.name, server.attributes['http.response.status_code'], server.status.code]).toEqual([
      'GET /',
      200,
      SpanStatusCode.UNSET,
    ]);
  });

  it('of a route that refuses a caller have the status and the refusal, and nothing of who it is', async () => {
    const { ask, upstream } = await way({
      routes: [
        {
          path: '/',
          respond: { body: '' },
          auth: { apiKey: { consumers: [{ id: 'known-consumer', keys: ['k'.repeat(32)] }] } },
        },
      ],
    });
    expect((await ask(get('/', 'X-Api-Key: planted-key-of-mallory', 'X-User-Id: mallory'))).status).toBe(401);
    await eventually(() => expect(sdk.spans).toHaveLength(1));
    const { attributes, status, name, events } = only(sdk, SpanKind.SERVER);
    expect([name, status.code]).toEqual(['GET /', SpanStatusCode.UNSET]);
    expect(attributes).toMatchObject({
      'http.response.status_code': 401,
      'innergate.refusal': 'ERR_GATEWAY_CREDENTIALS_INVALID',
      'http.route': '/',
    });
    expect(JSON.stringify([attributes, events])).not.toMatch(/mallory|known-consumer/);
    expect(upstream.requests).toEqual([]);
  });

  it('of exchanges at the same time do not mix', async () => {
    const { port, upstream } = await way({ defaults: { retry: { retries: 1, backoffMs: 0 } } }, (request, socket) => {
      // Every tenth fails at first: more would use up the budget of retries.
      const isFirst = upstream.requests.filter(({ url }) => url === request.url).length === 1;
      setImmediate(() => {
        reply(socket, isFirst && Number(request.url.slice(1)) % 10 === 0 ? 503 : 200);
      });
    });
    const ids = Array.from({ length: 100 }, (_, index) => index.toString(16).padStart(32, 'c'));
    await times(100, async (index) => {
      const traceparent = `00-${ids[index] ?? ''}-${SPAN}-01`;
      const { response } = await exchange(port, get(`/${index}`, `traceparent: ${traceparent}`), { settleMs: 0 });
      expect(response?.status).toBe(200);
    });
    await eventually(() => expect(sdk.spans).toHaveLength(210));
    for (const span of sdk.spans) {
      const path = span.attributes['url.path'] ?? new URL(String(span.attributes['url.full'])).pathname;
      expect(span.spanContext().traceId).toBe(ids[Number(String(path).slice(1))]);
    }
    for (const { url, headers } of upstream.requests)
      expect(traceId(headers.traceparent)).toBe(ids[Number(url.slice(1))]);
  });

  it('all end when clients leave, wherever their exchanges are', async () => {
    const running = await way(
      { defaults: { retry: { retries: 3, backoffMs: 60_000, maxBackoffMs: 60_000 } } },
      ({ url }, socket) => {
        if (url === '/half') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
        if (url === '/retried') reply(socket, 503);
      },
    );
    const clients = ['/never', '/half', '/retried'].map((path) => {
      const client = connectTo(running);
      client.write(get(path));
      return client;
    });
    const upload = connectTo(running);
    upload.write('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
    await eventually(() => expect(running.upstream.requests).toHaveLength(4));
    await eventually(() => expect(clients[1]?.received().toString()).toContain('half'));
    for (const client of [...clients, upload]) client.reset();
    await eventually(() => expect(sdk.spans).toHaveLength(8));
    expect(sdk.started).toBe(8);
    const servers = sdk.spans.filter(({ kind }) => kind === SpanKind.SERVER);
    expect(servers.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([499, 499, 499, 499]);
    expect(servers.map(({ status }) => status.code)).toEqual(Array(4).fill(SpanStatusCode.UNSET));
  });

  it('all end where nothing can be reached, and where a handler fails', async () => {
    const running = await way({
      routes: [
        { path: '/down', target: `http://127.0.0.1:${await freePort()}`, retry: { retries: 1, backoffMs: 0 } },
        { path: '/throws', respond: () => Promise.reject(new Error('no')) },
      ],
    });
    expect((await running.ask(get('/down'))).status).toBe(502);
    expect((await running.ask(get('/throws'))).status).toBe(500);
    await eventually(() => expect(sdk.spans.length).toBe(sdk.started));
    const servers = sdk.spans.filter(({ kind }) => kind === SpanKind.SERVER);
    expect(servers.map(({ attributes, status }) => [attributes['error.type'], status.code])).toEqual([
      ['ERR_GATEWAY_UPSTREAM_UNREACHABLE', SpanStatusCode.ERROR],
      ['ERR_GATEWAY_INTERNAL', SpanStatusCode.ERROR],
    ]);
  });
});
