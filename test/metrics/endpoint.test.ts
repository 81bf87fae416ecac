import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.js';
import type { ByteStream, GatewayResponse, Handler } from '../../src/core/types.js';
import { metricsEndpoint, MetricsRegistry, type MetricsEndpointOptions } from '../../src/metrics/index.js';
import { bodyText, fakeContext, type FakeRequestOptions } from '../support/request.js';
import { textOf } from './parse-text.js';

const elsewhere: GatewayResponse = { status: 404, headers: {}, body: null };
const next: Handler = () => elsewhere;

function filled(series = 1): MetricsRegistry {
  const registry = new MetricsRegistry({ maxSeries: 100_000 });
  const counter = registry.counter({ name: 'jobs_total', help: 'Jobs.', labels: ['queue'] });
  for (let index = 0; index < series; index++) counter.series(`q${index}`).inc();
  return registry;
}

function from(clientIp: string, request: FakeRequestOptions = {}): Context {
  return fakeContext({ url: '/metrics', clientIp, ...request });
}

describe('metricsEndpoint', () => {
  it('answers with the text of Prometheus', async () => {
    const registry = filled();
    const { status, headers, body } = await metricsEndpoint(registry)(from('127.0.0.1'), next);
    expect(status).toBe(200);
    expect(headers).toEqual({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
      vary: 'accept',
    });
    expect(await bodyText(body)).toBe(await textOf(registry));
  });

  it('answers with OpenMetrics where that is asked for', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5';
    const { headers, body } = await metricsEndpoint(filled())(from('127.0.0.1', { headers: { accept } }), next);
    expect(headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(await bodyText(body)).toMatch(/jobs_total\{queue="q0"\} 1\n# EOF\n$/);
  });

  it('answers an empty registry with an empty text', async () => {
    const { body } = await metricsEndpoint(new MetricsRegistry())(from('127.0.0.1'), next);
    expect(await bodyText(body)).toBe('');
  });

  it('HEAD has the same fields and no body', async () => {
    const { status, headers, body } = await metricsEndpoint(filled())(from('127.0.0.1', { method: 'HEAD' }), next);
    expect([status, headers['content-type'], body]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8', null]);
  });

  it.each<[string, FakeRequestOptions, MetricsEndpointOptions]>([
    ['another path', { url: '/metrics/' }, {}],
    ['the path of another option', {}, { path: '/internal/metrics' }],
    ['another method', { method: 'POST' }, {}],
    ['a public address', { clientIp: '203.0.113.7' }, {}],
    ['a client behind a proxy that is not trusted', { headers: { 'x-forwarded-for': '127.0.0.1' } }, {}],
    ['an address that is not listed', { clientIp: '10.0.0.1' }, { viewers: ['10.1.0.0/16'] }],
    ['everybody where nobody may see it', {}, { viewers: false }],
    ['whom a function refuses', {}, { viewers: () => false }],
  ])('is not there for %s', async (_what, request, options) => {
    const ctx = fakeContext({ url: '/metrics', clientIp: '127.0.0.1', ...request });
    expect(await metricsEndpoint(filled(), options)(ctx, next)).toBe(elsewhere);
  });

  it.each(['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', '172.16.0.1', '169.254.1.1', 'fd00::1'])(
    'is there for %s',
    async (clientIp) => {
      expect((await metricsEndpoint(filled())(from(clientIp), next)).status).toBe(200);
    },
  );

  it('refuses a fifth scrape at the same time, and serves again when one is over', async () => {
    const endpoint = metricsEndpoint(filled());
    const contexts = Array.from({ length: 5 }, () => from('127.0.0.1'));
    const answers: GatewayResponse[] = [];
    for (const ctx of contexts) answers.push(await endpoint(ctx, next));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 503]);
    for (const ctx of contexts.slice(3)) ctx.finish({ status: 200, aborted: false });
    expect((await endpoint(from('127.0.0.1'), next)).status).toBe(200);
    expect((await endpoint(from('127.0.0.1'), next)).status).toBe(503);
  });

  it('a client that leaves stops the text', async () => {
    let [runs, pieces] = [0, 0];
    class Watched extends MetricsRegistry {
      override async *text(): AsyncGenerator<string, void> {
        try {
          while (pieces < 1_000) yield `${'#'.repeat(100_000)}${pieces++}\n`;
        } finally {
          runs++;
        }
        await Promise.resolve();
      }
    }
    const { body } = await metricsEndpoint(new Watched())(from('127.0.0.1'), next);
    for await (const chunk of body as ByteStream) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(runs).toBe(1);
    expect(pieces).toBeLessThan(10);
  });

  it('tells every fault of its options', () => {
    const options = { path: 'metrics', viewers: ['nowhere'], viewer: true };
    expect(() => metricsEndpoint(filled(), options)).toThrow(/path: .*\n.*viewers\[0\]: .*\n.*viewer: /);
  });
});
