/** Sources of targets that lie: they name every address that must not be asked, in every spelling, and every malformed thing. */
import type { LookupAddress, LookupAllOptions } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { consulSource, dnsSource, etcdSource, type DiscoveryOptions } from '../../src/discovery/index.js';
import type { RouteConfig, UpstreamConfig } from '../../src/gateway/index.js';
import type { Logger } from '../../src/logger/index.js';
import {
  failOnUncaught,
  send,
  start,
  startGateway,
  startUpstream,
  type RunningGateway,
} from '../integration/harness.js';
import { startConsul } from '../support/consul-server.js';
import { DnsServer } from '../support/dns-server.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { answerJson } from '../support/upstream.js';

failOnUncaught();

/** What a lookup of a name answers, one after the other; the last one stays. */
const names = vi.hoisted(() => new Map<string, string[][]>());

vi.mock('node:dns', async (original) => {
  const real = await original<typeof import('node:dns')>();
  function lookup(
    host: string,
    options: LookupAllOptions,
    done: (error: Error | null, found: LookupAddress[]) => void,
  ): void {
    const answers = names.get(host);
    if (answers === undefined) {
      real.lookup(host, options, done);
      return;
    }
    const [next = []] = answers.length > 1 ? answers.splice(0, 1) : answers;
    const found = next.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    process.nextTick(done, null, found);
  }
  return { ...real, lookup };
});

/** Whom requests may reach; everything else that listens is the trap. */
const GOOD = '127.0.0.2';
const SECRET = 'hunter2-5f9c1b7e0a4d';

interface Place {
  readonly port: number;
  readonly url: string;
  readonly accepted: number;
}

async function listenOn(host: string, answer = 'good'): Promise<Place> {
  let accepted = 0;
  const server = createServer((_request, response) => response.end(answer)).on('connection', () => accepted++);
  server.listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${host}:${port}`,
    get accepted() {
      return accepted;
    },
  };
}

/** On the addresses of this machine that must not be asked. */
async function startTrap(): Promise<Place> {
  let accepted = 0;
  const trap = (): Server =>
    createTcpServer((socket) => {
      accepted++;
      socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrap');
    });
  const { port } = await start(trap());
  const six = trap().listen(port, '::1');
  await once(six, 'listening');
  onTestFinished(() => {
    six.close();
  });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get accepted() {
      return accepted;
    },
  };
}

interface LogLine {
  readonly message: string;
  readonly [name: string]: unknown;
}

interface Discovering extends RunningGateway {
  /** What a source says, be it what it may. */
  tell(told: unknown): void;
  fail(error: unknown): void;
  /** Lines of the gateway's log. */
  readonly told: readonly LogLine[];
  /** Those of the discovery in this state. */
  linesOf(state: string): LogLine[];
  urls(): string[];
}

type Given = Partial<DiscoveryOptions>;

async function discovering(
  discovery: Given = {},
  upstream: Partial<UpstreamConfig> = {},
  route: Partial<RouteConfig> = {},
): Promise<Discovering> {
  let tell = (_told: never): void => undefined;
  let fail = (_error: Error): void => undefined;
  const source = {
    name: 'liar',
    subscribe(onTargets: typeof tell, onError: typeof fail) {
      [tell, fail] = [onTargets, onError];
      return () => undefined;
    },
  };
  const told: LogLine[] = [];
  const note = (fields: object, message = ''): void => void told.push({ ...fields, message });
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const running = await startGateway({
    logger,
    health: { details: true },
    metrics: true,
    upstreams: {
      users: { discovery: { source, allowedAddresses: [`${GOOD}/32`], debounceMs: 0, ...discovery }, ...upstream },
    },
    routes: [{ path: '/', upstream: 'users', retry: { retries: 2, backoffMs: 1, budget: false }, ...route }],
  });
  return Object.assign(Object.create(running) as RunningGateway, {
    gateway: running.gateway,
    log: running.log,
    told,
    tell: (value: unknown) => {
      tell(value as never);
    },
    fail: (error: unknown) => {
      fail(error as Error);
    },
    linesOf: (state: string) => told.filter((line) => line.state === state),
    urls: () => running.gateway.stats().upstreams.users?.targets.map(({ url }) => url) ?? [],
  });
}

async function answersOf({ url }: { readonly url: string }, count = 6): Promise<string[]> {
  const texts: string[] = [];
  for (let i = 0; i < count; i++) {
    const { status, text } = await send(url);
    texts.push(status === 200 ? text : String(status));
  }
  return texts;
}

function goods(count = 6): string[] {
  return new Array<string>(count).fill('good');
}

/** The machine itself and its network, in the spellings of an attacker. */
const FORBIDDEN: readonly [name: string, url: (port: number) => string][] = [
  ['the metadata service', () => 'http://169.254.169.254/latest/meta-data'],
  ['the metadata service by IPv6', () => 'http://[fd00:ec2::254]/latest'],
  ['loopback', (port) => `http://127.0.0.1:${port}`],
  ['loopback as one number', (port) => `http://2130706433:${port}`],
  ['loopback in hexadecimal', (port) => `http://0x7f000001:${port}`],
  ['loopback in octal', (port) => `http://0177.0.0.01:${port}`],
  ['loopback with parts left out', (port) => `http://127.1:${port}`],
  ['loopback with a dot at its end', (port) => `http://127.0.0.1.:${port}`],
  ['loopback in wide digits', (port) => `http://１２７.０.０.１:${port}`],
  ['loopback with ideographic dots', (port) => `http://127。0。0。1:${port}`],
  ['loopback, encoded', (port) => `http://%31%32%37.0.0.1:${port}`],
  ['loopback behind backslashes', (port) => `http:\\\\127.0.0.1:${port}`],
  ['loopback behind three slashes', (port) => `http:///127.0.0.1:${port}`],
  ['loopback of IPv6', (port) => `http://[::1]:${port}`],
  ['loopback of IPv6, written out', (port) => `http://[0:0:0:0:0:0:0:1]:${port}`],
  ['loopback in IPv6', (port) => `http://[::ffff:127.0.0.1]:${port}`],
  ['loopback in IPv6, compatible', (port) => `http://[::127.0.0.1]:${port}`],
  ['loopback behind NAT64', (port) => `http://[64:ff9b::7f00:1]:${port}`],
  ['loopback behind 6to4', (port) => `http://[2002:7f00:1::]:${port}`],
  ['a private network in IPv6', (port) => `http://[::ffff:10.0.0.1]:${port}`],
  ['every address', (port) => `http://0.0.0.0:${port}`],
  ['every address as 0', (port) => `http://0:${port}`],
  ['every address of IPv6', (port) => `http://[::]:${port}`],
  ['a name of this machine', (port) => `http://localhost:${port}`],
  ['that name in capitals and circles', (port) => `http://ⓛOCALhost:${port}`],
  ['user information in front', (port) => `http://allowed.example@127.0.0.1:${port}`],
  ['user information and a password', (port) => `http://user:${SECRET}@127.0.0.1:${port}`],
  ['a password of 1 MB', (port) => `http://user:${SECRET.repeat(50_000)}@127.0.0.1:${port}`],
  ['a backslash and user information', (port) => `http://127.0.0.1:${port}\\@allowed.example`],
  ['a line end in the host', (port) => `http://127.0\n.0.1:${port}`],
  ['another scheme', (port) => `ftp://127.0.0.1:${port}`],
  ['a file', () => 'file:///etc/passwd'],
  ['a script', () => 'javascript:fetch("http://127.0.0.1")'],
  ['no scheme', (port) => `//127.0.0.1:${port}`],
  ['a name that is unknown', () => 'http://nowhere.invalid'],
];

describe('a source of targets that lies', () => {
  it.each(FORBIDDEN)('reaches nobody by %s, and the rest is used', async (_name, urlOf) => {
    const [trap, good] = [await startTrap(), await listenOn(GOOD)];
    const running = await discovering();
    running.tell([{ url: urlOf(trap.port) }, { url: good.url }]);
    expect(await answersOf(running)).toEqual(goods());
    for (let again = 0; again < 20; again++)
      running.tell([{ url: urlOf(trap.port) }, { url: good.url, weight: again + 1 }]);
    expect(trap.accepted).toBe(0);
    const lines = running.linesOf('refused');
    expect(lines.length).toBeLessThan(2);
    // What is only found out by connecting is told by the state of the target.
    expect(lines.length === 1 || running.urls().length === 2).toBe(true);
    expect(JSON.stringify(running.told).length).toBeLessThan(3_000);
    expect(JSON.stringify([running.told, running.gateway.stats(), running.gateway.health()])).not.toContain(SECRET);
  });

  it('is checked where it is alone, too: 502 or 503, and no word on where it was', async () => {
    const trap = await startTrap();
    const running = await discovering();
    for (const [, urlOf] of FORBIDDEN) {
      running.tell([{ url: urlOf(trap.port) }]);
      const { status, text } = await send(running.url);
      expect([502, 503]).toContain(status);
      expect(text).not.toMatch(/127\.|localhost|169\.254|allowedAddresses|invalid/);
    }
    expect(trap.accepted).toBe(0);
  });

  it('trusts addresses of the internet alone where nothing is said', async () => {
    const trap = await startTrap();
    const running = await discovering({ allowedAddresses: undefined } as never);
    running.tell(
      [`http://127.0.0.1:${trap.port}`, `http://localhost:${trap.port}`, `http://10.0.0.1`].map((url) => ({ url })),
    );
    expect(running.urls()).toEqual([`http://localhost:${trap.port}`]);
    expect(await answersOf(running, 2)).toEqual(['502', '502']);
    expect(trap.accepted).toBe(0);
  });

  it('reaches only hosts of allowedHosts', async () => {
    const [good, other] = [await listenOn(GOOD), await listenOn(GOOD, 'other')];
    names
      .set('a.users.test', [[GOOD]])
      .set('users.test.evil.test', [[GOOD]])
      .set('users.test', [[GOOD]]);
    const running = await discovering({ allowedHosts: ['*.users.test'] });
    running.tell(
      [
        `http://a.users.test:${good.port}`,
        `http://users.test:${other.port}`,
        `http://users.test.evil.test:${other.port}`,
        `http://evilusers.test:${other.port}`,
        `http://a.users.test@evil.test:${other.port}`,
        `http://evil.test:${other.port}\\.users.test`,
        other.url,
      ].map((url) => ({ url })),
    );
    expect(running.urls()).toEqual([`http://a.users.test:${good.port}`]);
    expect(await answersOf(running)).toEqual(goods());
    expect(other.accepted).toBe(0);
  });
});

describe('a name', () => {
  it('is connected to at its allowed addresses alone', async () => {
    const [trap, good] = [await startTrap(), await listenOn(GOOD)];
    names.set('mixed.test', [['127.0.0.1', '::1', '169.254.169.254', GOOD]]).set('inner.test', [['127.0.0.1', '::1']]);
    const running = await discovering();
    running.tell([{ url: `http://mixed.test:${good.port}` }]);
    expect(await answersOf(running)).toEqual(goods());
    running.tell([{ url: `http://inner.test:${trap.port}` }]);
    expect(await answersOf(running, 2)).toEqual(['502', '502']);
    expect(trap.accepted).toBe(0);
  });

  it('that is bound anew between two connections is checked for each of them', async () => {
    const trap = await startTrap();
    const good = createServer((_request, response) => response.setHeader('connection', 'close').end('good'));
    good.listen(trap.port, GOOD);
    await once(good, 'listening');
    onTestFinished(() => {
      good.close();
    });
    names.set('rebound.test', [[GOOD], ['127.0.0.1'], ['::1', '::ffff:127.0.0.1'], ['0.0.0.0'], [GOOD]]);
    const running = await discovering({}, { outlier: false }, { retry: false });
    running.tell([{ url: `http://rebound.test:${trap.port}` }]);
    const answers = await answersOf(running, 5);
    expect(answers).toEqual(['good', '502', '502', '502', 'good']);
    expect(trap.accepted).toBe(0);
  });

  it('is not asked twice between its check and its connection', async () => {
    const trap = await startTrap();
    const good = await listenOn(GOOD);
    // Whoever looks a second time gets the other answer.
    names.set('twice.test', [[GOOD], ['127.0.0.1']]);
    const running = await discovering();
    running.tell([{ url: `http://twice.test:${good.port}` }]);
    expect(await answersOf(running, 3)).toEqual(goods(3));
    expect(trap.accepted).toBe(0);
    expect(names.get('twice.test')).toEqual([['127.0.0.1']]);
  });
});

describe('a health check', () => {
  const health = { intervalMs: 5, unhealthyIntervalMs: 5, unhealthyThreshold: 1, healthyThreshold: 1, jitter: 0 };

  it.each(['http', 'tcp'] as const)('by %s obeys the same rules', async (type) => {
    const [trap, good] = [await startTrap(), await listenOn(GOOD)];
    names.set('checked.test', [['127.0.0.1', '::1']]);
    const running = await discovering({}, { health: { ...health, type } });
    const urls = [`http://localhost:${trap.port}`, `http://checked.test:${trap.port}`, `http://127.0.0.1:${trap.port}`];
    running.tell([...urls, good.url].map((url) => ({ url })));
    await eventually(() => {
      const states = running.gateway.stats().upstreams.users?.targets.map(({ state }) => state);
      expect(states).toEqual(['unhealthy', 'unhealthy', 'healthy']);
    });
    expect(await answersOf(running)).toEqual(goods());
    expect(trap.accepted).toBe(0);
  });

  it('follows no redirect, and takes one for what it is', async () => {
    const trap = await startTrap();
    const target = createServer((_request, response) => {
      response.writeHead(302, { location: trap.url, refresh: `0; url=${trap.url}` }).end();
    });
    target.listen(0, GOOD);
    await once(target, 'listening');
    onTestFinished(() => {
      target.close();
      target.closeAllConnections();
    });
    const running = await discovering({}, { health: { ...health, statuses: [200] } });
    running.tell([{ url: `http://${GOOD}:${(target.address() as AddressInfo).port}` }]);
    await eventually(() => running.gateway.stats().upstreams.users?.targets[0]?.reason === 'status 302');
    expect(trap.accepted).toBe(0);
  });
});

describe('a redirect of an upstream', () => {
  it.each([301, 302, 303, 307, 308])('%i to an inner address is for the client to follow', async (status) => {
    const trap = await startTrap();
    const target = await startUpstream((_request, response) => {
      response.writeHead(status, { location: `${trap.url}/admin`, refresh: `0; url=${trap.url}` }).end('moved');
    });
    const running = await discovering({ allowedAddresses: ['loopback'] });
    running.tell([{ url: target.url }]);
    const answer = await send(running.url);
    expect([answer.status, answer.headers.location, answer.text]).toEqual([status, `${trap.url}/admin`, 'moved']);
    expect(trap.accepted).toBe(0);
  });
});

describe('a source that tells what nobody can use', () => {
  const cyclic: Record<string, unknown> = {};
  Object.assign(cyclic, { url: cyclic, self: [cyclic] });
  const throwing = {
    get url(): string {
      throw new Error(`token=${SECRET}`);
    },
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();

  const JUNK: readonly [name: string, entry: unknown][] = [
    ['a cycle', cyclic],
    ['a getter that throws', throwing],
    ['an object that cannot be looked at', revoked.proxy],
    ['an own __proto__', JSON.parse('{"__proto__":{"url":"http://127.0.0.1"},"url":"http://127.0.0.2:1"}')],
    ['an inherited URL', Object.create({ url: `http://${GOOD}:1` }) as object],
    ['constructor', JSON.parse(`{"constructor":{"name":"x"},"url":"http://${GOOD}:1"}`)],
    ['a weight that is no number', { url: `http://${GOOD}:1`, weight: Number.NaN }],
    ['a weight below 0', { url: `http://${GOOD}:1`, weight: -1 }],
    ['a weight without end', { url: `http://${GOOD}:1`, weight: Infinity }],
    ['a weight in words', { url: `http://${GOOD}:1`, weight: '5' }],
    ['a priority without end', { url: `http://${GOOD}:1`, priority: 1e9 }],
    ['a zone that is a list', { url: `http://${GOOD}:1`, zone: ['a'] }],
    ['a zone of 1 MB', { url: `http://${GOOD}:1`, zone: 'z'.repeat(1_048_576) }],
    ['a URL of 1 MB', { url: `http://${GOOD}:1/${'x'.repeat(1_048_576)}` }],
    ['a host of 1 MB', { url: `http://${'a.'.repeat(524_288)}test` }],
    ['a member of 1 MB', { url: `http://${GOOD}:1`, ['k'.repeat(1_048_576)]: 1 }],
    ['an option that hides a secret', { url: `http://${GOOD}:1`, authorization: `Bearer ${SECRET}` }],
    ['a symbol', Symbol('x')],
    ['a symbol for a URL', { url: Symbol('x') }],
    ['a big integer', 10n],
    ['nothing', null],
    ['a function', () => 'http://127.0.0.1'],
    ['a list', [['http://127.0.0.1']]],
  ];

  it.each(JUNK)('%s is left out, and the rest is used', async (_name, entry) => {
    const good = await listenOn(GOOD);
    const running = await discovering({ allowedHosts: ['*.test', GOOD] });
    running.tell([entry, { url: good.url }, entry]);
    expect(running.urls()).toEqual([good.url]);
    expect(await answersOf(running, 2)).toEqual(goods(2));
    const [line, ...more] = running.linesOf('refused');
    expect(more).toEqual([]);
    expect(JSON.stringify(line).length).toBeLessThan(500);
    expect(JSON.stringify(running.told)).not.toContain(SECRET);
    expect((Object.prototype as { url?: unknown }).url).toBeUndefined();
  });

  it('reads each member once, so that none is another one after its check', async () => {
    const [trap, good] = [await startTrap(), await listenOn(GOOD)];
    const running = await discovering();
    for (const evil of [trap.url, 'file:///etc/passwd', `http://user:${SECRET}@127.0.0.1:${trap.port}`]) {
      for (let honest = 1; honest < 12; honest++) {
        let reads = 0;
        const shifty = {
          get url() {
            return reads++ < honest ? `http://${GOOD}:1` : evil;
          },
        };
        running.tell([shifty, { url: good.url }]);
        expect(running.urls()).toEqual([`http://${GOOD}:1`, good.url]);
        expect(reads).toBe(1);
      }
    }
    expect(await answersOf(running, 4)).toEqual(goods(4));
    expect(trap.accepted).toBe(0);
  });

  it('keeps what is known where the whole list is none, with one line', async () => {
    const good = await listenOn(GOOD);
    const running = await discovering();
    running.tell([{ url: good.url }]);
    for (const told of [
      null,
      undefined,
      0,
      '',
      'http://127.0.0.1',
      {},
      { length: 2 ** 31 },
      cyclic,
      throwing,
      [],
      [null],
    ])
      running.tell(told);
    expect(await answersOf(running, 2)).toEqual(goods(2));
    expect(running.linesOf('stale')).toHaveLength(1);
    expect(JSON.stringify(running.told)).not.toContain(SECRET);
  });

  it('uses so many of 100,000 targets as maxTargets says, and sends to none of the rest', async () => {
    const good = await listenOn(GOOD);
    const trap = await startTrap();
    const running = await discovering({ maxTargets: 50, allowedAddresses: ['loopback'] });
    const junk = Array.from({ length: 99_950 }, (_, index) => ({ url: `http://127.0.0.1:${trap.port}/${index}` }));
    const many = Array.from({ length: 50 }, (_, index) => ({ url: `${good.url}/${index}` }));
    running.tell([...many, ...junk]);
    expect(running.urls()).toHaveLength(50);
    expect(await answersOf(running, 100)).toEqual(goods(100));
    expect(trap.accepted).toBe(0);
    const [line] = running.linesOf('refused');
    expect(line?.reason).toContain('100000 targets are more than maxTargets, 50');
    expect(running.linesOf('refused')).toHaveLength(1);
  });

  it('lets go of everything that 200 sets in a row have named', async () => {
    const good = await listenOn(GOOD);
    const running = await discovering({}, { health: true });
    for (let round = 0; round < 200; round++) {
      running.tell([
        { url: good.url },
        ...Array.from({ length: 20 }, (_, at) => ({ url: `http://${GOOD}:1/${round}/${at}` })),
      ]);
      await turn();
    }
    running.tell([{ url: good.url }]);
    expect(await answersOf(running, 2)).toEqual(goods(2));
    const { upstreams, pools } = running.gateway.stats();
    expect(upstreams.users?.targets).toHaveLength(1);
    await eventually(() => Object.keys(running.gateway.stats().pools).length === 1);
    expect(Object.keys(pools).length).toBeLessThan(3);
    const scraped = await send(`${running.url}/metrics`);
    expect(scraped.text.match(/gateway_upstream_healthy\{/g)).toHaveLength(1);
  });
});

describe('what a source says of its failures', () => {
  it.each<[string, unknown]>([
    ['a URL with a password', new Error(`GET http://root:${SECRET}@consul:8500/v1 failed`)],
    ['a token', new Error(`403 for X-Consul-Token: ${SECRET}`)],
    ['a field', new Error(`Authorization: Bearer ${SECRET}\r\nHost: consul`)],
    ['JSON', new Error(JSON.stringify({ username: 'root', password: SECRET }))],
    ['no error', `password=${SECRET}`],
    ['a message of 1 MB', new Error(`${'x'.repeat(1_048_576)} password=${SECRET}`)],
  ])('shows no secret and has an end: %s', async (_name, error) => {
    const running = await discovering();
    for (let again = 0; again < 50; again++) running.fail(error);
    const [line, ...more] = running.linesOf('lost');
    expect(more).toEqual([]);
    expect(JSON.stringify(line).length).toBeLessThan(500);
    const seen = JSON.stringify([running.told, running.gateway.stats(), running.gateway.health()]);
    expect(seen).not.toContain(SECRET);
  });

  it('moves no cursor and begins no line of a terminal', async () => {
    const running = await discovering();
    running.fail(new Error('first\r\n{"level":"error"}\u001b[2J\u0007\u0000\u0085\u2028last'));
    const [line] = running.linesOf('lost');
    for (const text of [line?.reason, running.gateway.stats().upstreams.users?.discovery?.error]) {
      expect(text).toMatch(/^first.*last$/);
      expect(text).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    }
  });
});

describe('a registry', () => {
  it('of Consul names no address that must not be asked, and no log shows its token', async () => {
    const [trap, good] = [await startTrap(), await listenOn(GOOD)];
    const consul = await startConsul(new FakeClock());
    onTestFinished(() => consul.close());
    consul.tokens.set(SECRET, 'read');
    const addresses = [GOOD, '127.0.0.1', '::1', '2130706433', 'localhost', `x:${SECRET}@127.0.0.1`, `127.0.0.1/`];
    addresses.push(
      '127.0.0.1:1/?',
      `${GOOD}#`,
      '0x7f.1',
      `${GOOD}@127.0.0.1`,
      '169.254.169.254',
      `[::1]`,
      ' 127.0.0.1 ',
    );
    addresses.forEach((address, id) => {
      consul.register({ service: 'users', id: `${id}`, address, port: address === GOOD ? good.port : trap.port });
    });
    const source = consulSource({ url: consul.url, service: 'users', token: SECRET, backoffMs: 1, maxBackoffMs: 1 });
    const running = await discovering({ source });
    await eventually(() => running.urls().length > 0);
    expect(running.urls().sort()).toEqual([good.url, `http://localhost:${trap.port}`]);
    expect(await answersOf(running)).toEqual(goods());
    expect(trap.accepted).toBe(0);
    // An answer that says the secret back.
    consul.instead = (response) => response.writeHead(403, { 'x-secret': SECRET }).end(`token ${SECRET} not found`);
    consul.touch();
    await eventually(() => running.linesOf('stale').length === 1);
    consul.instead = (response) => answerJson(response, 200, { token: SECRET, url: `http://u:${SECRET}@127.0.0.1` });
    expect(await answersOf(running, 2)).toEqual(goods(2));
    const health = await send(`${running.url}/health`);
    const metrics = await send(`${running.url}/metrics`);
    const seen = [
      running.told,
      running.gateway.stats(),
      running.gateway.explain('GET', '/'),
      health.text,
      metrics.text,
    ];
    expect(JSON.stringify(seen)).toContain('consul');
    expect(JSON.stringify(seen)).not.toContain(SECRET);
  });

  it('that redirects is not followed, so that its token stays where it belongs', async () => {
    const stolen: unknown[] = [];
    const thief = await startUpstream((request, response) => {
      stolen.push(request.headers);
      answerJson(response, 200, []);
    });
    const registry = await startUpstream((_request, response) => {
      response.writeHead(307, { location: `${thief.url}/v1/health/service/users` }).end();
    });
    const source = consulSource({ url: registry.url, service: 'users', token: SECRET, backoffMs: 1, maxBackoffMs: 1 });
    const running = await discovering({ source });
    await eventually(() => registry.requests.length > 2);
    expect(stolen).toEqual([]);
    expect(running.linesOf('lost')).toHaveLength(1);
  });

  it('of etcd that fails with the credentials in its words shows them nowhere', async () => {
    const etcd = await startUpstream((_request, response) => {
      const message = `etcdserver: authentication failed for root, password=${SECRET}`;
      answerJson(response, 400, { error: message, code: 3, message });
    });
    const source = etcdSource({
      endpoints: etcd.url,
      prefix: '/users/',
      username: 'root',
      password: SECRET,
      backoffMs: 1,
      maxBackoffMs: 1,
    });
    const running = await discovering({ source });
    await eventually(() => etcd.requests.length > 2);
    expect(running.linesOf('lost')).toHaveLength(1);
    const seen = JSON.stringify([running.told, running.gateway.stats(), running.gateway.health()]);
    expect(seen).toContain('etcd');
    expect(seen).not.toContain(SECRET);
  });

  it('of names leads to no address that is written as a name, and to no path', async () => {
    const [trap, good] = [await startTrap(), await listenOn(GOOD)];
    const dns = await DnsServer.start();
    onTestFinished(() => dns.close());
    const told = [
      '127.0.0.1',
      '0x7f000001',
      'localhost',
      '2130706433',
      '169.254.169.254',
      `u@127.0.0.1`,
      `${GOOD}/admin`,
    ];
    told.push(`${GOOD}?x`, `${GOOD}#x`, `${GOOD}\\admin`, '127.0.0.1\r\n', '');
    dns.answer = ({ name }) => ({
      answers: [
        ...told.map((target) => ({
          name,
          type: 'SRV' as const,
          ttl: 60,
          data: { target, port: trap.port, priority: 0 },
        })),
        { name, type: 'SRV' as const, ttl: 60, data: { target: GOOD, port: good.port, priority: 0 } },
      ],
    });
    const source = dnsSource({ name: '_http._tcp.users.test', servers: [dns.address] });
    const running = await discovering({ source });
    await eventually(() => running.urls().length > 0);
    expect(running.urls().sort()).toEqual([good.url, `http://localhost:${trap.port}`]);
    expect(await answersOf(running)).toEqual(goods());
    expect(trap.accepted).toBe(0);
    expect(running.linesOf('refused')).toHaveLength(1);
  });
});

describe('options of a source', () => {
  it('show no secret in their faults', () => {
    const faulty = [
      () => consulSource({ url: `http://u:${SECRET}@consul`, service: 'users', token: `${SECRET}\n` }),
      () => consulSource({ service: 'users', token: SECRET, tls: { key: SECRET, kee: SECRET } } as never),
      () => etcdSource({ endpoints: `http://u:${SECRET}@etcd`, prefix: 'x', password: SECRET }),
      () => etcdSource({ endpoints: [], prefix: '', username: 'root', password: [SECRET] } as never),
    ];
    for (const make of faulty) {
      let message = '';
      try {
        make();
      } catch (error) {
        ({ message } = error as Error);
      }
      expect(message).not.toBe('');
      expect(message).not.toContain(SECRET);
    }
  });
});
