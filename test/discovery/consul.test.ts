import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { consulSource } from '../../src/discovery/consul.js';
import type { ConsulSourceOptions } from '../../src/discovery/consul-options.js';
import { startConsul, type ConsulServer } from '../support/consul-server.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { listenTo, type Heard } from '../support/heard.js';

const A = 'http://10.0.0.1:3001';
const B = 'http://10.0.0.2:3002';
const TOKEN = 'b1a2-s3cret';

let clock: FakeClock;
let consul: ConsulServer;
let heard: Heard;

beforeEach(async () => {
  clock = new FakeClock();
  consul = await startConsul(clock);
  consul.register({ service: 'users', id: 'a', port: 3001 });
});

afterEach(async () => {
  heard.stop();
  await consul.close();
});

function start(options: Partial<ConsulSourceOptions> = {}): void {
  heard = listenTo(consulSource({ url: consul.url, service: 'users', clock, ...options }));
}

/** Begins, and waits until the first blocking query hangs. */
async function begin(options: Partial<ConsulSourceOptions> = {}): Promise<void> {
  start(options);
  await hangs();
}

async function hangs(): Promise<void> {
  await passes(() => expect(consul.waiting).toBe(1));
}

/** Sockets take their time; those that are due by the clock are let go. */
function passes(check: () => unknown): Promise<unknown> {
  return eventually(async () => {
    await clock.advanceAsync(1);
    return check();
  });
}

/** The burst is over: so many queries were answered, and the next one comes after a pause. */
async function polls(queries: number): Promise<void> {
  await passes(() => {
    expect(consul.asked).toHaveLength(queries);
    expect(clock.nextInMs).toBeGreaterThan(4_000);
    expect(clock.nextInMs).toBeLessThanOrEqual(5_000);
  });
}

function indexes(): (string | null)[] {
  return consul.asked.map(({ query }) => query.get('index'));
}

describe('what Consul is asked', () => {
  it('is the passing instances, then news since the index of the answer', async () => {
    await begin();
    expect(consul.asked.map(({ path }) => path)).toEqual(['/v1/health/service/users', '/v1/health/service/users']);
    expect(consul.asked.map(({ query }) => query.toString())).toEqual([
      'passing=1',
      'passing=1&index=11&wait=300000ms',
    ]);
    expect(consul.asked[0]?.headers).not.toHaveProperty('x-consul-token');
    expect(heard.sets).toEqual([[A]]);
  });

  it('has every option, encoded', async () => {
    consul.tokens.set(TOKEN, 'read');
    await begin({
      service: 'a b/c?d',
      tags: ['v=2&x', 'ü'],
      datacenter: 'dc1',
      namespace: 'team a',
      filter: 'Service.Meta.version == "2"',
      onlyPassing: false,
      consistency: 'stale',
      token: TOKEN,
      waitMs: 60_000,
    });
    const [, second] = consul.asked;
    expect(second?.path).toBe('/v1/health/service/a%20b%2Fc%3Fd');
    expect([...(second?.query ?? [])]).toEqual([
      ['tag', 'v=2&x'],
      ['tag', 'ü'],
      ['dc', 'dc1'],
      ['ns', 'team a'],
      ['filter', 'Service.Meta.version == "2"'],
      ['stale', '1'],
      ['index', '11'],
      ['wait', '60000ms'],
    ]);
    expect(second?.headers['x-consul-token']).toBe(TOKEN);
  });

  it('is asked below the path of the URL', async () => {
    consul.instead = (response) => response.end('[]');
    start({ url: `${consul.url}/consul/` });
    await passes(() => expect(consul.asked[0]?.path).toBe('/consul/v1/health/service/users'));
  });
});

describe('instances', () => {
  it('come and go', async () => {
    await begin();
    consul.register({ service: 'users', id: 'b', address: '10.0.0.2', port: 3002 });
    await passes(() => expect(heard.urls).toEqual([A, B]));
    await hangs();
    consul.deregister('a');
    await passes(() => expect(heard.urls).toEqual([B]));
    await hangs();
    consul.deregister('b');
    await passes(() => expect(heard.urls).toEqual([]));
    expect(heard.errors).toEqual([]);
  });

  it('that warn or are critical are left out', async () => {
    await begin();
    consul.register({ service: 'users', id: 'b', port: 3002, status: 'warning' });
    consul.register({ service: 'users', id: 'c', port: 3003, status: 'critical' });
    await hangs();
    expect(heard.urls).toEqual([A]);
  });

  it('that warn are taken with their own weight where they may be, and never a critical one', async () => {
    const weights = { Passing: 10, Warning: 2 };
    consul.register({ service: 'users', id: 'a', port: 3001, weights });
    consul.register({ service: 'users', id: 'b', port: 3002, weights, status: 'warning' });
    consul.register({ service: 'users', id: 'c', port: 3003, weights, status: 'critical' });
    await begin({ onlyPassing: false });
    expect(heard.targets).toEqual([
      { url: 'http://10.0.0.1:3001', weight: 10 },
      { url: 'http://10.0.0.1:3002', weight: 2 },
    ]);
  });

  it('have to have every tag', async () => {
    consul.register({ service: 'users', id: 'b', address: '10.0.0.2', port: 3002, tags: ['v2', 'eu'] });
    consul.register({ service: 'users', id: 'c', address: '10.0.0.3', port: 3003, tags: ['v2'] });
    await begin({ tags: ['eu', 'v2'] });
    expect(heard.urls).toEqual([B]);
  });

  it('of IPv6 have brackets, and speak the protocol that is said', async () => {
    consul.register({ service: 'users', id: 'a', address: 'fd00::1', port: 3001 });
    consul.register({ service: 'users', id: 'b', nodeAddress: '2001:db8::2', port: 3002 });
    await begin({ protocol: 'https' });
    expect(heard.urls).toEqual(['https://[2001:db8::2]:3002', 'https://[fd00::1]:3001']);
  });

  it('have the zone of their metadata, or else of their node', async () => {
    consul.register({ service: 'users', id: 'a', port: 3001, meta: { zone: 'eu-1' }, nodeMeta: { zone: 'eu-2' } });
    consul.register({ service: 'users', id: 'b', port: 3002, nodeMeta: { zone: 'eu-2' } });
    consul.register({ service: 'users', id: 'c', port: 3003 });
    await begin();
    expect(heard.targets?.map(({ zone }) => zone)).toEqual(['eu-1', 'eu-2', undefined]);
  });

  it.each([
    ['no port', {}, 'has no address and port'],
    ['no address', { nodeAddress: '', port: 80 }, 'has no address and port'],
    ['a path in their address', { address: '10.0.0.9/admin', port: 80 }, 'has no address and port'],
    ['a user in their address', { address: 'root:hunter2@10.0.0.9', port: 80 }, 'has no address and port'],
    ['an address that is none', { address: '10.0.0.9 or so', port: 80 }, 'has no address and port'],
    ['a port that is none', { port: 70_000 }, 'has no address and port'],
    ['a weight below 0', { port: 80, weights: { Passing: -1, Warning: 1 } }, 'target.weight: got -1'],
  ])('with %s are left out, and told once', async (_, instance, reason) => {
    consul.register({ service: 'users', id: 'bad', ...instance });
    await begin();
    expect(heard.sets).toEqual([[A]]);
    consul.touch();
    await passes(() => expect(heard.sets).toEqual([[A], [A]]));
    expect(heard.errors).toHaveLength(1);
    expect(heard.errors[0]).toMatch(`${consul.url}: left out "bad": ${reason}`);
    expect(heard.errors[0]).not.toContain('hunter2');
  });

  it('come after what is wrong with others, so that the source ends as one that is well', async () => {
    consul.register({ service: 'users', id: 'bad' });
    const order: string[] = [];
    const stop = consulSource({ url: consul.url, service: 'users', clock }).subscribe(
      () => order.push('targets'),
      () => order.push('error'),
    );
    heard = { ...heard, stop };
    await passes(() => expect(order).toEqual(['error', 'targets']));
  });
});

describe('the index', () => {
  it('that goes backwards is forgotten, and everything is asked for again', async () => {
    await begin();
    consul.restore(5);
    await passes(() => expect(indexes()).toEqual([null, '11', null, '5']));
    await hangs();
    consul.register({ service: 'users', id: 'b', address: '10.0.0.2', port: 3002 });
    await passes(() => expect(heard.urls).toEqual([B]));
    expect(heard.errors).toEqual([]);
  });

  it.each([
    ['0', '0'],
    ['missing', null],
    ['no number', 'abc'],
    ['below 0', '-5'],
    ['empty', ''],
    ['too large', '9'.repeat(30)],
  ])('that is %s is taken for 1, and not asked for in a loop', async (_, header) => {
    consul.indexHeader = () => header;
    start();
    await polls(6);
    expect(indexes()).toEqual([null, '1', '1', '1', '1', '1']);
    expect(heard.sets.at(-1)).toEqual([A]);
  });

  it('that changes with every query has Consul polled', async () => {
    consul.indexHeader = (index) => {
      consul.touch();
      return String(index);
    };
    start();
    await polls(6);
    await clock.advanceAsync(5_000);
    await polls(7);
  });

  it('is forgotten after a failure', async () => {
    await begin();
    consul.instead = (response) => response.writeHead(500).end('No cluster leader');
    consul.touch();
    await passes(() => expect(heard.errors).toHaveLength(1));
    consul.instead = null;
    await clock.advanceAsync(500);
    await hangs();
    expect(indexes()).toEqual([null, '11', '12', null, '12']);
    expect(heard.errors).toEqual([`${consul.url}: it answered with status 500`]);
  });
});

describe('waiting', () => {
  it('lasts as long as Consul may, which is a sixteenth more than it was told', async () => {
    await begin({ waitMs: 60_000, timeoutMs: 100 });
    await clock.advanceAsync(63_750 - 1);
    expect(consul.asked).toHaveLength(2);
    await clock.advanceAsync(1);
    await passes(() => expect(consul.asked).toHaveLength(3));
    expect(heard.sets).toEqual([[A], [A]]);
    expect(heard.errors).toEqual([]);
  });

  it('ends where Consul has gone silent', async () => {
    await begin({ waitMs: 60_000, timeoutMs: 1_000 });
    consul.instead = () => undefined;
    consul.touch();
    await passes(() => expect(consul.asked).toHaveLength(3));
    await clock.advanceAsync(63_750 + 1_000);
    await passes(() => expect(heard.errors).toEqual([`${consul.url}: it was silent for 64750 ms`]));
  });
});

describe('a query', () => {
  it.each([
    ['HTML', (response: ServerResponse) => response.end('<html></html>'), 'no list of instances'],
    ['nothing', (response: ServerResponse) => response.end(), 'no list of instances'],
    ['an object', (response: ServerResponse) => response.end('{}'), 'no list of instances'],
    ['half JSON', (response: ServerResponse) => response.end('[{"Node":'), 'no list of instances'],
    ['a status of 429', (response: ServerResponse) => response.writeHead(429).end(), 'it answered with status 429'],
    ['a status of 500', (response: ServerResponse) => response.writeHead(500).end(), 'it answered with status 500'],
    ['a reset', (response: ServerResponse) => response.socket?.resetAndDestroy(), 'ECONNRESET'],
  ])('that is answered with %s is told, tried again with back-off, and no set is told', async (_, answer, error) => {
    consul.instead = answer;
    start();
    await passes(() => expect(heard.errors).toHaveLength(1));
    expect(heard.errors[0]).toMatch(`${consul.url}: `);
    expect(heard.errors[0]).toContain(error);
    expect(clock.nextInMs).toBeGreaterThan(200);
    expect(clock.nextInMs).toBeLessThanOrEqual(500);
    expect(heard.sets).toEqual([]);
    consul.instead = null;
    await clock.advanceAsync(500);
    await passes(() => expect(heard.urls).toEqual([A]));
  });

  it.each([[[null]], [[1]], [[[]]], [[{}]], [[{ Node: 1, Service: null, Checks: {} }]], [[{ __proto__: null }]]])(
    'whose list has %j leaves it out',
    async (list) => {
      consul.instead = (response) => response.end(JSON.stringify(list));
      start();
      await passes(() => expect(heard.urls).toEqual([]));
      expect(heard.errors[0]).toContain('left out undefined: has no address and port');
    },
  );

  it('with a token that is unknown is told, without the token', async () => {
    consul.tokens.set('another', 'read');
    start({ token: TOKEN });
    await passes(() => expect(heard.errors).toEqual([`${consul.url}: it answered with status 403`]));
    expect(heard.sets).toEqual([]);
  });

  it('whose instances a token may not read is no empty set', async () => {
    consul.tokens.set(TOKEN, 'none');
    start({ token: TOKEN });
    await passes(() => expect(heard.errors[0]).toContain('the token may not read the instances of the service'));
    expect(heard.sets).toEqual([]);
  });

  it('that nobody answers is told', async () => {
    await consul.close();
    start();
    await passes(() => expect(heard.errors[0]).toContain('ECONNREFUSED'));
  });
});

describe('its end', () => {
  it('leaves no timer and no query', async () => {
    await begin();
    heard.stop();
    await eventually(() => expect(consul.waiting).toBe(0));
    await eventually(() => expect(consul.connections).toBe(0));
    expect(clock.pending).toBe(0);
    expect(heard.errors).toEqual([]);
  });

  it('before the first query is one all the same', async () => {
    start();
    heard.stop();
    await clock.advanceAsync(60_000);
    expect(consul.asked).toEqual([]);
  });
});

describe('options', () => {
  it('are told with every fault, and without a secret', () => {
    const options = {
      url: 'http://root:hunter2@consul',
      service: '..',
      tags: [],
      token: 'hunter2 \n',
      consistency: 'fresh' as 'stale',
      protocol: 'tcp' as 'http',
      waitMs: 900_000,
      datacentre: 'dc1',
      tls: { cert: 'PEM' },
    };
    try {
      consulSource(options);
      expect.unreachable();
    } catch (error) {
      const { faults, message } = error as ConfigError;
      expect(error).toBeInstanceOf(ConfigError);
      expect(faults.map(({ path }) => path).sort()).toEqual([
        'consistency',
        'datacentre',
        'protocol',
        'service',
        'tags',
        'tls',
        'token',
        'url',
        'waitMs',
      ]);
      expect(message).toContain('did you mean datacenter?');
      expect(message).not.toContain('hunter2');
    }
  });
});
