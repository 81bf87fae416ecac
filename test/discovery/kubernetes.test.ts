/** Over real sockets, in a time that passes only here. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { kubernetesSource } from '../../src/discovery/kubernetes.js';
import type { KubernetesSourceOptions } from '../../src/discovery/kubernetes-options.js';
import { authority, hasOpenssl } from '../integration/certificates.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import {
  kubernetesApi,
  type Answer,
  type KubernetesApi,
  type KubernetesApiOptions,
  type SliceEndpoint,
} from '../support/kubernetes-api.js';
import { seededRandom } from '../support/random.js';

/** Beyond every wait of a watch that works, and below every back-off of the tests that count them. */
const SOON_MS = 1_100;
const WATCH_MS = 600_000;
const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl';

let clock: FakeClock;
let directory: string;
const closers: (() => unknown)[] = [];

beforeEach(() => {
  clock = new FakeClock();
  directory = mkdtempSync(join(tmpdir(), 'innergate-kubernetes-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

async function start(options: KubernetesApiOptions = {}): Promise<KubernetesApi> {
  const api = await kubernetesApi({ clock, ...options });
  closers.push(() => api.stop());
  return api;
}

interface Heard {
  /** URLs of every set that was told. */
  readonly sets: string[][];
  readonly errors: string[];
  readonly last: string[] | undefined;
  stop(): void;
}

function subscribe(options: Partial<KubernetesSourceOptions> = {}): Heard {
  const sets: string[][] = [];
  const errors: string[] = [];
  const source = kubernetesSource({ service: 'users', clock, random: seededRandom(7), ...options });
  const stop = source.subscribe(
    (targets) => sets.push(targets.map(({ url }) => url)),
    (error) => errors.push(withoutOrigin(error.message)),
  );
  closers.push(stop);
  return {
    sets,
    errors,
    stop,
    get last() {
      return sets.at(-1);
    },
  };
}

/** Each of them says of which server it is. */
function withoutOrigin(message: string): string {
  const [origin = ''] = /^https?:\/\/127\.0\.0\.1:\d+: /.exec(message) ?? [];
  expect(origin).not.toBe('');
  return message.slice(origin.length);
}

/** Waits for what the sockets bring, while a little time passes at each look. */
function until(check: () => boolean, stepMs = 5): Promise<unknown> {
  return eventually(() => {
    clock.advance(stepMs);
    return check();
  });
}

function pods(...hosts: number[]): SliceEndpoint[] {
  return hosts.map((host) => ({ addresses: [`10.0.0.${host}`], conditions: { ready: true } }));
}

function urls(...hosts: number[]): string[] {
  return hosts.map((host) => `http://10.0.0.${host}:8080`);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** An API with one slice, a source that watches it. */
async function watching(
  apiOptions: KubernetesApiOptions = {},
  options: Partial<KubernetesSourceOptions> = {},
): Promise<{ api: KubernetesApi; heard: Heard }> {
  const api = await start(apiOptions);
  api.put('users-1', { endpoints: pods(1) });
  const heard = subscribe({ url: api.url, ...options });
  await until(() => api.watches === 1);
  return { api, heard };
}

describe('list and watch', () => {
  it('tells what is there, then every change', async () => {
    const { api, heard } = await watching();
    expect(heard.sets).toEqual([urls(1)]);
    api.put('users-2', { endpoints: pods(2, 3) });
    await until(() => same(heard.last, urls(1, 2, 3)));
    api.put('users-2', { endpoints: pods(3) });
    await until(() => same(heard.last, urls(1, 3)));
    api.remove('users-1');
    await until(() => same(heard.last, urls(3)));
    api.remove('users-2');
    await until(() => same(heard.last, []));
    expect(heard).toMatchObject({ errors: [], sets: { length: 5 } });
    expect([api.lists.length, api.watchRequests.length]).toEqual([1, 1]);
  });

  it('asks for the slices of the service in its namespace, and watches from the version of the list', async () => {
    const { api } = await watching({}, { namespace: 'shop' });
    const [list, watch] = [api.lists[0], api.watchRequests[0]];
    expect(list?.pathname).toBe('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices');
    expect(Object.fromEntries(list?.searchParams ?? [])).toEqual({
      labelSelector: 'kubernetes.io/service-name=users',
      limit: '500',
    });
    expect(watch?.pathname).toBe(list?.pathname);
    expect(Object.fromEntries(watch?.searchParams ?? [])).toEqual({
      labelSelector: 'kubernetes.io/service-name=users',
      watch: 'true',
      resourceVersion: api.version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: expect.stringMatching(/^[3-6]\d\d$/) as string,
    });
  });

  it('tells neither other services nor other namespaces', async () => {
    const { api, heard } = await watching();
    api.put('orders-1', { service: 'orders', endpoints: pods(7) });
    api.put('users-9', { namespace: 'shop', endpoints: pods(8) });
    api.put('users-2', { endpoints: pods(2) });
    await until(() => heard.sets.length === 2);
    expect(heard.last).toEqual(urls(1, 2));
  });

  it('tells an empty set where a service has no slices', async () => {
    const api = await start();
    const heard = subscribe({ url: api.url });
    await until(() => heard.sets.length === 1);
    expect(heard).toMatchObject({ sets: [[]], errors: [] });
  });

  it('follows a pod from ready over terminating to gone, and back to the last that serves', async () => {
    const { api, heard } = await watching();
    const leaving = { addresses: ['10.0.0.1'], conditions: { ready: false, serving: true, terminating: true } };
    api.put('users-1', { endpoints: [...pods(1), { addresses: ['10.0.0.2'], conditions: { ready: false } }] });
    await until(() => heard.sets.length === 2);
    expect(heard.last).toEqual(urls(1));
    api.put('users-1', { endpoints: [leaving, { addresses: ['10.0.0.2'], conditions: { ready: false } }] });
    await until(() => heard.sets.length === 3);
    expect(heard.last).toEqual(urls(1));
    api.put('users-1', { endpoints: [leaving, ...pods(2)] });
    await until(() => heard.sets.length === 4);
    expect(heard.last).toEqual(urls(2));
    api.put('users-1', { endpoints: pods(2) });
    await until(() => heard.sets.length === 5);
    expect(heard.last).toEqual(urls(2));
  });

  it('an endpoint that moves from one slice to another is one, and never away', async () => {
    const { api, heard } = await watching();
    api.put('users-2', { endpoints: pods(1) });
    api.put('users-1', { endpoints: null });
    await until(() => heard.sets.length === 3);
    expect(heard.sets).toEqual([urls(1), urls(1), urls(1)]);
  });

  it('tells a port that no endpoint has as an error, and keeps to itself that nobody has it', async () => {
    const api = await start();
    api.put('users-1', { endpoints: pods(1) });
    const heard = subscribe({ url: api.url, port: 'grpc' });
    await until(() => heard.errors.length === 1);
    expect(heard).toMatchObject({ sets: [], errors: ['no endpoint of service users has the port grpc'] });
  });
});

describe('pages', () => {
  it('are put together before anything is told', async () => {
    const api = await start({ pageSize: 2 });
    for (const host of [1, 2, 3, 4, 5]) api.put(`users-${host}`, { endpoints: pods(host) });
    const heard = subscribe({ url: api.url });
    await until(() => api.watches === 1);
    expect(heard.sets).toEqual([urls(1, 2, 3, 4, 5)]);
    expect(api.lists).toHaveLength(3);
    expect(api.lists.map(({ searchParams }) => searchParams.has('resourceVersion'))).toEqual([false, false, false]);
  });

  it('begin again when the state that they are of is gone', async () => {
    const api = await start({ pageSize: 1 });
    for (const host of [1, 2]) api.put(`users-${host}`, { endpoints: pods(host) });
    api.instead.push(passOn(api), (_request, response) => {
      api.changeElsewhere();
      api.compact();
      response.writeHead(410).end('{}');
    });
    const heard = subscribe({ url: api.url });
    await until(() => api.watches === 1);
    expect(heard).toMatchObject({ sets: [urls(1, 2)], errors: [] });
    expect(api.lists).toHaveLength(4);
  });

  it('without an end are given up', async () => {
    const api = await start();
    const page = { kind: 'EndpointSliceList', metadata: { resourceVersion: '5', continue: 'more' }, items: [] };
    for (let index = 0; index < 200; index++) api.instead.push(answers(200, JSON.stringify(page)));
    const heard = subscribe({ url: api.url });
    await until(() => heard.errors.length === 1);
    expect(heard).toMatchObject({ sets: [], errors: ['the list has more than 100 pages'] });
    expect(api.lists).toHaveLength(100);
  });
});

describe('the end of a watch', () => {
  it('leads to the next, from the last version that was heard', async () => {
    const { api, heard } = await watching();
    api.put('users-2', { endpoints: pods(2) });
    await until(() => heard.sets.length === 2);
    const version = api.version;
    api.changeElsewhere();
    api.endWatches();
    await until(() => api.watchRequests.length === 2, SOON_MS);
    expect(api.watchRequests[1]?.searchParams.get('resourceVersion')).toBe(version);
    expect([api.lists.length, heard.errors]).toEqual([1, []]);
  });

  it('is at the time that it asked for', async () => {
    const { api, heard } = await watching();
    api.put('users-2', { endpoints: pods(2) });
    await until(() => heard.sets.length === 2);
    const seconds = Number(api.watchRequests[0]?.searchParams.get('timeoutSeconds'));
    clock.advance(seconds * 1_000);
    expect(api.watches).toBe(0);
    await until(() => api.watches === 1);
    expect(api.lists).toHaveLength(1);
    expect(heard).toMatchObject({ sets: { length: 2 }, errors: [] });
  });

  it('loses nothing of what happens until the next', async () => {
    const { api, heard } = await watching();
    api.bookmark();
    api.endWatches();
    api.put('users-2', { endpoints: pods(2) });
    api.remove('users-1');
    await until(() => same(heard.last, urls(2)), SOON_MS);
    expect(heard.errors).toEqual([]);
  });

  it('after a bookmark goes on from there, be the rest forgotten', async () => {
    const { api, heard } = await watching();
    for (let change = 0; change < 10; change++) api.changeElsewhere();
    const version = api.version;
    api.bookmark();
    api.compact();
    api.endWatches();
    await until(() => api.watchRequests.length === 2 && api.watches === 1, SOON_MS);
    expect(api.watchRequests[1]?.searchParams.get('resourceVersion')).toBe(version);
    expect([api.lists.length, heard.errors]).toEqual([1, []]);
  });

  it('in silence leads to a list, since the server may not know the version', async () => {
    const { api, heard } = await watching();
    clock.advance(Number(api.watchRequests[0]?.searchParams.get('timeoutSeconds')) * 1_000);
    await until(() => api.watchRequests.length === 2);
    expect([api.lists.length, heard.errors]).toEqual([2, []]);
  });

  it('at once is an error, told and waited after', async () => {
    const api = await start();
    for (let index = 0; index < 3; index++) api.instead.push(passOn(api), answers(200, ''));
    const heard = subscribe({ url: api.url, backoffMs: 60_000, maxBackoffMs: 60_000 });
    await until(() => heard.errors.length === 1);
    expect(heard.errors).toEqual(['the watch ended at once']);
    expect(clock.nextInMs).toBeGreaterThanOrEqual(29_000);
    expect(api.requests).toHaveLength(2);
  });
});

describe('a version that is gone', () => {
  it.each(['event', 'status'] as const)('leads to a new list at once, told as %s', async (goneAs) => {
    const { api, heard } = await watching({ goneAs }, { backoffMs: 1_000_000, maxBackoffMs: 1_000_000 });
    api.bookmark();
    await until(() => true);
    api.endWatches();
    api.put('users-2', { endpoints: pods(2) });
    api.remove('users-1');
    api.compact();
    await until(() => same(heard.last, urls(2)), SOON_MS);
    await until(() => api.watches === 1);
    expect([api.lists.length, heard.errors]).toEqual([2, []]);
    api.put('users-2', { endpoints: pods(3) });
    await until(() => same(heard.last, urls(3)));
  });

  it('in the midst of a watch does so, too', async () => {
    const { api, heard } = await watching();
    api.error(410, 'Expired');
    await until(() => api.lists.length === 2 && api.watches === 1, SOON_MS);
    expect(heard).toMatchObject({ sets: [urls(1), urls(1)], errors: [] });
  });

  it('is no second one when a watch has worked since, be it in silence', async () => {
    const { api, heard } = await watching();
    api.error(410, 'Expired');
    await until(() => api.watchRequests.length === 2 && api.watches === 1);
    clock.advance(Number(api.watchRequests[1]?.searchParams.get('timeoutSeconds')) * 1_000);
    await until(() => api.watchRequests.length === 3 && api.watches === 1);
    api.error(410, 'Expired');
    await until(() => api.watchRequests.length === 4 && api.watches === 1);
    expect([api.lists.length, heard.errors]).toEqual([4, []]);
  });

  it('is waited after when it is gone again at once', async () => {
    const api = await start();
    for (let index = 0; index < 3; index++) api.instead.push(passOn(api), answers(410, '{}'));
    const heard = subscribe({ url: api.url, backoffMs: 60_000, maxBackoffMs: 60_000 });
    await until(() => heard.errors.length === 1);
    expect(heard.errors).toEqual(['it answered with status 410']);
    expect(api.lists).toHaveLength(2);
    expect(clock.nextInMs).toBeGreaterThanOrEqual(29_000);
  });
});

describe('failures', () => {
  it.each<[string, Answer, RegExp]>([
    ['HTML', answers(200, '<html><h1>Sign in</h1></html>'), /the answer is no EndpointSliceList$/],
    ['another kind', answers(200, '{"kind":"PodList","items":[]}'), /the answer is no EndpointSliceList$/],
    ['no version', answers(200, '{"kind":"EndpointSliceList","metadata":{},"items":[]}'), /no resourceVersion$/],
    ['null', answers(200, 'null'), /the answer is no EndpointSliceList$/],
    ['half a text', answers(200, '{"kind":"EndpointSliceList","items":['), /the answer is no EndpointSliceList$/],
    ['500', answers(500, 'oops'), /it answered with status 500$/],
    ['403', answers(403, '{}'), /status 403, so the token may not list and watch endpointslices/],
    ['404', answers(404, '{}'), /status 404, so it has no discovery\.k8s\.io\/v1/],
    ['no HTTP', (request) => request.socket.end('what?\r\n\r\n'), /Parse Error|Expected HTTP/],
    ['a broken connection', (request) => request.socket.destroy(), /socket hang up|ECONNRESET/],
  ])('of a list are told, and it is asked again: %s', async (_case, answer, message) => {
    const api = await start();
    api.put('users-1', { endpoints: pods(1) });
    api.instead.push(answer, answer);
    const heard = subscribe({ url: api.url });
    await until(() => heard.sets.length === 1, SOON_MS);
    expect(heard.errors).toEqual([expect.stringMatching(message), expect.stringMatching(message)]);
    expect(heard.last).toEqual(urls(1));
  });

  it.each<[string, string, RegExp]>([
    ['HTML', '<html>\n<body>\n', /the watch brought something that is no event$/],
    ['an event without an object', '{"type":"ADDED"}\n', /no event$/],
    [
      'an event of a type of its own',
      '{"type":"ERASED","object":{"metadata":{"resourceVersion":"9"}}}\n',
      /unknown type$/,
    ],
    ['a slice without a name', '{"type":"ADDED","object":{"metadata":{"resourceVersion":"9"}}}\n', /no name$/],
    ['null', 'null\n', /no event$/],
    ['an error without a code', '{"type":"ERROR","object":null}\n', /status 500$/],
    ['an error of the server', '{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n', /status 500$/],
    ['a future version', '{"type":"ERROR","object":{"code":504}}\n', /status 504$/],
  ])('of a watch are told, and it is listed again: %s', async (_case, text, message) => {
    const { api, heard } = await watching();
    api.write(text);
    await until(() => api.lists.length === 2 && api.watches === 1, SOON_MS);
    expect(heard.errors).toEqual([expect.stringMatching(message)]);
    api.put('users-2', { endpoints: pods(2) });
    await until(() => same(heard.last, urls(1, 2)));
  });

  it('half of a line is no event: what it would have been comes again', async () => {
    const { api, heard } = await watching();
    api.put('users-2', { endpoints: pods(2) });
    await until(() => heard.sets.length === 2);
    api.write('{"type":"DELETED","object":{"metadata":{"name":"users-1","resou');
    api.cut();
    api.remove('users-2');
    await until(() => same(heard.last, urls(1)), SOON_MS);
    expect([api.lists.length, heard.errors]).toEqual([1, []]);
  });

  it('a line that comes in pieces, through a character, is one', async () => {
    const { api, heard } = await watching();
    const slice = {
      metadata: { name: 'users-ü', resourceVersion: '2000' },
      addressType: 'IPv4',
      ports: [{ port: 80 }],
      endpoints: pods(5),
    };
    const text = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: slice })}\n`);
    const cut = text.indexOf('ü') + 1;
    api.write(text.subarray(0, cut));
    await until(() => true);
    api.write(text.subarray(cut));
    await until(() => heard.sets.length === 2);
    expect(heard).toMatchObject({ last: [...urls(1), 'http://10.0.0.5:80'], errors: [] });
  });

  it('a list that is silent fails in its time', async () => {
    const api = await start();
    api.instead.push(() => undefined);
    const heard = subscribe({ url: api.url, timeoutMs: 30_000 });
    await until(() => api.requests.length === 1);
    await clock.advanceAsync(29_000);
    expect(heard.errors).toEqual([]);
    await clock.advanceAsync(2_000);
    await until(() => heard.errors.length === 1);
    expect(heard.errors).toEqual([expect.stringMatching(/silent for 30000 ms$/)]);
    await until(() => heard.sets.length === 1, SOON_MS);
  });

  it('a watch that is silent past its end fails, and is tried again', async () => {
    const api = await start();
    api.instead.push(passOn(api), (_request, response) => {
      response.writeHead(200).flushHeaders();
    });
    const heard = subscribe({ url: api.url, timeoutMs: 1_000 });
    await until(() => api.watchRequests.length === 1);
    const ms = Number(api.watchRequests[0]?.searchParams.get('timeoutSeconds')) * 1_000;
    await until(() => true);
    clock.advance(ms + 1_000);
    await until(() => heard.errors.length === 1);
    expect(heard.errors).toEqual([expect.stringMatching(/silent for \d+ ms$/)]);
    await until(() => api.watches === 1, SOON_MS);
  });

  it('are waited after, longer each time', async () => {
    const api = await start();
    for (let index = 0; index < 4; index++) api.instead.push(answers(500, ''));
    const heard = subscribe({ url: api.url, backoffMs: 10_000, maxBackoffMs: 40_000, random: () => 0.5 });
    const waits: (number | null)[] = [];
    clock.advance(1);
    for (let count = 1; count <= 4; count++) {
      await until(() => heard.errors.length === count, 0);
      await until(() => clock.pending === 1, 0);
      waits.push(clock.nextInMs);
      clock.advance(clock.nextInMs ?? 0);
    }
    expect(waits).toEqual([7_500, 15_000, 30_000, 30_000]);
  });

  it('an API server that restarts is watched from the same version', async () => {
    const { api, heard } = await watching();
    api.put('users-2', { endpoints: pods(2) });
    await until(() => heard.sets.length === 2);
    await api.stop();
    await until(() => heard.errors.length > 1, SOON_MS);
    expect(heard.errors[0]).toMatch(/ECONNREFUSED/);
    await api.start();
    api.remove('users-1');
    await until(() => same(heard.last, urls(2)), 40_000);
    expect([api.lists.length, heard.sets.length]).toEqual([1, 3]);
  });

  it('an API server that has forgotten is listed again', async () => {
    const { api, heard } = await watching();
    api.bookmark();
    await api.stop();
    api.put('users-2', { endpoints: pods(2) });
    api.compact();
    await api.start();
    await until(() => same(heard.last, urls(1, 2)), SOON_MS);
    expect(heard.sets).toHaveLength(2);
  });
});

describe('too many requests', () => {
  it.each([
    ['429', 429],
    ['503', 503],
  ])('%s with Retry-After is waited after as it says', async (_case, status) => {
    const api = await start();
    api.instead.push((_request, response) => {
      response.writeHead(status, { 'retry-after': '120' }).end('{}');
    });
    const heard = subscribe({ url: api.url, random: () => 0 });
    clock.advance(1);
    await until(() => heard.errors.length === 1 && clock.pending === 1, 0);
    expect(clock.nextInMs).toBe(120_000);
    clock.advance(119_999);
    expect(api.requests).toHaveLength(1);
    clock.advance(1);
    await until(() => heard.sets.length === 1);
  });

  it('in a watch are waited after, and it goes on from its version', async () => {
    const { api, heard } = await watching({}, { random: () => 0 });
    api.error(429, 'TooManyRequests', { retryAfterSeconds: 60 });
    await until(() => heard.errors.length === 1, 0);
    await until(() => api.watches === 0 && clock.pending === 1, 0);
    expect(clock.nextInMs).toBe(60_000);
    clock.advance(60_000);
    await until(() => api.watches === 1);
    expect(api.lists).toHaveLength(1);
  });

  it('as the answer to a watch leave it its version', async () => {
    const { api, heard } = await watching();
    api.bookmark();
    api.endWatches();
    api.instead.push(answers(429, '{}'), answers(429, '{}'));
    await until(() => api.watchRequests.length === 4 && api.watches === 1, SOON_MS);
    expect(heard.errors).toEqual(['it answered with status 429', 'it answered with status 429']);
    expect(api.lists).toHaveLength(1);
  });

  it('as the answer to a watch are tried again when it says', async () => {
    const { api, heard } = await watching({}, { random: () => 0 });
    api.bookmark();
    api.instead.push((_request, response) => {
      response.writeHead(429, { 'retry-after': '7' }).end('{}');
    });
    api.endWatches();
    await until(() => heard.errors.length === 1 && clock.pending === 1, SOON_MS);
    // What is left of it, as the time went on until then.
    expect(clock.nextInMs).toBeGreaterThan(1_000);
    expect(clock.nextInMs).toBeLessThanOrEqual(7_000);
  });

  it('for a time without end are tried again after five minutes', async () => {
    const api = await start();
    api.instead.push((_request, response) => {
      response.writeHead(429, { 'retry-after': '99999999999999999999' }).end('{}');
    });
    const heard = subscribe({ url: api.url, random: () => 0 });
    clock.advance(1);
    await until(() => heard.errors.length === 1 && clock.pending === 1, 0);
    expect(clock.nextInMs).toBe(300_000);
  });
});

describe('the token', () => {
  it('goes with every request', async () => {
    const { api } = await watching({ tokens: [TOKEN], pageSize: 1 }, { token: TOKEN });
    expect(api.requests.map(({ authorization }) => authorization)).toEqual([`Bearer ${TOKEN}`, `Bearer ${TOKEN}`]);
  });

  it('is read again, so that one that is replaced is no end', async () => {
    const tokenPath = join(directory, 'token');
    writeFileSync(tokenPath, 'first\n');
    const { api, heard } = await watching({ tokens: ['first'] }, { tokenPath });
    api.tokens?.clear();
    api.tokens?.add('second');
    api.bookmark();
    api.endWatches();
    await until(() => heard.errors.length > 0, SOON_MS);
    expect(heard.errors[0]).toBe('it answered with status 401, so the token is not valid');
    writeFileSync(tokenPath, 'second\n');
    await until(() => api.watches === 1, 40_000);
    expect(api.requests.at(-1)?.authorization).toBe('Bearer second');
  });

  it.each<[string, string | null, RegExp]>([
    ['is not there', null, /ENOENT/],
    ['is empty', '\n', /^there is no token in .*token$/],
    ['is none', 'a token\nof two lines\n', /^there is no token in .*token$/],
  ])('that %s is told, and looked for again', async (_case, text, message) => {
    const tokenPath = join(directory, 'token');
    if (text !== null) writeFileSync(tokenPath, text);
    const api = await start({ tokens: ['right'] });
    const heard = subscribe({ url: api.url, tokenPath });
    await until(() => heard.errors.length === 1);
    expect(heard.errors).toEqual([expect.stringMatching(message)]);
    writeFileSync(tokenPath, 'right');
    await until(() => api.watches === 1, SOON_MS);
  });

  it('is in nothing that is told', async () => {
    const api = await start({ tokens: [] });
    api.instead.push(
      (request, response) => response.writeHead(500).end(String(request.headers.authorization)),
      (request, response) => response.writeHead(200).end(String(request.headers.authorization)),
      (request) => request.socket.end(`${String(request.headers.authorization)}\r\n\r\n`),
      (_request, response) => response.writeHead(429, { 'retry-after': TOKEN }).end(),
    );
    const heard = subscribe({ url: api.url, token: TOKEN });
    await until(() => heard.errors.length > 4, SOON_MS);
    expect(heard.errors.join('\n')).not.toContain('eyJ');
    expect(heard.errors.filter((message) => message.length > 250)).toEqual([]);
  });
});

describe('in a pod', () => {
  function serviceAccount(files: Readonly<Record<string, string>>): string {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    return directory;
  }

  it.skipIf(!hasOpenssl)('server, CA, token and namespace are those that the pod has been given', async () => {
    const ca = authority('cluster');
    closers.push(() => {
      ca.remove();
    });
    const api = await start({ tls: ca.issue('IP:127.0.0.1'), tokens: [TOKEN] });
    api.put('users-1', { namespace: 'shop', endpoints: pods(1) });
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '127.0.0.1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', `${api.port}`);
    const serviceAccountPath = serviceAccount({ 'ca.crt': ca.ca, token: `${TOKEN}\n`, namespace: 'shop\n' });
    const heard = subscribe({ serviceAccountPath });
    await until(() => api.watches === 1);
    expect(heard).toMatchObject({ sets: [urls(1)], errors: [] });
    api.put('users-2', { namespace: 'shop', endpoints: pods(2) });
    await until(() => same(heard.last, urls(1, 2)));
  });

  it.skipIf(!hasOpenssl)('a server of another authority gets no token', async () => {
    const [own, other] = [authority('cluster'), authority('other')];
    closers.push(() => {
      own.remove();
      other.remove();
    });
    const api = await start({ tls: other.issue('IP:127.0.0.1') });
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '127.0.0.1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', `${api.port}`);
    const heard = subscribe({ serviceAccountPath: serviceAccount({ 'ca.crt': own.ca, token: TOKEN }) });
    await until(() => heard.errors.length === 1);
    expect(heard.errors[0]).toMatch(/certificate/);
    expect(api.requests).toEqual([]);
  });

  it('the namespace is default where the pod has been told none', async () => {
    const { api } = await watching({}, { serviceAccountPath: serviceAccount({ token: TOKEN, 'ca.crt': 'none' }) });
    expect(api.requests[0]?.url.pathname).toContain('/namespaces/default/');
    expect(api.requests[0]?.authorization).toBe(`Bearer ${TOKEN}`);
  });

  it('a namespace that is none is not asked for', async () => {
    const api = await start();
    const serviceAccountPath = serviceAccount({ token: TOKEN, 'ca.crt': 'none', namespace: '../secrets' });
    const heard = subscribe({ url: api.url, serviceAccountPath });
    await until(() => heard.errors.length === 1);
    expect(heard.errors[0]).toMatch(/^there is no name of a namespace in /);
    expect(api.requests).toEqual([]);
  });

  it('no token goes to a url of the user unasked', async () => {
    const { api } = await watching();
    expect(api.requests.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  });
});

describe('the end', () => {
  it('leaves no connection and no timer, and tells nothing', async () => {
    const { api, heard } = await watching();
    heard.stop();
    await until(() => api.connections === 0);
    api.put('users-2', { endpoints: pods(2) });
    await clock.advanceAsync(WATCH_MS);
    expect(heard).toMatchObject({ sets: [urls(1)], errors: [] });
    expect(clock.pending).toBe(0);
  });

  it.each<[string, (api: KubernetesApi) => void]>([
    ['before the first request', () => undefined],
    ['during a list', (api) => api.instead.push(() => undefined)],
    ['after a failure', (api) => api.instead.push(answers(500, ''), answers(500, ''))],
  ])('comes %s as well', async (when, prepare) => {
    const api = await start();
    prepare(api);
    const heard = subscribe({ url: api.url });
    if (when !== 'before the first request') await until(() => api.requests.length > 0);
    if (when === 'after a failure') await until(() => heard.errors.length > 0);
    const told = heard.errors.length;
    heard.stop();
    await until(() => api.connections === 0 && clock.pending === 0, 0);
    await clock.advanceAsync(WATCH_MS);
    expect([heard.sets, heard.errors.length]).toEqual([[], told]);
  });

  it('in the midst of events tells no more of them', async () => {
    const api = await start();
    api.put('users-1', { endpoints: pods(1) });
    let told = 0;
    const stop = kubernetesSource({ service: 'users', url: api.url, clock }).subscribe(
      () => {
        if (++told === 2) stop();
      },
      () => undefined,
    );
    await until(() => api.watches === 1);
    api.write(Buffer.concat([2, 3, 4].map((host) => Buffer.from(added(`users-${host}`, host)))));
    await until(() => api.connections === 0, 0);
    expect(told).toBe(2);
  });

  it('each subscription has a watch of its own', async () => {
    const api = await start();
    const source = kubernetesSource({ service: 'users', url: api.url, clock });
    const stops = [0, 1].map(() => source.subscribe(vi.fn(), vi.fn()));
    await until(() => api.watches === 2);
    stops[0]?.();
    await until(() => api.watches === 1, 0);
    stops[1]?.();
    await until(() => api.watches === 0, 0);
  });
});

describe('a thousand updates', () => {
  it('grow neither sockets nor timers, and the last one is what is told', async () => {
    const { api, heard } = await watching();
    const random = seededRandom(3);
    const timers = clock.pending;
    for (let update = 0; update < 1_000; update++) {
      api.put(`users-${1 + random.int(5)}`, { endpoints: pods(1 + random.int(250)) });
      if (update % 100 === 99) {
        api.endWatches();
        await until(() => api.watches === 1, SOON_MS);
      }
    }
    api.put('users-last', { endpoints: pods(251) });
    await until(() => heard.last?.includes('http://10.0.0.251:8080') === true);
    expect(heard.errors).toEqual([]);
    expect(heard.sets).toHaveLength(1_002);
    await until(() => api.connections === 1, 0);
    expect(clock.pending).toBe(timers);
    expect(api.lists).toHaveLength(1);
  });
});

describe('options', () => {
  it.each<[string, unknown, string[]]>([
    ['no service', { url: 'http://127.0.0.1' }, ['service']],
    ['a service with a path', { service: 'users/../pods', url: 'http://127.0.0.1' }, ['service']],
    ['ports that are none', { service: 'users', url: 'http://a', port: 0 }, ['port']],
    ['a family that is none', { service: 'users', url: 'http://a', family: 'FQDN' }, ['family']],
    ['no zones', { service: 'users', url: 'http://a', zones: [] }, ['zones']],
    ['two tokens', { service: 'users', url: 'http://a', token: 'a', tokenPath: 'b' }, ['tokenPath']],
    ['a user in the url', { service: 'users', url: 'http://me:secret@a' }, ['url']],
    ['back-offs in disorder', { service: 'users', url: 'http://a', backoffMs: 9, maxBackoffMs: 5 }, ['maxBackoffMs']],
    ['a slip', { service: 'users', url: 'http://a', nameSpace: 'shop' }, ['nameSpace']],
    ['no url outside of a cluster', { service: 'users' }, ['url']],
  ])('does not start with %s', (_case, options, paths) => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
    expect(faultsOf(options).map(({ path }) => path)).toEqual(paths);
  });

  it('needs no url in a cluster, be its address of IPv6', () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', 'fd00::1');
    expect(faultsOf({ service: 'users' })).toEqual([]);
  });

  it('shows no token that is wrong', () => {
    const faults = faultsOf({ service: 'users', url: 'http://a', token: 'secret token' });
    expect(faults).toMatchObject([{ path: 'token' }]);
    expect(JSON.stringify(faults)).not.toContain('secret');
  });
});

function faultsOf(options: unknown): ConfigError['faults'] {
  try {
    kubernetesSource(options as KubernetesSourceOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

function answers(status: number, text: string): Answer {
  return (_request, response) => {
    response.writeHead(status).end(text);
  };
}

/** What the API itself answers: for the requests before the one that is answered in its place. */
function passOn(api: KubernetesApi): Answer {
  return (request, response) => {
    api.handle(request, response);
  };
}

function added(name: string, host: number): string {
  const metadata = { name, resourceVersion: `${5_000 + host}` };
  const object = { metadata, addressType: 'IPv4', ports: [{ port: 8080 }], endpoints: pods(host) };
  return `${JSON.stringify({ type: 'ADDED', object })}\n`;
}
