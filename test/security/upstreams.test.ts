/** Attacks on balanced upstreams: forged cookies, chosen keys, fleets that are gone, and what strangers get to see of them. */
import { createHmac, randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import type { TargetEntry } from '../../src/core/target-options.js';
import { createGateway, type GatewayConfig, type RouteConfig, type UpstreamConfig } from '../../src/gateway/index.js';
import {
  failOnUncaught,
  freePort,
  gate,
  send,
  startGateway,
  startNamed,
  startUpstream,
  times,
  type Answer,
  type NamedUpstream,
  type RunningGateway,
} from '../integration/harness.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { exchange } from '../support/raw-client.js';
import type { Upstream } from '../support/upstream.js';
import { get } from './front.js';

failOnUncaught();

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const SECRET = 'f1rst-secret-of-a-fleet-0123456789abcdef';
const OTHER = 's3cond-secret-of-a-fleet-0123456789abcdef';

function fleet(...names: string[]): Promise<NamedUpstream[]> {
  return Promise.all(names.map(startNamed));
}

/** A gateway in front of one upstream. */
function balanced(
  places: readonly (TargetEntry | Upstream)[],
  upstream: Partial<UpstreamConfig> = {},
  route: Partial<RouteConfig> = {},
  config: Partial<GatewayConfig> = {},
): Promise<RunningGateway> {
  const targets = places.map((place) => (typeof place === 'object' && 'requests' in place ? place.url : place));
  return startGateway({
    ...config,
    upstreams: { users: { targets, ...upstream } },
    routes: [{ path: '/', upstream: 'users', ...route }],
  });
}

async function tally(
  url: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const { status, text } = await send(url, { headers });
    const key = status === 200 ? text : String(status);
    answers[key] = (answers[key] ?? 0) + 1;
  }
  return answers;
}

function cookieOf({ headers }: Answer): string {
  return String(headers['set-cookie']?.at(-1)).split(';')[0] ?? '';
}

describe('a sticky cookie', () => {
  const sticky = { secrets: SECRET };

  it('names no target, in no encoding, and no other gateway can read it without the secret', async () => {
    const targets = await fleet('a', 'b', 'c');
    const running = await balanced(targets, { sticky });
    for (const { port, url } of targets) {
      const [, value = ''] = cookieOf(await send(running.url)).split('=');
      const forms = [value, Buffer.from(value, 'base64url').toString('latin1'), Buffer.from(value, 'hex').toString()];
      for (const form of forms) expect(form).not.toMatch(new RegExp(`${port}|127\\.0|localhost|http`));
      expect(value).not.toContain(createHmac('sha256', '').update(url).digest('base64url').slice(0, 22));
    }
  });

  it.each<[string, (good: string) => string]>([
    ['a letter changed', (good) => good.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['its first part', (good) => good.slice(0, -1)],
    ['more after it', (good) => `${good}A`],
    ['another case', (good) => good.toUpperCase()],
    ['the URL itself', () => 'gateway-target=http://127.0.0.1'],
    ['a number', () => 'gateway-target=0'],
    ['nothing', () => 'gateway-target='],
    ['no value', () => 'gateway-target'],
    ['__proto__', () => 'gateway-target=__proto__'],
    ['22 characters of another kind', () => `gateway-target=${'ä'.repeat(22)}`],
    ['12 KB', () => `gateway-target=${'A'.repeat(12_000)}`],
    ['random bytes', () => `gateway-target=${randomBytes(16).toString('base64url')}`],
    ['bad encoding', () => 'gateway-target=%zz%00%0d%0aSet-Cookie:x=1'],
  ])('that is forged is worth nothing: %s', async (_name, forge) => {
    const targets = await fleet('a', 'b');
    const running = await balanced(targets, { sticky });
    const cookie = Buffer.from(forge(cookieOf(await send(running.url)))).toString('latin1');
    // Of a client that is kept, every answer would be the same.
    const answers = await tally(running.url, 4, { cookie });
    expect(answers).toEqual({ a: 2, b: 2 });
    const { headers } = await send(running.url, { headers: { cookie } });
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(/^gateway-target=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
  });

  it('of another secret or another name is worth nothing', async () => {
    const targets = await fleet('a', 'b');
    for (const other of [{ secrets: OTHER }, { secrets: SECRET, cookie: 'other' }]) {
      const [running, stranger] = [await balanced(targets, { sticky }), await balanced(targets, { sticky: other })];
      const cookie = cookieOf(await send(stranger.url)).replace(/^[^=]*/, 'gateway-target');
      expect(await tally(running.url, 4, { cookie })).toEqual({ a: 2, b: 2 });
    }
  });

  it('of a target that was taken out leads to another one, and of one that fails, too', async () => {
    const [a, b] = (await fleet('a', 'b')) as [NamedUpstream, NamedUpstream];
    const before = await balanced([a], { sticky });
    const cookie = cookieOf(await send(before.url));
    const running = await balanced([b], { sticky });
    const { text, headers } = await send(running.url, { headers: { cookie } });
    expect([text, headers['set-cookie']?.length]).toEqual(['b', 1]);
    const both = await balanced([a, b], { sticky, outlier: { consecutiveFailures: 1 } });
    expect(await tally(both.url, 3, { cookie })).toEqual({ a: 3 });
    a.status = 500;
    await send(both.url, { headers: { cookie } });
    expect(await tally(both.url, 3, { cookie })).toEqual({ b: 3 });
  });

  it('stays at the gateway, however often and in whatever company it comes', async () => {
    const service = await startUpstream();
    const running = await balanced([{ url: service.url }], { sticky });
    const good = cookieOf(await send(running.url));
    const forged = `gateway-target=${'A'.repeat(22)}`;
    const many = Array.from({ length: 800 }, (_, index) => `c${index}=v`).join('; ');
    const fields: [string[], string | undefined][] = [
      [[`Cookie: ${good}`], undefined],
      [[`Cookie: ${forged}; a=1; ${good}; b=2; gateway-target=`], 'a=1; b=2'],
      [[`Cookie: a=1; ${good}`, `Cookie: ${forged}; b=2`], 'a=1; b=2'],
      [[`Cookie: ${many}; ${good}`], many],
      [[`Cookie:  gateway-target = "${good.split('=')[1]}" ;a=1`], 'a=1'],
      [[`Cookie: a=1;;;${good};`], 'a=1; ; ; '],
    ];
    for (const [sent, arrives] of fields) {
      const { response } = await exchange(running.port, get('/', ...sent), { settleMs: 5 });
      expect(response?.status).toBe(200);
      const cookie = service.requests.at(-1)?.headers.cookie;
      expect(cookie ?? '').not.toContain('gateway-target');
      expect(cookie?.replace(/[\s;]+/g, ' ').trim()).toBe(arrives?.replace(/[\s;]+/g, ' ').trim());
    }
  });

  it('that is there twice is the first of them', async () => {
    const targets = await fleet('a', 'b');
    const running = await balanced(targets, { sticky });
    const first = await send(running.url);
    const second = await send(running.url);
    expect(new Set([first.text, second.text])).toEqual(new Set(['a', 'b']));
    const cookie = `${cookieOf(second)}; ${cookieOf(first)}`;
    expect(await tally(running.url, 4, { cookie })).toEqual({ [second.text]: 4 });
  });

  it.each(['\0', '\u0001', '\u007f', '\r', '\n'])('with the control character %j harms nothing', async (character) => {
    const [a] = await fleet('a');
    const running = await balanced([a as NamedUpstream], { sticky });
    const { response, raw } = await exchange(running.port, get('/', `Cookie: gateway-target=${character}x`), {
      settleMs: 5,
    });
    expect([200, 400]).toContain(response?.status);
    expect(raw.match(/^HTTP\//gm)).toHaveLength(1);
    expect((await send(running.url)).text).toBe('a');
  });

  it('leaves every cookie that the service sets, its own name included', async () => {
    const cookies = ['gateway-target=theirs; Path=/x', 'a=1', 'a=2; Secure'];
    const service = await startUpstream((_request, response) => response.setHeader('set-cookie', cookies).end());
    const running = await balanced([service], { sticky });
    const { headers } = await send(running.url);
    expect(headers['set-cookie']).toEqual([...cookies, expect.stringMatching(/^gateway-target=/)]);
  });

  it('is in no log, and its secret is nowhere', async () => {
    const [a] = await fleet('a');
    const running = await balanced([a as NamedUpstream], { sticky });
    const cookie = cookieOf(await send(running.url));
    await send(`${running.url}/x`, { headers: { cookie } });
    await eventually(() => running.log.length === 2);
    const seen = [running.log, running.gateway.stats(), running.gateway.health(), running.gateway.explain('GET', '/')];
    expect(JSON.stringify(seen)).not.toContain(cookie.split('=')[1]);
    expect(JSON.stringify(seen)).not.toContain(SECRET);
    for (const faulty of [
      SECRET,
      { secrets: 'short-secret' },
      { secrets: [SECRET, 'short-secret'] },
      { secret: SECRET },
    ]) {
      const start = (): unknown =>
        createGateway({ upstreams: { users: { targets: 'http://a', sticky: faulty as never } }, routes: [] });
      expect(start).toThrow(ConfigError);
      expect(start).not.toThrow(/short-secret|f1rst/);
    }
  });

  it.each([
    ['a name with a line end', { cookie: 'a\r\nSet-Cookie: x' }],
    ['a name with a semicolon', { cookie: 'a; Domain=evil.test' }],
    ['a path with a line end', { path: '/\r\nX: y' }],
    ['a path with a semicolon', { path: '/; Domain=evil.test' }],
    ['a domain with a semicolon', { domain: 'a.test; HttpOnly' }],
  ])('does not start with %s', (_name, more) => {
    const start = (): unknown =>
      createGateway({ upstreams: { users: { targets: 'http://a', sticky: { ...sticky, ...more } } }, routes: [] });
    expect(start).toThrow(ConfigError);
  });
});

describe('a zone', () => {
  it('with line ends in its name is in no field and on no line of its own', async () => {
    const [a] = (await fleet('a')) as [NamedUpstream];
    const zone = 'eu\r\nSet-Cookie: evil=1\r\n\r\n';
    const running = await balanced(
      [{ url: a.url, zone }],
      { zone, sticky: { secrets: SECRET } },
      {},
      { metrics: true },
    );
    const { raw } = await exchange(running.port, get('/'), { settleMs: 5 });
    expect(raw).not.toContain('evil');
    expect((await send(`${running.url}/metrics`)).text).not.toMatch(/^Set-Cookie/m);
  });

  it('that a client makes up leaves nothing behind, and sends it nowhere else', async () => {
    const [a, b] = (await fleet('a', 'b')) as [NamedUpstream, NamedUpstream];
    const running = await balanced(
      [
        { url: a.url, zone: 'eu' },
        { url: b.url, zone: 'us' },
      ],
      { zoneBy: { header: 'x-zone' } },
    );
    for (const zone of ['__proto__', 'constructor', 'EU', 'eu,us', 'x'.repeat(8_000)])
      expect(await tally(running.url, 2, { 'x-zone': zone })).toEqual({ a: 1, b: 1 });
    expect(await tally(running.url, 4, { 'x-zone': 'us' })).toEqual({ b: 4 });
  });
});

describe('keys of clients', () => {
  const balance = { strategy: 'consistent-hash', by: { header: 'x-key' }, maxLoad: 1.25 } as const;

  it('that are all the same overload no target while it works', async () => {
    const { opened, open } = gate();
    let most = 0;
    const targets = await times(4, async (index) => {
      let running = 0;
      return startUpstream(async (_request, response) => {
        most = Math.max(most, ++running);
        await opened;
        running--;
        response.end(String(index));
      });
    });
    const running = await balanced(targets, { balance });
    const answers = times(40, () => send(running.url, { headers: { 'x-key': 'the one' } }));
    await eventually(() => targets.reduce((sum, { requests }) => sum + requests.length, 0) === 40);
    open();
    expect((await answers).every(({ status }) => status === 200)).toBe(true);
    // 1.25 times the mean of 10, rounded up for each call on its way.
    expect(most).toBeLessThanOrEqual(13);
    expect(Math.min(...targets.map(({ requests }) => requests.length))).toBeGreaterThan(0);
  });

  it('that differ only where the hash no longer looks go to one target, and still do not overload it', async () => {
    const { opened, open } = gate();
    const targets = await times(3, () =>
      startUpstream(async (_request, response) => {
        await opened;
        response.end();
      }),
    );
    const running = await balanced(targets, { balance });
    const prefix = 'k'.repeat(300);
    const answers = times(30, (index) => send(running.url, { headers: { 'x-key': prefix + String(100 + index) } }));
    await eventually(() => targets.reduce((sum, { requests }) => sum + requests.length, 0) === 30);
    const counts = targets.map(({ requests }) => requests.length);
    open();
    await answers;
    expect(Math.max(...counts)).toBeLessThanOrEqual(13);
  });

  it.each(['__proto__', 'constructor', '', ' ', '\0'.slice(1), 'ü', 'x'.repeat(12_000)])(
    'of a strange kind are keys like others: %j',
    async (key) => {
      const targets = await fleet('a', 'b', 'c');
      const running = await balanced(targets, { balance });
      const answers = await tally(running.url, 3, { 'x-key': Buffer.from(key).toString('latin1') });
      expect(Object.keys(answers)).toHaveLength(key.trim() === '' ? 3 : 1);
    },
  );

  it('leave nothing behind, 5,000 of them of 4 KB each', { timeout: 60_000 }, async () => {
    const targets = await fleet('a', 'b', 'c');
    const running = await balanced(
      targets,
      { balance, sticky: { secrets: SECRET }, zoneBy: { header: 'x-zone' } },
      {},
      {
        accessLog: false,
        metrics: true,
      },
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    onTestFinished(() => {
      agent.destroy();
    });
    async function round(count: number): Promise<void> {
      await times(16, async () => {
        for (let i = 0; i < count / 16; i++) {
          const key = randomBytes(2_048).toString('hex');
          const headers = { 'x-key': key, 'x-zone': key.slice(0, 1_000), cookie: `gateway-target=${key.slice(0, 22)}` };
          await send(running.url, { headers, agent });
        }
      });
      // The targets of the test remember every request.
      for (const { requests } of targets) (requests as unknown[]).length = 0;
    }
    function shape(): string {
      const { upstreams, pools } = running.gateway.stats();
      return JSON.stringify([upstreams, Object.keys(pools)]).replace(/\d+(?:\.\d+)?(?:e-\d+)?/g, '#');
    }
    async function scrape(): Promise<number> {
      return (await send(`${running.url}/metrics`)).text.split('\n').length;
    }
    await round(1_000);
    // The first scrape is a request of a kind that there was not before.
    await scrape();
    const [before, linesBefore] = [shape(), await scrape()];
    collect();
    const heapBefore = process.memoryUsage().heapUsed;
    await round(5_000);
    collect();
    const grownBytes = process.memoryUsage().heapUsed - heapBefore;
    expect(shape()).toBe(before);
    expect(await scrape()).toBe(linesBefore);
    // One that is kept has 4 KB.
    expect(grownBytes).toBeLessThan(5_000_000);
  });
});

describe('a fleet that is gone', () => {
  const calm = { retry: { retries: 3, backoffMs: 1, budget: false as const } };

  async function dead(count: number): Promise<string[]> {
    return times(count, async () => `http://127.0.0.1:${await freePort()}`);
  }

  it('is 503 with Retry-After at once, without a word on where it was', async () => {
    const urls = await dead(3);
    const outlier = { consecutiveFailures: 1, maxEjectedShare: 1 };
    const running = await balanced(urls, { outlier, panicThreshold: 0 }, calm, { health: { details: false } });
    let last: Answer | null = null;
    await eventually(async () => {
      last = await send(running.url);
      return last.status === 503;
    });
    const { headers, text } = last as unknown as Answer;
    expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(JSON.parse(text)).toMatchObject({ status: 503, code: 'ERR_GATEWAY_NO_TARGETS' });
    const told = JSON.stringify([headers, text]);
    for (const url of urls) expect(told).not.toContain(new URL(url).port);
    expect(told).not.toMatch(/users|127\.0\.0\.1|ECONN|eject|targets? is/);
    const answers = await times(50, () => send(running.url));
    expect(answers.every(({ status }) => status === 503)).toBe(true);
  });

  it('is shown to those who may see it, with its reasons, and to strangers as a word', async () => {
    const urls = await dead(2);
    const outlier = { consecutiveFailures: 1, maxEjectedShare: 1 };
    const running = await balanced(urls, { outlier, panicThreshold: 0 }, calm);
    await eventually(async () => (await send(running.url)).status === 503);
    for (const path of ['/health', '/health?verbose', '/readyz', '/readyz?verbose=1', '/livez', '/healthz']) {
      const { text } = await send(running.url + path, { headers: { 'x-forwarded-for': '127.0.0.1' } });
      expect(text).not.toMatch(/127\.0|users|ECONN|targets|ejected/);
    }
    const { targets } = running.gateway.stats().upstreams.users ?? { targets: [] };
    expect(targets.map(({ state }) => state)).toEqual(['ejected', 'ejected']);
    expect(targets.every(({ reason }) => reason?.includes('ECONNREFUSED'))).toBe(true);
    expect(running.gateway.explain('GET', '/').upstream?.targets.map(({ state }) => state)).toEqual([
      'ejected',
      'ejected',
    ]);
  });

  it('is asked all the same where panic is on, and answers as it can', async () => {
    const [a] = (await fleet('a')) as [NamedUpstream];
    const urls = await dead(3);
    const clock = new FakeClock();
    const outlier = { consecutiveFailures: 1, maxEjectedShare: 1, ejectMs: 60_000 };
    const running = await balanced([...urls, a.url], { outlier, panicThreshold: 0.5 }, {}, { clock, accessLog: false });
    const answers = await tally(running.url, 40);
    expect(running.gateway.stats().upstreams.users?.panicking).toBe(true);
    expect(Object.keys(answers).sort()).toEqual(['502', 'a']);
    expect(answers.a).toBeGreaterThan(5);
  });

  it('lets backups in when all before them are down, and sends them home after it', async () => {
    const [first, second, backup] = (await fleet('first', 'second', 'backup')) as [
      NamedUpstream,
      NamedUpstream,
      NamedUpstream,
    ];
    const clock = new FakeClock();
    const outlier = { consecutiveFailures: 1, maxEjectedShare: 1, ejectMs: 10_000 };
    const targets = [first.url, second.url, { url: backup.url, backup: true }];
    const running = await balanced(targets, { outlier }, calm, { clock, accessLog: false });
    expect(await tally(running.url, 6)).toEqual({ first: 3, second: 3 });
    expect(backup.requests).toHaveLength(0);
    [first.status, second.status] = [500, 500];
    const statuses = new Set<string>();
    await eventually(async () => {
      const sent = send(running.url);
      // Waits between attempts are on the clock, too.
      const ticking = setInterval(() => clock.advance(1), 1);
      const { text } = await sent;
      clearInterval(ticking);
      statuses.add(text);
      return text === 'backup';
    });
    expect(await tally(running.url, 6)).toEqual({ backup: 6 });
    [first.status, second.status] = [200, 200];
    clock.advance(20_000);
    expect(await tally(running.url, 6)).toEqual({ first: 3, second: 3 });
  });
});
