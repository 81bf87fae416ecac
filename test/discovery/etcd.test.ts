import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { etcdSource } from '../../src/discovery/etcd.js';
import type { EtcdSourceOptions } from '../../src/discovery/etcd-options.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { listenTo, type Heard } from '../support/heard.js';
import { listen, type Listening } from '../support/listen.js';

const A = 'http://10.0.0.1:3000';
const B = 'http://10.0.0.2:3000';
const KEY = '/users/a';

interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

interface Fake {
  /** Pairs that a range has. */
  pairs: Record<string, string>;
  range(response: ServerResponse): void;
  watch(response: ServerResponse): void;
  readonly asked: Asked[];
}

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Answers as etcd 3.4 does, unless a test puts something else in its place. */
async function startFake(): Promise<Fake & Listening> {
  const fake: Fake = {
    pairs: { [KEY]: A },
    asked: [],
    range(response) {
      const kvs = Object.entries(fake.pairs).map(([key, value]) => ({ key: base64(key), value: base64(value) }));
      response.end(JSON.stringify({ header: { revision: '7' }, ...(kvs.length > 0 && { kvs }) }));
    },
    watch(response) {
      response.write(created());
    },
  };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { url = '', headers } = request;
      fake.asked.push({ path: url, headers, body: JSON.parse(text) as Record<string, unknown> });
      if (url.endsWith('/v3/kv/range')) fake.range(response);
      else fake.watch(response);
    });
  });
  const listening = await listen(server);
  closing.push(() => listening.close());
  return Object.defineProperties(fake, Object.getOwnPropertyDescriptors(listening)) as Fake & Listening;
}

function start(endpoints: string, options: Partial<EtcdSourceOptions> = {}): Heard {
  const heard = listenTo(etcdSource({ endpoints, prefix: '/users/', backoffMs: 5, maxBackoffMs: 10, ...options }));
  closing.push(() => heard.stop());
  return heard;
}

function created(revision = '7'): string {
  return line({ header: { revision }, created: true });
}

function put(key: string, value: string): object {
  return { kv: { key: base64(key), value: base64(value) } };
}

function line(result: object): string {
  return `${JSON.stringify({ result })}\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

describe('what etcd is asked', () => {
  it('is the range of the prefix, then its changes after that revision', async () => {
    const fake = await startFake();
    const heard = start(fake.url);
    await eventually(() => expect(fake.asked).toHaveLength(2));
    const range = { key: base64('/users/'), range_end: base64('/users0') };
    expect(fake.asked[0]).toMatchObject({ path: '/v3/kv/range', body: range });
    const create = { ...range, start_revision: '8', progress_notify: true };
    expect(fake.asked[1]).toMatchObject({ path: '/v3/watch', body: { create_request: create } });
    // A member that lost the majority must end its watches.
    expect(fake.asked[1]?.headers['grpc-metadata-hasleader']).toBe('true');
    expect(heard.sets).toEqual([[A]]);
  });

  it('is asked below the path of the endpoint', async () => {
    const fake = await startFake();
    start(`${fake.url}/etcd/`);
    await eventually(() => expect(fake.asked[0]?.path).toBe('/etcd/v3/kv/range'));
  });

  it('is nothing before subscribe has returned, and nothing after the end', async () => {
    const clock = new FakeClock();
    const fake = await startFake();
    const heard = start(fake.url, { clock });
    heard.stop();
    await clock.advanceAsync(60_000);
    expect(clock.pending).toBe(0);
    expect(fake.accepted).toBe(0);
  });
});

describe('values', () => {
  it.each([
    ['a URL', A, { url: A }],
    ['a URL with white space around it', ` ${A}\n`, { url: A }],
    ['JSON of a target', `{"url":"${A}","weight":2,"zone":"eu"}`, { url: A, weight: 2, zone: 'eu' }],
  ])('can be %s', async (_, value, target) => {
    const fake = await startFake();
    fake.pairs = { [KEY]: value };
    const heard = start(fake.url);
    await eventually(() => expect(heard.targets).toEqual([target]));
  });

  it.each([
    ['an empty text', ''],
    ['no URL', 'nonsense'],
    ['a foreign scheme', 'ftp://10.0.0.1'],
    ['half JSON', '{"url":'],
    ['JSON of something else', '{"Addr":"10.0.0.1:3000"}'],
    ['a weight below 0', `{"url":"${A}","weight":-1}`],
    ['a prototype', `{"__proto__":{"url":"${A}"}}`],
    ['NUL', '\0'],
  ])('that are %s are left out, and told with their key', async (_, value) => {
    const fake = await startFake();
    fake.pairs = { [KEY]: value, '/users/b': B };
    const heard = start(fake.url);
    await eventually(() => expect(heard.urls).toEqual([B]));
    expect(heard.errors).toHaveLength(1);
    expect(heard.errors[0]).toMatch(`${fake.url}: left out "${KEY}": `);
  });

  it('are not told twice, and told in one line', async () => {
    const fake = await startFake();
    fake.pairs = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`/users/${index}`, `bad ${index}`]));
    fake.watch = (response) => response.end(created() + line({ header: { revision: '8' }, events: [put(KEY, A)] }));
    const heard = start(fake.url);
    await eventually(() => expect(heard.sets.length).toBeGreaterThan(3));
    const told = heard.errors.filter((error) => error.includes('left out'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch('left out 50 entries, the first of them "/users/0": ');
  });

  it('come before the targets when they are wrong, so that the source ends as one that is well', async () => {
    const fake = await startFake();
    fake.pairs = { [KEY]: 'bad', '/users/b': B };
    const order: string[] = [];
    const source = etcdSource({ endpoints: fake.url, prefix: '/users/' });
    closing.push(
      source.subscribe(
        () => order.push('targets'),
        () => order.push('error'),
      ),
    );
    await eventually(() => expect(order).toEqual(['error', 'targets']));
  });

  it('show neither credentials nor a long text in what is told', async () => {
    const fake = await startFake();
    fake.pairs = { [`/users/${'k'.repeat(5_000)}`]: `http://root:hunter2@10.0.0.1/${'v'.repeat(5_000)}` };
    const heard = start(fake.url);
    await eventually(() => expect(heard.errors).toHaveLength(1));
    expect(heard.errors[0]).not.toContain('hunter2');
    expect(heard.errors[0]?.length).toBeLessThan(400);
  });

  it('are read by parse, which may pass over a key and may throw', async () => {
    const fake = await startFake();
    fake.pairs = { '/users/a': '10.0.0.1', '/users/lock': 'x', '/users/b': 'throw', '/users/c': 'nonsense' };
    const heard = start(fake.url, {
      parse(value, key) {
        if (key === '/users/lock') return null;
        if (value === 'throw') throw new Error('cannot read password=hunter2');
        return value === '10.0.0.1' ? `http://${value}:3000` : value;
      },
    });
    await eventually(() => expect(heard.urls).toEqual([A]));
    expect(heard.errors).toHaveLength(1);
    expect(heard.errors[0]).toContain('left out 2 entries, the first of them "/users/b": cannot read');
    expect(heard.errors[0]).not.toContain('hunter2');
  });
});

describe('the watch', () => {
  it('applies its events in order', async () => {
    const fake = await startFake();
    fake.watch = (response) => {
      const events = [
        put('/users/b', B),
        { type: 'DELETE', kv: { key: base64(KEY) } },
        { type: 'DELETE', kv: { key: '' } },
      ];
      response.write(created() + line({ header: { revision: '9' }, events }));
    };
    const heard = start(fake.url);
    await eventually(() => expect(heard.sets).toEqual([[A], [B]]));
    expect(heard.errors).toEqual([]);
  });

  it('tells nothing at a sign of life, which keeps it from being dead', async () => {
    const clock = new FakeClock();
    const fake = await startFake();
    let watch: ServerResponse | null = null;
    fake.watch = (response) => {
      watch = response;
      response.write(created());
    };
    const heard = start(fake.url, { clock, idleMs: 1_000 });
    await clock.advanceAsync(10);
    await eventually(() => expect(clock.nextInMs).toBe(1_000));
    await clock.advanceAsync(900);
    (watch as ServerResponse | null)?.write(line({ header: { revision: '7' } }));
    await eventually(() => expect(clock.nextInMs).toBe(1_000));
    await clock.advanceAsync(999);
    expect(heard.errors).toEqual([]);
    await clock.advanceAsync(1);
    await eventually(() => expect(heard.errors).toEqual([`${fake.url}: it was silent for 1000 ms`]));
    expect(heard.sets).toEqual([[A]]);
  });

  it.each([
    ['ends', '', 'the watch ended'],
    ['is canceled', line({ header: {}, canceled: true, cancel_reason: 'because' }), 'canceled: because'],
    ['was compacted', line({ header: {}, canceled: true, compact_revision: '9' }), 'has been compacted'],
    ['fails', `${JSON.stringify({ error: { message: 'etcdserver: no leader' } })}\n`, 'etcdserver: no leader'],
    ['turns into HTML', '<html>bad gateway</html>\n', 'the answer has no revision'],
    ['has half JSON', '{"result":{"header"', 'the answer has no revision'],
    ['has events that are none', line({ header: { revision: '8' }, events: {} }), 'no list of events'],
    ['has an event without a key', line({ header: { revision: '8' }, events: [{}] }), 'a key that is no text'],
    ['has null', 'null\n', 'the answer has no revision'],
  ])('that %s is told, and everything is read again', async (_, text, error) => {
    const fake = await startFake();
    let watches = 0;
    fake.watch = (response) => {
      fake.pairs = { [KEY]: B };
      if (watches++ === 0) response.end(created() + text);
      else response.write(created());
    };
    const heard = start(fake.url);
    await eventually(() => expect(heard.urls).toEqual([B]));
    expect(heard.errors).toHaveLength(1);
    expect(heard.errors[0]).toContain(error);
    expect(heard.sets).toEqual([[A], [B]]);
  });

  it('that is reset is told, and everything is read again', async () => {
    const fake = await startFake();
    let watches = 0;
    fake.watch = (response) => {
      response.write(created());
      if (watches++ === 0) setImmediate(() => response.socket?.resetAndDestroy());
    };
    const heard = start(fake.url);
    await eventually(() => expect(heard.sets).toEqual([[A], [A]]));
    expect(heard.errors).toHaveLength(1);
  });

  it('that breaks after a long time has not failed again and again', async () => {
    const clock = new FakeClock();
    const fake = await startFake();
    const { range } = fake;
    fake.range = (response) => response.writeHead(500).end();
    let watch: ServerResponse | null = null;
    fake.watch = (response) => {
      watch = response;
      response.write(created());
    };
    const heard = start(fake.url, { clock, backoffMs: 100, maxBackoffMs: 8_000 });
    await eventually(async () => {
      await clock.advanceAsync(1_000);
      expect(heard.errors.length).toBeGreaterThan(6);
    });
    fake.range = range;
    await eventually(async () => {
      await clock.advanceAsync(1_000);
      expect(heard.sets).toHaveLength(1);
    });
    await eventually(() => expect(clock.nextInMs).toBeGreaterThan(1_000_000));
    await clock.advanceAsync(8_000);
    const told = heard.errors.length;
    (watch as ServerResponse | null)?.end();
    await eventually(() => expect(heard.errors).toHaveLength(told + 1));
    expect(clock.nextInMs).toBeLessThanOrEqual(100);
  });

  it('of a store that is behind what was read is told', async () => {
    const fake = await startFake();
    fake.watch = (response) => response.write(created('6'));
    const heard = start(fake.url);
    await eventually(() => expect(heard.errors[0]).toContain('the store went backwards'));
  });

  it('of a line without an end is told', async () => {
    const fake = await startFake();
    fake.watch = (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1 << 20)));
      };
      response.on('drain', more);
      more();
    };
    const heard = start(fake.url);
    await eventually(() => expect(heard.errors[0]).toContain('a line is larger than'), { withinMs: 10_000 });
  });
});

describe('a range', () => {
  it.each([
    ['HTML', (response: ServerResponse) => response.end('<html></html>'), 'the answer has no revision'],
    ['null', (response: ServerResponse) => response.end('null'), 'the answer has no revision'],
    ['half JSON', (response: ServerResponse) => response.end('{"header":{"revision'), 'the answer has no revision'],
    [
      'a revision of another kind',
      (response: ServerResponse) => response.end('{"header":{"revision":"x"}}'),
      'no revision',
    ],
    ['keys that are no list', (response: ServerResponse) => response.end('{"kvs":{}}'), 'no list of keys'],
    [
      'a status of 500',
      (response: ServerResponse) => response.writeHead(500).end('oops'),
      'it answered with status 500',
    ],
    [
      'an error of etcd',
      (response: ServerResponse) => response.writeHead(503).end('{"error":"etcdserver: request timed out"}'),
      'status 503, etcdserver: request timed out',
    ],
    ['a reset', (response: ServerResponse) => response.socket?.resetAndDestroy(), 'ECONNRESET'],
    [
      'half an answer',
      (response: ServerResponse) => response.writeHead(200, { 'content-length': 9 }).end('{'),
      'aborted',
    ],
  ])('that is answered with %s is told, and no set is', async (_, answer, error) => {
    const fake = await startFake();
    fake.range = answer;
    const heard = start(fake.url);
    await eventually(() => expect(heard.errors.length).toBeGreaterThan(1));
    expect(heard.errors[0]).toMatch(`${fake.url}: `);
    expect(heard.errors[0]).toContain(error);
    expect(heard.sets).toEqual([]);
  });

  it('that nobody answers is told after its time', async () => {
    const clock = new FakeClock();
    const fake = await startFake();
    fake.range = () => undefined;
    const heard = start(fake.url, { clock, timeoutMs: 300 });
    await clock.advanceAsync(10);
    await eventually(() => expect(fake.asked).toHaveLength(1));
    await clock.advanceAsync(300);
    await eventually(() => expect(heard.errors).toEqual([`${fake.url}: it was silent for 300 ms`]));
  });

  it('that is asked of nobody is told', async () => {
    const fake = await startFake();
    await fake.close();
    const heard = start(fake.url);
    await eventually(() => expect(heard.errors[0]).toContain('ECONNREFUSED'));
  });
});

describe('its end', () => {
  it('leaves no timer and no connection', async () => {
    const clock = new FakeClock();
    const fake = await startFake();
    const heard = start(fake.url, { clock });
    await clock.advanceAsync(10);
    await eventually(() => expect(heard.sets).toEqual([[A]]));
    await eventually(() => expect(fake.asked).toHaveLength(2));
    heard.stop();
    await eventually(() => expect(fake.connections).toBe(0));
    await clock.advanceAsync(60_000);
    expect(clock.pending).toBe(0);
    expect(heard.errors).toEqual([]);
  });

  it('in the middle of what is told is one all the same', async () => {
    const fake = await startFake();
    fake.watch = (response) => {
      const event = line({ header: { revision: '8' }, events: [put('/users/b', B)] });
      response.write(created() + event + event);
    };
    const sets: unknown[] = [];
    const end = etcdSource({ endpoints: fake.url, prefix: '/users/' }).subscribe(
      (targets) => {
        sets.push(targets);
        if (sets.length === 2) end();
      },
      (error) => sets.push(error),
    );
    await eventually(() => expect(sets).toHaveLength(2));
    await eventually(() => expect(fake.connections).toBe(0));
    expect(sets).toHaveLength(2);
  });
});

describe('options', () => {
  it('are told with every fault, and without a secret', () => {
    const options = {
      endpoints: ['http://root:hunter2@etcd:2379', 'ftp://etcd'],
      prefix: '',
      password: 'hunter2',
      backoffMs: 100,
      maxBackoffMs: 10,
      idleMs: 0,
      tls: { key: 'PEM' },
      prefx: '/users/',
    };
    expect(() => etcdSource(options)).toThrow(ConfigError);
    try {
      etcdSource(options);
    } catch (error) {
      const { faults, message } = error as ConfigError;
      expect(faults.map(({ path }) => path).sort()).toEqual([
        'endpoints[0]',
        'endpoints[1]',
        'idleMs',
        'maxBackoffMs',
        'prefix',
        'prefx',
        'tls',
        'username',
      ]);
      expect(message).toContain('did you mean prefix?');
      expect(message).not.toContain('hunter2');
    }
  });

  it('need a list of endpoints that is not empty, and a password beside a name', () => {
    expect(() => etcdSource({ endpoints: [], prefix: '/users/', username: 'root' })).toThrow(
      /endpoints[^]*password: missing/,
    );
  });
});
