import { describe, expect, it } from 'vitest';
import { ConfigError, type Fault } from '../../src/core/options.js';
import { HealthChecker, type HealthCheckerOptions } from '../../src/health-check/index.js';
import { inspectActiveHealthOptions } from '../../src/health-check/options.js';

const url = 'http://users:3001';

function faultsOf(options: object): readonly Fault[] {
  try {
    new HealthChecker({ url, ...options });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

function pathsOf(options: object): string[] {
  return faultsOf(options).map(({ path }) => path);
}

describe('options of health checks', () => {
  it.each<Partial<HealthCheckerOptions>>([
    {},
    { type: 'tcp', port: 8081, timeoutMs: 1, jitter: 0 },
    { path: '/health?full=1&a=%20', method: 'HEAD', statuses: [204, '200-299', 599] },
    { headers: { host: 'users.internal', Authorization: 'Bearer abc', constructor: 'x', ['__proto__']: 'y' } },
    { body: 'ok' },
    { body: /^\{"status":"(?:up|ok)"/i },
    { url: 'https://[::1]:8443/base', tls: { ca: ['PEM', new Uint8Array(1)], cert: 'c', key: 'k', servername: 'x' } },
    { socketPath: '/run/users.sock', jitter: 1 },
    { allowedAddresses: ['public', '10.0.0.0/8'], intervalMs: 86_400_000, healthyThreshold: 1 },
    { probe: () => Promise.resolve(), intervalMs: 1 },
  ])('take %j', (options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  it.each<[object, string]>([
    [{ url: 'ftp://users' }, 'url'],
    [{ url: 'http://a:b@users' }, 'url'],
    [{ type: 'udp' }, 'type'],
    [{ path: 'health' }, 'path'],
    [{ path: '/a b' }, 'path'],
    [{ path: '/a\r\nx: y' }, 'path'],
    [{ path: '/ü' }, 'path'],
    [{ path: '/a#b' }, 'path'],
    [{ method: 'POST' }, 'method'],
    [{ headers: ['a'] }, 'headers'],
    [{ headers: { 'a b': 'x' } }, 'headers["a b"]'],
    [{ headers: { '': 'x' } }, 'headers[""]'],
    [{ headers: { a: 'x\r\ny: z' } }, 'headers.a'],
    [{ headers: { a: 1 } }, 'headers.a'],
    [{ headers: { 'Content-Length': '1' } }, 'headers["Content-Length"]'],
    [{ headers: { connection: 'keep-alive' } }, 'headers.connection'],
    [{ headers: { Expect: '100-continue' } }, 'headers.Expect'],
    [{ headers: { Host: 'a', host: 'b' } }, 'headers.host'],
    [{ statuses: [] }, 'statuses'],
    [{ statuses: [100] }, 'statuses[0]'],
    [{ statuses: [200, '200'] }, 'statuses[1]'],
    [{ statuses: ['299-200'] }, 'statuses[0]'],
    [{ statuses: ['2xx'] }, 'statuses[0]'],
    [{ statuses: [200.5] }, 'statuses[0]'],
    [{ statuses: [600] }, 'statuses[0]'],
    [{ body: '' }, 'body'],
    [{ body: /(a+)+b/ }, 'body'],
    [{ body: 'ok', method: 'HEAD' }, 'body'],
    [{ intervalMs: 0 }, 'intervalMs'],
    [{ intervalMs: Infinity }, 'intervalMs'],
    [{ intervalMs: 86_400_001 }, 'intervalMs'],
    [{ unhealthyIntervalMs: 1.5 }, 'unhealthyIntervalMs'],
    [{ timeoutMs: 0 }, 'timeoutMs'],
    [{ healthyThreshold: 0 }, 'healthyThreshold'],
    [{ unhealthyThreshold: -1 }, 'unhealthyThreshold'],
    [{ jitter: 1.1 }, 'jitter'],
    [{ port: 0 }, 'port'],
    [{ port: 65_536 }, 'port'],
    [{ tls: { rejectUnauthorized: false } }, 'tls.rejectUnauthorized'],
    [{ socketPath: '' }, 'socketPath'],
    [{ socketPath: '/a', port: 1 }, 'port'],
    [{ socketPath: '/a', allowedAddresses: ['public'] }, 'allowedAddresses'],
    [{ allowedAddresses: ['private'] }, 'allowedAddresses[0]'],
    [{ clock: {} }, 'clock'],
    [{ random: 1 }, 'random'],
    [{ probe: 'x' }, 'probe'],
  ])('refuse %j', (options, path) => {
    expect(pathsOf(options)).toContain(path);
  });

  it('of HTTP have no place beside TCP, nor any but times beside a probe of the user', () => {
    const ofHttp = { path: '/', method: 'GET', headers: {}, statuses: [200], body: 'ok', tls: {} };
    expect(pathsOf({ type: 'tcp', ...ofHttp })).toEqual(Object.keys(ofHttp));
    const probe = (): Promise<void> => Promise.resolve();
    expect(pathsOf({ probe, type: 'http', ...ofHttp, port: 1 })).toEqual(['type', ...Object.keys(ofHttp), 'port']);
  });

  it('are all looked at, and a typo is told', () => {
    const faults = faultsOf({ intervallMs: 5, timeoutMs: -1 });
    expect(faults.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'intervallMs: unknown option; did you mean intervalMs?',
      'timeoutMs: got -1, expected a whole number from 1 to 2147483647',
    ]);
  });

  it('print no value of a header field', () => {
    const faults = faultsOf({ headers: { authorization: 'Bearer hunter2\n' } });
    expect(faults).toHaveLength(1);
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  it('can be part of another config, with its path', () => {
    const faults: Fault[] = [];
    inspectActiveHealthOptions({ jitter: 2, type: 'tcp', path: '/' }, 'upstreams.users.health', faults);
    expect(faults.map(({ path }) => path)).toEqual(['upstreams.users.health.jitter', 'upstreams.users.health.path']);
  });
});
