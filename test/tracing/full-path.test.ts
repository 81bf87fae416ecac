import { createServer, request, type IncomingMessage } from 'node:http';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { toNode } from '../../src/adapters/node/index.js';
import { compose } from '../../src/core/compose.js';
import type { Middleware } from '../../src/core/types.js';
import { proxy } from '../../src/proxy/index.js';
import { retry } from '../../src/retry/index.js';
import { parseTraceparent, tracing } from '../../src/tracing/index.js';
import { eventually } from '../support/eventually.js';
import { listen } from '../support/listen.js';
import { answerJson, upstream, type UpstreamHandler } from '../support/upstream.js';
import { CLIENT, SPAN, startSdk, stopSdk, TRACE, type Sdk } from './support.js';

const HEADERS = { traceparent: CLIENT, tracestate: 'foo=1' };

const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const revert of undo.splice(0).reverse()) await revert();
  stopSdk();
});

interface Path {
  readonly url: string;
  readonly requests: readonly IncomingMessage[];
}

/** A client, the gateway and an upstream on sockets of their own. */
async function path(middlewares: readonly Middleware[], handler?: UpstreamHandler): Promise<Path> {
  const { url: target, requests, close } = await upstream(handler);
  const forward = proxy({ target });
  const server = await listen(createServer(toNode(compose(middlewares, forward))));
  undo.push(
    close,
    () => forward.close(),
    () => server.close(),
  );
  return { url: server.url, requests };
}

function sentParents({ requests }: Path): (string | undefined)[] {
  return requests.map(({ headers }) => parseTraceparent(String(headers.traceparent))?.parentId);
}

function spansOf(sdk: Sdk, kind: SpanKind): Sdk['spans'] {
  return sdk.spans.filter((span) => span.kind === kind);
}

describe('from a client to an upstream', () => {
  it('the trace of a client arrives with the span of the attempt in it', async () => {
    const way = await path([tracing({ opentelemetry: false, answerHeader: true })]);
    const response = await fetch(way.url, { headers: HEADERS });
    await response.text();
    const { headers } = way.requests[0] as IncomingMessage;
    const sent = parseTraceparent(String(headers.traceparent));
    const own = parseTraceparent(response.headers.get('traceresponse') ?? '');
    expect([sent?.traceId, own?.traceId, headers.tracestate]).toEqual([TRACE, TRACE, 'foo=1']);
    expect(new Set([SPAN, sent?.parentId, own?.parentId]).size).toBe(3);
  });

  it('the span of the attempt is that of OpenTelemetry, below that of the gateway', async () => {
    const sdk = startSdk();
    const way = await path([tracing()]);
    await (await fetch(`${way.url}/users?token=s3cr3t`, { headers: HEADERS })).text();
    await eventually(() => expect(sdk.spans).toHaveLength(2));
    const [sent, own] = sdk.spans;
    expect([sent?.kind, own?.kind]).toEqual([SpanKind.CLIENT, SpanKind.SERVER]);
    expect(sentParents(way)).toEqual([sent?.spanContext().spanId]);
    expect(sent?.parentSpanContext?.spanId).toBe(own?.spanContext().spanId);
    expect(own?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: SPAN });
    expect(JSON.stringify(sdk.spans.map(({ attributes }) => attributes))).not.toContain('s3cr3t');
  });

  it('a retry arrives with a span of its own', async () => {
    const sdk = startSdk();
    let count = 0;
    const way = await path([tracing(), retry({ backoffMs: 0 })], (_request, response) => {
      answerJson(response, count++ === 0 ? 503 : 200, {});
    });
    expect((await fetch(way.url)).status).toBe(200);
    await eventually(() => expect(sdk.spans).toHaveLength(3));
    const calls = spansOf(sdk, SpanKind.CLIENT);
    expect(sentParents(way)).toEqual(calls.map((span) => span.spanContext().spanId));
    expect(calls.map(({ attributes }) => attributes['http.request.resend_count'])).toEqual([undefined, 1]);
  });

  it('every span ends when the client leaves', async () => {
    const sdk = startSdk();
    const way = await path([tracing()], () => new Promise(() => undefined));
    const left = request(way.url);
    left.on('error', () => undefined);
    left.end();
    await eventually(() => expect(way.requests).toHaveLength(1));
    left.destroy();
    await eventually(() => expect(sdk.spans).toHaveLength(2));
    expect(sdk.started).toBe(2);
    const [sent, own] = [spansOf(sdk, SpanKind.CLIENT)[0], spansOf(sdk, SpanKind.SERVER)[0]];
    expect([sent?.status.code, sent?.attributes['error.type']]).toEqual([
      SpanStatusCode.ERROR,
      'ERR_GATEWAY_CLIENT_CLOSED',
    ]);
    expect([own?.status.code, own?.attributes['http.response.status_code']]).toEqual([SpanStatusCode.UNSET, 499]);
  });

  it('an upstream that cannot be reached fails both spans', async () => {
    const sdk = startSdk();
    const gone = await upstream();
    await gone.close();
    const forward = proxy({ target: gone.url });
    const server = await listen(createServer(toNode(compose([tracing()], forward))));
    undo.push(
      () => forward.close(),
      () => server.close(),
    );
    const response = await fetch(server.url);
    expect(response.status).toBe(502);
    await response.text();
    await eventually(() => expect(sdk.spans).toHaveLength(2));
    for (const { status, attributes } of sdk.spans)
      expect([status.code, attributes['error.type']]).toEqual([
        SpanStatusCode.ERROR,
        'ERR_GATEWAY_UPSTREAM_UNREACHABLE',
      ]);
  });

  it('exchanges that go on at the same time do not mix', async () => {
    const sdk = startSdk();
    const way = await path([tracing()]);
    await Promise.all(Array.from({ length: 40 }, async (_, index) => (await fetch(`${way.url}/${index}`)).text()));
    await eventually(() => expect(sdk.spans).toHaveLength(80));
    const servers = new Map(spansOf(sdk, SpanKind.SERVER).map((span) => [span.spanContext().spanId, span]));
    for (const span of spansOf(sdk, SpanKind.CLIENT)) {
      const parent = servers.get(span.parentSpanContext?.spanId ?? '');
      expect(String(span.attributes['url.full'])).toMatch(new RegExp(`${String(parent?.attributes['url.path'])}$`));
    }
    expect(new Set([...servers.values()].map((span) => span.spanContext().traceId)).size).toBe(40);
  });
});
