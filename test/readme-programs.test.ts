/** Runs every program in the README and in docs/, and holds it to what the page says of it. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startOrders, startUsers } from '../examples/services.js';
import { listen, type Running } from '../examples/support.js';
import { eventually } from './support/eventually.js';
import {
  AUTH,
  blocks,
  CONFIG,
  CORS,
  DISCOVERY,
  ERRORS,
  HEADERS,
  LOGIN,
  OBSERVABILITY,
  OPERATIONS,
  pages,
  PROTECTION,
  RATE_LIMIT,
  README,
  TRAFFIC,
  TRANSFORMS,
  UPSTREAMS,
} from './support/pages.js';
import { startRedis, type RedisServer } from './support/redis-server.js';
import { buildPackage, type BuiltPackage } from './support/built-package.js';
import { isInstalled } from './support/installed.js';

/** What runs on the ports that the pages name. */
const ports = new Map<string, string>();
const hasRedis = isInstalled('redis-server');
const services: Running[] = [];
let redis: RedisServer | null = null;
let built: BuiltPackage;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  built = await buildPackage();
  services.push(await startUsers(), await startOrders('a'), await startOrders('b'));
  for (const [index, { url }] of services.entries()) ports.set(String(4001 + index), new URL(url).port);
  for (const port of ['3000', '3001']) {
    const free = await listen(createServer());
    ports.set(port, new URL(free.url).port);
    await free.close();
  }
  const docker = await listen(createServer(answerAsDocker));
  services.push(docker);
  ports.set('2375', new URL(docker.url).port);
  redis = hasRedis ? await startRedis() : null;
  ports.set('6379', String(redis?.port));
}, 60_000);

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }
  children.clear();
});

afterAll(async () => {
  await Promise.all([redis?.stop(), ...services.map((service) => service.close())]);
  built.remove();
});

/** The text with the ports of the pages replaced by those of the test. */
function onFreePorts(text: string): string {
  return text.replace(/\b(?:[34]00\d|2375|6379)\b/g, (port) => ports.get(port) ?? port);
}

interface RunningProgram {
  readonly output: () => string;
  /** The exit code, when it ends by itself. */
  readonly ended: Promise<unknown>;
  readonly signal: (name: NodeJS.Signals) => void;
}

/** Runs a program as one that has installed the package. */
function runProgram(code: string): RunningProgram {
  const { outputText } = ts.transpileModule(onFreePorts(code), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  const child = spawn(process.execPath, ['--input-type=module', '--eval', outputText], {
    cwd: built.folder,
    env: { ...process.env, PORT: ports.get('3000'), DRAIN_DELAY_MS: '50' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const ended = once(child, 'close').then(([code]: unknown[]) => code);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { output: () => output, ended, signal: (name) => void child.kill(name) };
}

/** Waits for a program that has just been started. */
function fetchSoon(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return eventually(() => fetch(onFreePorts(url), { headers }), { withinMs: 10_000 });
}

function postTo(url: string, value: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(onFreePorts(url), { method: 'POST', headers, body: JSON.stringify(value) });
}

/** The records in an output, of which there are to be so many. */
function recordsOf(output: string, count: number): Record<string, unknown>[] {
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  expect(lines).toHaveLength(count);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** How many of so many requests each instance of orders answers. */
async function instancesOf(
  url: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let call = 0; call < count; call++) {
    const { instance } = (await (await fetchSoon(url, headers)).json()) as { instance: string };
    counts[instance] = (counts[instance] ?? 0) + 1;
  }
  return counts;
}

async function answerOf(url: string): Promise<unknown> {
  return (await fetchSoon(url)).json();
}

const hasCurl = ((): boolean => {
  try {
    execFileSync('curl', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

/** The list of containers with the label that is asked for, as Docker has it (Engine API, ContainerList). */
function answerAsDocker(req: IncomingMessage, res: ServerResponse): void {
  const { pathname, searchParams } = new URL(req.url ?? '', 'http://docker');
  const { label } = JSON.parse(searchParams.get('filters') ?? '{}') as { label?: string[] };
  const isAsked = pathname === '/containers/json' && label?.[0] === 'gateway.orders';
  const urls = isAsked ? services.slice(1, 3).map(({ url }) => url) : [];
  res.end(JSON.stringify(urls.map((url) => ({ Labels: { 'gateway.orders': url } }))));
}

/** What a program does when it runs; `null` where it is to end by itself. */
type Run = readonly [name: string, check: ((program: RunningProgram) => Promise<void>) | null];

/** Of the programs of each page, in their order. */
const RUNS: Readonly<Record<string, readonly Run[]>> = {
  [README]: [
    [
      'the quickstart serves two services, and leaves the rest to the app',
      async () => {
        expect(await answerOf('http://localhost:3000/api/users/1')).toEqual({ id: 1, name: 'Ada' });
        const answers = [
          await answerOf('http://localhost:3000/api/orders'),
          await answerOf('http://localhost:3000/api/orders'),
        ] as { instance: string }[];
        expect(answers.map(({ instance }) => instance).sort()).toEqual(['a', 'b']);
        const own = await fetchSoon('http://localhost:3000/none');
        expect([own.status, await own.text()]).toEqual([404, expect.stringContaining('Cannot GET /none')]);
      },
    ],
    [
      'protection',
      async () => {
        const answer = await fetchSoon('http://localhost:3000/api/users/1');
        expect([answer.status, answer.headers.get('ratelimit-policy')]).toEqual([200, '"gateway";q=1000;w=60']);
        for (let call = 0; call < 10; call++) await answerOf('http://localhost:3000/api/orders');
        expect(await answerOf('http://localhost:3000/api/orders')).toMatchObject({ code: 'ERR_GATEWAY_RATE_LIMITED' });
        expect(await answerOf('http://localhost:3000/health')).toMatchObject({ status: 'healthy' });
      },
    ],
    [
      'upstreams',
      async () => {
        expect(await instancesOf('http://localhost:3000/api/orders', 8)).toEqual({ a: 2, b: 6 });
        const beta = await answerOf('http://localhost:3000/api/beta');
        expect(beta).toMatchObject({ orders: [{ id: 1 }] });
      },
    ],
    [
      'identity',
      async () => {
        const refused = await fetchSoon('http://localhost:3000/api/users/1');
        expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="api"']);
        const logIn = await fetch(onFreePorts('http://localhost:3000/api/auth/login'), {
          method: 'POST',
          headers: { origin: 'https://app.example.com', 'content-type': 'application/json' },
          body: JSON.stringify({ email: 'ada@example.test', password: 'engine' }),
        });
        expect(logIn.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
        const { token } = (await logIn.json()) as { token: string };
        const answers = [
          await fetchSoon('http://localhost:3000/api/users/1', { authorization: `Bearer ${token}` }),
          await fetchSoon('http://localhost:3000/api/orders', { authorization: `Bearer ${token}` }),
          await fetchSoon('http://localhost:3000/api/orders', { 'x-api-key': 'the-key-of-the-shop' }),
        ];
        expect(answers.map(({ status }) => status)).toEqual([200, 401, 200]);
      },
    ],
    [
      'transforms and operations',
      async () => {
        const answer = await fetchSoon('http://localhost:3000/api/users/1');
        expect(await answer.json()).toEqual({ user: { id: 1, displayName: 'Ada' } });
        expect(await answerOf('http://localhost:3000/api/users/ada')).toMatchObject({
          code: 'ERR_GATEWAY_VALIDATION_FAILED',
          errors: [{ in: 'params', path: '/id', message: 'must be integer' }],
        });
        expect(await answerOf('http://localhost:3000/health')).toMatchObject({
          status: 'healthy',
          checks: { orders: { status: 'up' } },
        });
        const metrics = await (await fetchSoon('http://localhost:3000/metrics')).text();
        expect(metrics).toContain('http_route="/api/users/:id",http_response_status_code="2xx"} 1\n');
      },
    ],
    [
      'one piece',
      async () => {
        expect(await answerOf('http://localhost:3000/1')).toEqual({ id: 1, name: 'Ada' });
      },
    ],
  ],
  [CONFIG]: [],
  [TRANSFORMS]: [
    [
      'the whole',
      async () => {
        const user = await fetchSoon('http://localhost:3000/api/users/1');
        expect(await user.json()).toEqual({ id: 1, displayName: 'Ada', self: '/api/users/1' });
        const order = await postTo('http://localhost:3000/api/orders', { product: 1, debug: true });
        expect([order.status, await order.json()]).toEqual([201, { id: 2, product: 1, channel: 'web' }]);
        const orders = await answerOf('http://localhost:3000/api/orders');
        expect(orders).toEqual({ orders: [{ id: 1 }] });
      },
    ],
    [
      'URLs of services',
      async () => {
        const user = await answerOf('http://localhost:3000/api/users/1');
        expect(user).toEqual({ id: 1, name: 'Ada', self: 'https://api.example.com/users/1' });
      },
    ],
    [
      'validation',
      async () => {
        expect(await answerOf('http://localhost:3000/api/users/1')).toEqual({ id: 1, name: 'Ada' });
        expect(await answerOf('http://localhost:3000/api/users/0')).toMatchObject({
          errors: [{ in: 'params', path: '/id', message: 'must be >= 1' }],
        });
        const refused = await postTo('http://localhost:3000/api/orders', { product: 'one', debug: true });
        const { errors } = (await refused.json()) as { errors: unknown };
        expect({ errors }).toEqual(JSON.parse(blocks(TRANSFORMS, 'json')[0] ?? ''));
        expect((await postTo('http://localhost:3000/api/orders', { product: 1, email: 'nobody' })).status).toBe(400);
        expect((await postTo('http://localhost:3000/api/orders', { product: 1, email: 'a@b.test' })).status).toBe(201);
      },
    ],
    [
      'one piece',
      async () => {
        expect(await answerOf('http://localhost:3000/1')).toEqual({ user: { id: 1, name: 'Ada' } });
      },
    ],
  ],
  [OBSERVABILITY]: [
    [
      'the whole',
      async ({ output }) => {
        await answerOf('http://localhost:3000/livez');
        const answer = await fetchSoon('http://localhost:3000/api/users/1', { 'accept-language': 'de' });
        const trace = /^00-([\da-f]{32})-([\da-f]{16})-01$/.exec(answer.headers.get('traceresponse') ?? '');
        const metrics = await (await fetchSoon('http://localhost:3000/metrics')).text();
        expect(metrics).toContain('http_route="users",http_response_status_code="2xx"} 1\n');
        const lines = await eventually(() => recordsOf(output(), 2), { withinMs: 10_000 });
        expect(lines[0]).toMatchObject({
          route: 'users',
          traceId: trace?.[1],
          spanId: trace?.[2],
          headers: { 'accept-language': 'de' },
        });
        expect(lines[1]).toMatchObject({ path: '/metrics' });
      },
    ],
    ['loggers', null],
    ['registries', null],
    [
      'diagnostics channels',
      async () => {
        await answerOf('http://localhost:3000/api/users/1');
      },
    ],
  ],
  [OPERATIONS]: [
    [
      'health',
      async () => {
        expect(await answerOf('http://localhost:3000/readyz')).toEqual({ status: 'ready' });
        const checks = { mail: { status: 'up', critical: false }, users: { status: 'up', critical: true } };
        expect(await answerOf('http://localhost:3000/readyz?verbose')).toMatchObject({ status: 'ready', checks });
        expect(await answerOf('http://localhost:3000/health')).toMatchObject({
          status: 'healthy',
          service: 'shop',
          version: '1.4.2',
          checks,
        });
      },
    ],
    [
      'to stop',
      async ({ signal, ended }) => {
        expect(await answerOf('http://localhost:3000/readyz')).toEqual({ status: 'ready' });
        signal('SIGTERM');
        expect(await ended).toBe(0);
      },
    ],
  ],
  [AUTH]: [
    ['the whole', null],
    ['rotation', null],
    ['a strategy', null],
  ],
  [CORS]: [['the whole', null]],
  [DISCOVERY]: [
    ['the whole', null],
    [
      'a source of your own',
      async ({ output }) => {
        await eventually(() => output().includes('discovery of orders by docker is up'), { withinMs: 10_000 });
        expect(await instancesOf('http://localhost:3000/api/orders', 4)).toEqual({ a: 2, b: 2 });
      },
    ],
    ['one piece', null],
  ],
  [ERRORS]: [],
  [HEADERS]: [],
  [LOGIN]: [
    ['the whole', null],
    ['stores', null],
    ['sessions', null],
  ],
  [TRAFFIC]: [
    [
      'canary and A/B',
      async () => {
        const url = 'http://localhost:3000/api/orders';
        const answer = await fetchSoon(url);
        const { instance } = (await answer.json()) as { instance: string };
        expect(answer.headers.get('x-variant')).toBe({ a: 'stable', b: 'canary' }[instance]);
        const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
        expect(cookie).toMatch(/^gateway-bucket=\d+$/);
        expect(await instancesOf(url, 10, { cookie })).toEqual({ [instance]: 10 });
        expect(await instancesOf(url, 5, { 'x-variant': 'canary' })).toEqual({ b: 5 });
        expect(await instancesOf(url, 5, { 'x-variant': 'stable' })).toEqual({ a: 5 });
      },
    ],
    [
      'versions of an API',
      async () => {
        const url = 'http://localhost:3000/api/orders';
        expect(await instancesOf(url, 2)).toEqual({ b: 2 });
        expect(await instancesOf(url, 2, { accept: 'application/vnd.acme.v1+json' })).toEqual({ a: 2 });
        const old = await fetchSoon(url, { 'x-api-version': 'v1' });
        for (const [name = '', value] of (blocks(TRAFFIC, 'http')[0] ?? '')
          .trim()
          .split('\n')
          .map((line) => line.split(': ')))
          expect([name, old.headers.get(name)]).toEqual([name, value]);
        const unknown = await fetchSoon(url, { 'x-api-version': '3' });
        expect([unknown.status, await unknown.json()]).toMatchObject([
          404,
          { code: 'ERR_GATEWAY_VERSION_UNKNOWN', detail: 'The versions are 1, 2.' },
        ]);
      },
    ],
    [
      'tenants',
      async () => {
        expect(await instancesOf('http://localhost:3000/acme/orders', 2)).toEqual({ a: 2 });
        expect((await fetchSoon('http://localhost:3000/acme/orders')).status).toBe(429);
        expect(await instancesOf('http://localhost:3000/umbrella/orders', 4)).toEqual({ a: 2, b: 2 });
        const unknown = await fetchSoon('http://localhost:3000/nobody/orders');
        const text = await unknown.text();
        expect([unknown.status, text]).toEqual([404, expect.stringContaining('ERR_GATEWAY_TENANT_UNKNOWN')]);
        expect(text).not.toContain('acme');
      },
    ],
    [
      'mirror',
      async () => {
        expect(await instancesOf('http://localhost:3000/api/orders', 4)).toEqual({ a: 4 });
      },
    ],
    [
      'one piece',
      async () => {
        const old = await fetchSoon('http://localhost:3000/1', { 'x-api-version': '1' });
        expect(await old.json()).toEqual({ id: 1, name: 'Ada' });
        expect(await answerOf('http://localhost:3000/')).toMatchObject({ orders: [{ id: 1 }] });
      },
    ],
  ],
  [UPSTREAMS]: [
    [
      'the whole',
      async () => {
        expect(await instancesOf('http://localhost:3000/api/orders', 8)).toEqual({ a: 2, b: 6 });
        expect(await instancesOf('http://localhost:3000/shop/orders', 4)).toEqual({ a: 1, b: 3 });
      },
    ],
    ['zones', null],
    ['one piece', null],
  ],
  'docs/routing.md': [['explain()', null]],
  [PROTECTION]: [
    ['the whole', null],
    ['circuit breaker', null],
    ['fallback', null],
    ['retry', null],
    ['concurrency', null],
    ['load shedding', null],
    ['engines', null],
  ],
  [RATE_LIMIT]: [
    ['limits', null],
    [
      'mounted alone',
      async () => {
        for (let call = 0; call < 5; call++) await answerOf('http://localhost:3000/contact');
        const refused = await fetchSoon('http://localhost:3000/contact');
        const [head = '', body = ''] = (blocks(RATE_LIMIT, 'http')[0] ?? '').split('\n\n');
        for (const [name = '', value] of head.split('\n').map((line) => line.split(': ')))
          expect([name, refused.headers.get(name)]).toEqual([name, value]);
        expect([refused.status, await refused.json()]).toEqual([429, JSON.parse(body)]);
      },
    ],
    ['Redis', null],
  ],
};

describe('the programs', () => {
  it('have one run each', () => {
    expect(pages.map((path) => [path, RUNS[path]?.length])).toEqual(
      pages.map((path) => [path, blocks(path, 'ts').length]),
    );
  });

  const entries = pages.flatMap((path) =>
    (RUNS[path] ?? []).map(([name, check], index) => ({ path, name, check, code: blocks(path, 'ts')[index] ?? '' })),
  );
  const runnable = entries.filter(({ code }) => hasRedis || !code.includes('redis://'));
  it.each(runnable)('run: $path, $name', async ({ check, code }) => {
    const program = runProgram(code);
    const { output, ended } = program;
    if (check === null) expect([await ended, output()]).toEqual([0, expect.any(String)]);
    else await check(program);
    for (const [, said = ''] of code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)) {
      await eventually(() => output().split('\n').includes(onFreePorts(said)), { withinMs: 10_000 });
    }
    expect(output().replaceAll('error-boundary', '')).not.toMatch(/error/i);
  });

  it.skipIf(!hasCurl)('answer the curl lines of the quickstart', async () => {
    runProgram(blocks(README, 'ts')[0] ?? '');
    await fetchSoon('http://localhost:3000/health');
    const lines = blocks(README, 'sh').flatMap((text) => text.trim().split('\n'));
    const answers: unknown[] = [];
    for (const line of lines) {
      const { stdout } = await promisify(execFile)('sh', ['-c', `${onFreePorts(line)} --silent --fail`]);
      answers.push(JSON.parse(stdout));
    }
    expect(answers).toMatchObject([{ name: 'Ada' }, { product: 1, id: 2 }, { status: 'healthy' }]);
  });
});
