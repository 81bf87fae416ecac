/** Starts every file in examples/ and holds it to what it says of itself; the demo as a person would, with npm and curl. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { listen, type Running } from '../examples/support.js';
import { startRedis } from './support/redis-server.js';
import { isInstalled } from './support/installed.js';

/** Lines of the log, in the place of standard output. */
const log: string[] = vi.hoisted(() => []);

vi.mock('../src/logger/standard-lines.js', () => ({
  stdoutLines: (line: string) => void log.push(line),
  stderrLines: (line: string) => void log.push(line),
  flushLines: () => Promise.resolve(),
  writeAtExit: () => undefined,
}));

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = `${ROOT}examples`;

/** Used by the examples; they are none. */
const HELPERS = ['services.ts', 'support.ts'];

/** What each example is to do, by file. */
const EXPECTATIONS: Record<string, (url: string) => Promise<void>> = {
  async '01-express.ts'(url) {
    expect(await get(`${url}/api/users/2`)).toEqual({ id: 2, name: 'Grace' });
    expect((await fetch(`${url}/api/users/9`)).status).toBe(404);
    expect(await (await fetch(`${url}/api/version`)).text()).toBe('1.0');

    const answers = [await get(`${url}/api/orders`), await get(`${url}/api/orders`)] as { instance: string }[];
    expect(answers.map(({ instance }) => instance).sort()).toEqual(['a', 'b']);

    const created = await post(`${url}/api/orders`, { product: 1 });
    expect([created.status, created.headers.get('location')]).toEqual([201, '/api/orders/2']);
    expect(await created.json()).toMatchObject({ id: 2, product: 1 });

    const refused = await fetch(`${url}/api/users`, { method: 'DELETE' });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);

    const own = await post(`${url}/contact`, { subject: 'hello' });
    expect([own.status, await own.json()]).toEqual([202, { received: 'hello' }]);
    expect((await fetch(`${url}/none`)).status).toBe(404);
  },

  async '02-koa.ts'(url) {
    const answer = await fetch(`${url}/shop/1`);
    expect(await answer.json()).toMatchObject({ name: 'Keyboard' });
    expect(answer.headers.get('x-answered')).toBe('GET /shop/1 200');
    expect(await get(`${url}/shop/2/orders`)).toEqual({ instance: 'a', orders: [{ id: 1, product: 2 }] });
    expect(await (await fetch(`${url}/`)).text()).toBe('the app itself');
    expect(await get(`${url}/health`)).toMatchObject({ status: 'healthy' });
  },

  async '03-node.ts'(url) {
    expect((await fetch(`${url}/users/1`)).status).toBe(403);
    expect(await get(`${url}/users/1`, { 'x-internal': 'yes' })).toEqual({ id: 1, name: 'Ada' });
    expect(await get(`${url}/products/2`)).toMatchObject({ name: 'Screen' });
    expect((await fetch(`${url}/products`, { method: 'POST' })).status).toBe(405);
    expect(await get(`${url}/none`)).toMatchObject({ status: 404, code: 'ERR_GATEWAY_ROUTE_NOT_FOUND' });
    expect((await fetch(`${url}/users`, { method: 'POST', body: 'x'.repeat(1_048_577) })).status).toBe(413);
  },

  async '04-one-piece.ts'(url) {
    const { ownerOf } = await import('../examples/04-one-piece.js');
    expect(ownerOf('/api/users/42')).toBe('team identity');
    expect(ownerOf('/api/users/42/invoices/7')).toBe('team billing');
    expect(ownerOf('/api/users/42', 'eu.partner.example')).toBe('team partners');
    expect(ownerOf('/api/users-admin')).toBeNull();

    const answer = await fetch(`${url}/2`);
    expect(await answer.json()).toEqual({ id: 2, name: 'Grace' });
    expect(answer.headers.get('x-gateway-version')).toMatch(/^\d+\.\d+\.\d+$/);
  },

  async '05-limits.ts'(url) {
    const users = await fetch(`${url}/api/users/1`);
    expect(await users.json()).toMatchObject({ name: 'Ada' });
    expect(users.headers.get('ratelimit-policy')).toBe('"gateway";q=1000;w=60, "/api/users";q=5;w=60');
    for (let call = 0; call < 4; call++) expect((await fetch(`${url}/api/users/2`)).status).toBe(200);
    const refused = await fetch(`${url}/api/users/2`);
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);

    const login = async (email: string, password: string): Promise<number> =>
      (await post(`${url}/login`, { email, password })).status;
    for (let call = 0; call < 4; call++) expect(await login('ada@example.test', 'engine')).toBe(200);
    for (let call = 0; call < 3; call++) expect(await login('ada@example.test', 'wrong')).toBe(401);
    expect(await login('ADA@example.test', 'engine')).toBe(429);
    expect(await login('grace@example.test', 'engine')).toBe(200);
  },

  async '06-resilience.ts'(url) {
    const circuits = async (): Promise<unknown> => get(`${url}/health`);
    for (let call = 0; call < 3; call++) expect(await get(`${url}/stock/1`)).toEqual({ inStock: 3 });
    expect(await circuits()).toMatchObject({ status: 'healthy', circuits: { '/stock': 'closed' } });
    const fallback = { inStock: null, source: 'fallback' };
    for (let call = 0; call < 2; call++) expect(await get(`${url}/stock/broken`)).toEqual(fallback);
    expect(await circuits()).toMatchObject({ status: 'degraded', circuits: { '/stock': 'open' } });
    expect(await get(`${url}/stock/1`)).toEqual(fallback);

    const { statusOf } = await import('../examples/06-resilience.js');
    const broken = await listen(createServer((_req, res) => void res.writeHead(500).end()));
    const statuses = [await statusOf(broken.url), await statusOf(broken.url), await statusOf(broken.url)];
    await broken.close();
    expect(statuses).toEqual([500, 500, 'not asked']);
  },

  async '07-auth.ts'(url) {
    const { linesToPaste } = await import('../examples/07-auth.js');
    const lines = linesToPaste(url).split('\n').filter(isCurl);
    const tokens: Record<string, string> = {};
    const paste = (line: string): Promise<Answer> =>
      execute(words(line).map((word) => word.replace(/<(\w+)>/, (_all, name: string) => tokens[name] ?? '')));
    const [logIn, ...others] = lines as [string, ...string[]];
    Object.assign(tokens, JSON.parse((await paste(logIn)).body));
    const answers: Answer[] = [];
    for (const line of others) answers.push(await paste(line));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 401, 204]);
    const [user, orders, refreshed, product, , preflight] = answers;
    expect(user?.body).toMatch(/"Ada"/);
    expect(orders?.body).toMatch(/"orders"/);
    expect(JSON.parse(refreshed?.body ?? '')).toMatchObject({
      expiresIn: 900,
      refreshToken: expect.any(String) as string,
    });
    expect(product?.body).toMatch(/"Keyboard"/);
    expect(preflight?.headers['access-control-allow-origin']).toBe('https://app.example.com');

    expect((await paste(logIn.replace('engine', 'wrong'))).status).toBe(401);
    Object.assign(tokens, JSON.parse((await paste(logIn.replace('ada', 'grace'))).body));
    const [users = '', scoped = '', , withKey = ''] = others;
    const statuses = async (...pasted: string[]): Promise<number[]> => {
      const all: number[] = [];
      for (const line of pasted) all.push((await paste(line)).status);
      return all;
    };
    expect(await statuses(users, scoped, users.replace('<token>', '<none>'))).toEqual([200, 403, 401]);
    expect(await statuses(withKey, withKey, withKey)).toEqual([200, 200, 429]);
  },

  async '08-transforms.ts'(url) {
    expect(await get(`${url}/people/1`)).toEqual({ id: 1, fullName: 'Ada', self: `${url}/people/1` });

    const created = await post(`${url}/orders`, { product: 1 });
    expect([created.status, await created.json()]).toEqual([
      201,
      { id: 2, product: 1, channel: 'web', trace: created.headers.get('x-request-id') },
    ]);
    const refused = await post(`${url}/orders`, { product: 'one', discount: 99 });
    const { errors } = (await refused.json()) as { errors: { path: string }[] };
    expect([refused.status, errors.map(({ path }) => path).sort()]).toEqual([400, ['/discount', '/product']]);

    const products = await fetch(`${url}/products`, { headers: { 'accept-encoding': 'br' } });
    expect(products.headers.get('content-encoding')).toBe('br');
    expect(await products.json()).toMatchObject({ count: 2, items: [{ name: 'Keyboard' }, { name: 'Screen' }] });
  },

  async '09-operations.ts'(url) {
    const statusOf = async (path: string): Promise<number> => (await fetch(url + path)).status;
    for (let call = 0; call < 4; call++) expect(await statusOf('/users/1')).toBe(200);
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const answer = await fetch(`${url}/orders`, { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
    expect(answer.headers.get('traceresponse')).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/);
    expect(answer.headers.get('traceresponse')).not.toContain(trace);
    expect(await get(`${url}/health`)).toMatchObject({
      status: 'healthy',
      service: 'shop',
      checks: { orders: { status: 'up' } },
    });

    expect([await statusOf('/readyz'), await statusOf('/livez')]).toEqual([200, 200]);
    expect((await fetch(`${url}/admin/pause`, { method: 'POST' })).status).toBe(204);
    expect([await statusOf('/readyz'), await statusOf('/livez')]).toEqual([503, 200]);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('shop_pauses_total 1\n');
    expect(metrics).toContain('http_route="users",http_response_status_code="2xx"} 4\n');
    await expect.poll(() => log.filter((line) => line.includes('"route":"users"'))).toHaveLength(2);
    expect(log.join('')).not.toMatch(/readyz|metrics/);
  },

  async '10-upstreams.ts'(url) {
    const { linesToPaste } = await import('../examples/10-upstreams.js');
    const lines = linesToPaste(url).split('\n').map(words);
    const instanceOf = ({ body }: Answer): string => (JSON.parse(body) as { instance: string }).instance;
    const [orders = [], health = [], user = [], ...others] = lines;

    const counts: Record<string, number> = {};
    for (let call = 0; call < 12; call++) {
      const instance = instanceOf(await execute(orders));
      counts[instance] = (counts[instance] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(['a', 'b']);
    expect(counts.b).toBeGreaterThan(counts.a ?? 0);
    const gone = {
      url: 'http://127.0.0.1:1',
      state: 'ejected',
      reason: expect.stringContaining('2 failures') as string,
    };
    expect(JSON.parse((await execute(health)).body)).toMatchObject({
      status: 'degraded',
      upstreams: {
        orders: { targets: [{ state: 'healthy' }, { state: 'healthy' }, gone] },
        canary: { targets: [{ state: 'healthy' }] },
      },
    });

    const side = (await execute(user)).headers['x-variant'];
    for (let call = 0; call < 3; call++) expect((await execute(user)).headers['x-variant']).toBe(side);
    const [beta, old, unknown] = await Promise.all(others.map(execute));
    expect([beta?.status, beta?.headers['x-variant'], beta && instanceOf(beta)]).toEqual([200, 'canary', 'canary']);
    expect([old?.status, old?.headers.sunset]).toEqual([200, 'Wed, 30 Jun 2027 00:00:00 GMT']);
    expect([unknown?.status, unknown?.body]).toEqual([404, expect.stringContaining('ERR_GATEWAY_VERSION_UNKNOWN')]);
    expect((await fetch(`${url}/v2/orders`)).status).toBe(200);
  },

  async 'demo.ts'(url) {
    expect(await get(`${url}/api/products/1`)).toMatchObject({ name: 'Keyboard' });
  },
};

const files = readdirSync(FOLDER).filter((name) => !HELPERS.includes(name));
const started = new Set<ChildProcess>();

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(() => {
  for (const child of started) end(child, 'SIGKILL');
});

it('every file in examples/ has an expectation, and every expectation a file', () => {
  expect(files).toEqual(Object.keys(EXPECTATIONS).sort());
});

describe.each(files)('examples/%s', (file) => {
  it('does what it says', async () => {
    silenceOutput();
    const { start } = (await import(`../examples/${file.slice(0, -3)}.ts`)) as { start: () => Promise<Running> };
    const running = await start();
    try {
      await EXPECTATIONS[file]?.(running.url);
    } finally {
      await running.close();
    }
    await expect(fetch(running.url)).rejects.toThrow('fetch failed');
    if (file !== '04-one-piece.ts') await expect.poll(() => log.join('')).toContain('"status":200');
  });

  it('runs by itself and says where', async () => {
    const program = run(process.execPath, programOf(file));
    await urlOf(program);
    end(program.child, 'SIGKILL');
    expect(program.errors()).not.toMatch(/error/i);
  });

  it('has at most 60 lines and imports the package by its name', () => {
    const text = readFileSync(`${FOLDER}/${file}`, 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
    expect(text).not.toContain('../src');
    expect(text).toMatch(/from 'innergate/);
  });
});

it.skipIf(!isInstalled('redis-server'))(
  'two processes of examples/05-limits.ts share their limits in the Redis of REDIS_URL',
  async () => {
    const redis = await startRedis();
    try {
      const env = { ...process.env, REDIS_URL: `redis://127.0.0.1:${redis.port}` };
      const urls = await Promise.all([0, 1].map(() => urlOf(run(process.execPath, programOf('05-limits.ts'), env))));
      const statuses: number[] = [];
      for (let call = 0; call < 6; call++) statuses.push((await fetch(`${urls[call % 2]}/api/users/1`)).status);
      expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
      for (const password of ['wrong', 'wrong', 'wrong', 'engine'])
        statuses.push(
          (await post(`${urls[statuses.length % 2]}/login`, { email: 'ada@example.test', password })).status,
        );
      expect(statuses.slice(6)).toEqual([401, 401, 401, 429]);
    } finally {
      await redis.stop();
    }
  },
);

interface Expected {
  readonly status: number;
  /** In the body; every one of them. */
  readonly body: readonly RegExp[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the lines that the demo prints answer, in their order. */
const DEMO: readonly (readonly [string, Expected])[] = [
  ['GET /api/users/1', { status: 200, body: [/"Ada"/] }],
  ['GET /api/products', { status: 200, body: [/"Keyboard"/, /"Screen"/] }],
  ['GET /api/orders', { status: 200, body: [/"instance":"[ab]"/] }],
  ['GET /api/orders', { status: 200, body: [/"instance":"[ab]"/] }],
  ['POST /api/orders', { status: 201, body: [/"product":1/], headers: { location: '/api/orders/2' } }],
  [
    'GET /api/orders/events',
    { status: 200, body: [/"paid"/, /"delivered"/], headers: { 'content-type': 'text/event-stream' } },
  ],
  ['GET /nothing', { status: 404, body: [/the app has no such page/] }],
  ['DELETE /api/products/1', { status: 405, body: [/METHOD_NOT_ALLOWED/], headers: { allow: 'GET, HEAD' } }],
  ['GET /health', { status: 200, body: [/"healthy"/] }],
];

describe('npm run demo', () => {
  let demo: Program;
  let lines: string[][];

  beforeAll(async () => {
    const { PORT: _port, ...env } = process.env;
    demo = run('npm', ['run', '--silent', 'demo'], env);
    await demo.saying(/curl \S+\/health\n/);
    lines = demo.output().split('\n').filter(isCurl).map(words);
  }, 30_000);

  it('prints the routes and where they go', () => {
    const table = demo.output().split('\n\n')[0] ?? '';
    expect(table.split('\n').map((row) => row.replaceAll(/:\d+/g, ':0').replaceAll(/ +/g, ' '))).toEqual([
      'ANY /api/users/* -> http://127.0.0.1:0',
      'ANY /api/orders/* -> http://127.0.0.1:0 | http://127.0.0.1:0',
      'GET /api/products/* -> http://127.0.0.1:0',
    ]);
  });

  it('prints a line to paste for everything that is expected here', () => {
    expect(lines.map(wordsToRequest).map(({ method, path }) => `${method} ${path}`)).toEqual(
      DEMO.map(([name]) => name),
    );
  });

  it.each(DEMO.map(([name, expected], index) => ({ name, expected, index })))(
    'answers $name with $expected.status',
    async ({ expected, index }) => {
      const answer = await execute(lines[index] ?? []);
      expect(answer.status).toBe(expected.status);
      for (const pattern of expected.body) expect(answer.body).toMatch(pattern);
      for (const [name, value] of Object.entries(expected.headers ?? {})) expect(answer.headers[name]).toBe(value);
    },
  );

  it('asks the two instances of orders in turn', async () => {
    const orders = DEMO.flatMap(([name], index) => (name === 'GET /api/orders' ? [lines[index] ?? []] : []));
    const bodies: string[] = [];
    for (const line of orders) bodies.push((await execute(line)).body);
    expect(bodies.map((body) => /"instance":"(.)"/.exec(body)?.[1]).sort()).toEqual(['a', 'b']);
  });

  it('passes on each event when it happens', async () => {
    const { arrivals } = await execute(lines.find((line) => line.join(' ').endsWith('/events')) ?? []);
    expect(arrivals.length).toBeGreaterThanOrEqual(4);
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(600);
  });

  it('lets what runs finish on Ctrl-C, even if it comes twice, then ends', async () => {
    const stream = await fetch(lines.map(wordsToRequest).find(({ path }) => path.endsWith('/events'))?.url ?? '');
    const ended = new Promise((resolve) => demo.child.once('close', resolve));
    end(demo.child, 'SIGINT');
    end(demo.child, 'SIGINT');
    expect(await stream.text()).toMatch(/"delivered"/);
    await ended;
    expect(demo.output()).toMatch(/drained\n$/);
    expect(demo.errors()).not.toMatch(/error/i);
  });
});

/** What Node runs an example with. */
function programOf(file: string): string[] {
  return ['--import', 'tsx', `${FOLDER}/${file}`];
}

/** Where a program says that it listens. */
async function urlOf({ saying, output }: Program): Promise<string> {
  const url = /http:\/\/[\w.]+:\d+/;
  await saying(url);
  return url.exec(output())?.[0] ?? '';
}

async function get(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  return (await fetch(url, { headers })).json();
}

function post(url: string, value: unknown): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  });
}

/** Keeps what is written to standard output out of the report. */
function silenceOutput(): void {
  log.length = 0;
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
}

interface Program {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  /** Resolves when the output so far matches. */
  readonly saying: (pattern: RegExp) => Promise<void>;
}

/** Starts a program in a process group of its own, so that what it starts ends with it. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Program {
  const child = spawn(command, args, { cwd: ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));

  function saying(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(output)) resolve();
      };
      child.stdout.on('data', look);
      child.once('close', () => {
        reject(new Error(`${command} ended and never said ${String(pattern)}: ${output}${errors}`));
      });
      look();
    });
  }
  return { child, output: () => output, errors: () => errors, saying };
}

function end({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // The group has ended by itself.
  }
}

function isCurl(line: string): boolean {
  return line.trimStart().startsWith('curl ');
}

/** The words of a line as a shell would see them, as far as single quotes go. */
function words(line: string): string[] {
  return [...line.trim().matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

interface CurlRequest {
  method: string;
  url: string;
  path: string;
  headers: Record<string, string>;
  body: string | null;
}

function wordsToRequest([, ...options]: readonly string[]): CurlRequest {
  const request: CurlRequest = { method: '', url: '', path: '', headers: {}, body: null };
  for (let i = 0; i < options.length; i++) {
    const word = options[i] as string;
    if (word === '-X') request.method = options[++i] ?? '';
    else if (word === '-d') request.body = options[++i] ?? '';
    else if (word === '-H') {
      const [name = '', value = ''] = (options[++i] ?? '').split(': ');
      request.headers[name] = value;
    } else if (!word.startsWith('-')) request.url = word;
  }
  request.path = new URL(request.url).pathname;
  request.method ||= request.body === null ? 'GET' : 'POST';
  return request;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** When each piece of the body came, in ms. */
  readonly arrivals: readonly number[];
}

const hasCurl = ((): boolean => {
  try {
    execFileSync('curl', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

/** Runs a line as printed where curl is installed, else does what it says. */
function execute(line: readonly string[]): Promise<Answer> {
  return hasCurl ? executeWithCurl(line) : executeWithFetch(wordsToRequest(line));
}

async function executeWithCurl([, ...options]: readonly string[]): Promise<Answer> {
  const { child, output } = run('curl', ['-s', '-i', ...options]);
  const arrivals: number[] = [];
  child.stdout?.on('data', (text: string) => {
    if (text.includes('data: ')) arrivals.push(performance.now());
  });
  await new Promise((resolve) => child.once('close', resolve));
  const [head = '', ...rest] = output().split('\r\n\r\n');
  const [first = '', ...fields] = head.split('\r\n');
  const headers = fields.map((field) => field.split(': ') as [string, string]);
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
    body: rest.join('\r\n\r\n'),
    arrivals,
  };
}

async function executeWithFetch({ url, method, headers, body }: CurlRequest): Promise<Answer> {
  const answer = await fetch(url, { method, headers, body });
  const arrivals: number[] = [];
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body ?? []) {
    arrivals.push(performance.now());
    chunks.push(chunk as Uint8Array);
  }
  const text = Buffer.concat(chunks).toString();
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: text, arrivals };
}
