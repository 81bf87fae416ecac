import type { Answer } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import type { TargetOptions } from '../../src/core/target-options.js';
import { dnsSource, type DnsSourceOptions } from '../../src/discovery/index.js';
import { DnsServer, NXDOMAIN, SERVFAIL } from '../support/dns-server.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';

const SERVICE = '_http._tcp.users.internal';

function srv(
  target: string,
  options: { port?: number; priority?: number; weight?: number; ttl?: number } = {},
): Answer {
  const { port = 3001, priority = 0, weight = 0, ttl = 30 } = options;
  return { type: 'SRV', name: SERVICE, ttl, data: { target, port, priority, weight } };
}

function address(type: 'A' | 'AAAA', data: string, ttl = 30): Answer {
  return { type, name: 'users.internal', ttl, data };
}

let server: DnsServer;
const watches: (() => void)[] = [];

beforeEach(async () => {
  server = await DnsServer.start();
});

afterEach(async () => {
  for (const stop of watches.splice(0)) stop();
  await server.close();
});

/** A source that is watched, at a time of its own. */
function watch(options: Partial<DnsSourceOptions> = {}) {
  const clock = new FakeClock();
  const sets: (readonly TargetOptions[])[] = [];
  const errors: string[] = [];
  const source = dnsSource({ name: SERVICE, servers: [server.address], clock, random: () => 0.5, ...options });
  const stop = source.subscribe(
    (targets) => sets.push(targets),
    ({ message }) => errors.push(message),
  );
  watches.push(stop);
  clock.advance(1);
  return { clock, sets, errors, stop };
}

/** Until the source has heard, and waits for the next round. */
async function heard({ sets, errors, clock }: ReturnType<typeof watch>, words: number): Promise<void> {
  await eventually(() => sets.length + errors.length === words && clock.pending === 1);
}

describe('dnsSource', () => {
  describe('of A and AAAA records', () => {
    const addresses = { name: 'users.internal', port: 8080 };

    it('makes a target of each address', async () => {
      server.answer = ({ type }) => ({
        answers: type === 'A' ? [address('A', '10.0.0.1'), address('A', '10.0.0.2')] : [address('AAAA', 'fd00::1')],
      });
      const watched = watch({ ...addresses, protocol: 'https', path: '/api' });
      await heard(watched, 1);
      expect(watched.sets[0]).toEqual([
        { url: 'https://10.0.0.1:8080/api' },
        { url: 'https://10.0.0.2:8080/api' },
        { url: 'https://[fd00::1]:8080/api' },
      ]);
      expect(server.questions.sort()).toEqual(['udp A users.internal', 'udp AAAA users.internal']);
    });

    it.each([
      ['A', '10.0.0.1', 'http://10.0.0.1:8080'],
      ['AAAA', 'fd00::1', 'http://[fd00::1]:8080'],
    ] as const)('asks for %s alone where that is the type', async (type, data, url) => {
      server.answer = () => ({ answers: [address(type, data)] });
      const watched = watch({ ...addresses, type });
      await heard(watched, 1);
      expect(watched.sets).toEqual([[{ url }]]);
      expect(server.questions).toEqual([`udp ${type} users.internal`]);
    });

    it('asks again when the first record has expired', async () => {
      server.answer = ({ type }) => ({
        answers: type === 'A' ? [address('A', '10.0.0.1', 60)] : [address('AAAA', 'fd00::1', 20)],
      });
      const watched = watch(addresses);
      await heard(watched, 1);
      expect(watched.clock.nextInMs).toBe(20_000);
      server.answer = () => NXDOMAIN;
      watched.clock.advance(20_000);
      await heard(watched, 2);
      expect(watched.sets[1]).toEqual([]);
    });

    it('takes a family without records for an answer, and one that fails for a failure of both', async () => {
      server.answer = ({ type }) => (type === 'A' ? { answers: [address('A', '10.0.0.1')] } : {});
      const watched = watch(addresses);
      await heard(watched, 1);
      expect(watched.sets).toEqual([[{ url: 'http://10.0.0.1:8080' }]]);
      server.answer = ({ type }) => (type === 'A' ? { answers: [address('A', '10.0.0.1')] } : SERVFAIL);
      watched.clock.advance(30_000);
      await heard(watched, 2);
      expect(watched.errors).toEqual([expect.stringContaining('ESERVFAIL')]);
    });

    it('tells of a server that is silent', async () => {
      server.answer = () => null;
      const watched = watch({ ...addresses, timeoutMs: 50, tries: 1 });
      await heard(watched, 1);
      expect(watched.errors).toEqual([expect.stringContaining('ETIMEOUT')]);
    });
  });

  describe('of SRV records', () => {
    it('tells ports, priorities and weights', async () => {
      server.answer = () => ({
        answers: [
          srv('a.users.internal', { port: 3001, weight: 60 }),
          srv('b.users.internal', { port: 3002, weight: 40 }),
          srv('c.users.internal', { port: 3003, weight: 7, priority: 10 }),
        ],
      });
      const watched = watch({ path: '/api' });
      await heard(watched, 1);
      expect(watched.sets).toEqual([
        [
          { url: 'http://a.users.internal:3001/api', weight: 60, priority: 0 },
          { url: 'http://b.users.internal:3002/api', weight: 40, priority: 0 },
          { url: 'http://c.users.internal:3003/api', weight: 7, priority: 10 },
        ],
      ]);
      expect(server.questions).toEqual([`udp SRV ${SERVICE}`]);
    });

    it('takes a weight of 0 for little beside others of its priority, and for the usual one beside none', async () => {
      server.answer = () => ({
        answers: [
          srv('a.test', { weight: 5 }),
          srv('b.test', { weight: 0 }),
          srv('c.test', { weight: 0, priority: 1 }),
          srv('d.test', { weight: 0, priority: 1 }),
        ],
      });
      const watched = watch();
      await heard(watched, 1);
      expect(watched.sets[0]?.map(({ weight }) => weight)).toEqual([5, 0.01, 1, 1]);
    });

    it('asks again when the first record has expired, be it one that led to the others', async () => {
      server.answer = () => ({
        answers: [
          { type: 'CNAME', name: SERVICE, ttl: 7, data: 'elsewhere.internal' },
          { ...srv('a.test', { ttl: 20 }), name: 'elsewhere.internal' },
        ],
      });
      const watched = watch();
      await heard(watched, 1);
      expect(watched.sets[0]).toHaveLength(1);
      expect(watched.clock.nextInMs).toBe(7_000);
      watched.clock.advance(6_999);
      expect(server.questions).toHaveLength(1);
      watched.clock.advance(1);
      await heard(watched, 2);
      expect(server.questions).toHaveLength(2);
    });

    it.each([
      [0, 2_000],
      [5, 5_000],
      [3_600, 60_000],
      [2 ** 31 - 1, 60_000],
    ])('of a life of %d s makes a wait of %d ms, between minTtlMs and maxTtlMs', async (ttl, waitMs) => {
      server.answer = () => ({ answers: [srv('a.test', { ttl })] });
      const watched = watch({ minTtlMs: 2_000, maxTtlMs: 60_000 });
      await heard(watched, 1);
      expect(watched.clock.nextInMs).toBe(waitMs);
    });

    it('has no targets where the only one is the root', async () => {
      server.answer = () => ({ answers: [srv('.')] });
      const watched = watch();
      await heard(watched, 1);
      expect(watched.sets).toEqual([[]]);
    });

    it.each([
      ['a name that does not exist', NXDOMAIN],
      ['a name without such records', {}],
    ])('takes %s for a set without targets, and asks again soon', async (_what, reply) => {
      server.answer = () => reply;
      const watched = watch();
      await heard(watched, 1);
      expect(watched.sets).toEqual([[]]);
      expect(watched.clock.nextInMs).toBe(10_000);
    });

    it('believes the start of authority in how long there is nothing', async () => {
      const data = { mname: 'ns.internal', rname: 'admin.internal', minimum: 15 };
      server.answer = () => ({ ...NXDOMAIN, authorities: [{ type: 'SOA', name: 'internal', ttl: 40, data }] });
      const watched = watch();
      await heard(watched, 1);
      expect(watched.clock.nextInMs).toBe(15_000);
    });

    it('takes what is cut off over TCP', async () => {
      const answers = Array.from({ length: 60 }, (_, index) => srv(`target-${index}.users.internal`));
      server.answer = (_question, transport) =>
        transport === 'udp' ? { answers: answers.slice(0, 3), truncated: true } : { answers };
      const watched = watch();
      await heard(watched, 1);
      expect(watched.sets[0]).toHaveLength(60);
      expect(server.questions).toEqual([`udp SRV ${SERVICE}`, `tcp SRV ${SERVICE}`]);
    });

    it('takes it over TCP where it is cut off within a record, too', async () => {
      server.answer = (_question, transport) => ({
        answers: [srv('a.test')],
        ...(transport === 'udp' && { truncated: true, missing: 5 }),
      });
      const watched = watch();
      await heard(watched, 1);
      expect(watched.sets[0]).toHaveLength(1);
      expect(server.questions).toEqual([`udp SRV ${SERVICE}`, `tcp SRV ${SERVICE}`]);
    });

    it('asks each server as often as it may, then tells of it, and waits longer each time', async () => {
      server.answer = () => SERVFAIL;
      const second = await DnsServer.start();
      const watched = watch({ tries: 2, servers: [server.address, second.address] });
      await heard(watched, 1);
      expect(watched.errors).toEqual([]);
      expect([server.questions.length, second.questions.length]).toEqual([1, 1]);
      second.answer = () => SERVFAIL;
      watched.clock.advance(10_000);
      await heard(watched, 2);
      expect(watched.errors).toEqual(['name server 127.0.0.1: it answered SERVFAIL']);
      expect([server.questions.length, second.questions.length]).toEqual([3, 3]);
      expect(watched.clock.nextInMs).toBe(375);
      watched.clock.advance(375);
      await heard(watched, 3);
      expect(watched.clock.nextInMs).toBe(750);
      await second.close();
    });

    it('gives a server that is silent up after timeoutMs', async () => {
      server.answer = () => null;
      const watched = watch({ timeoutMs: 1_500, tries: 2 });
      await eventually(() => server.questions.length === 1);
      expect(watched.clock.nextInMs).toBe(1_500);
      watched.clock.advance(1_500);
      await eventually(() => server.questions.length === 2);
      await watched.clock.advanceAsync(1_500);
      await heard(watched, 1);
      expect(watched.errors).toEqual(['name server 127.0.0.1: no answer within 1500 ms']);
    });

    it('does not hear what answers another question', async () => {
      server.answer = () => [
        Buffer.from('garbage'),
        Buffer.alloc(0),
        Buffer.alloc(64, 0xff),
        { answers: [srv('evil.test')], id: 1 },
        { answers: [srv('evil.test')], questions: [{ type: 'SRV', name: 'other.internal' }] },
        { answers: [srv('evil.test')], questions: [{ type: 'A', name: SERVICE }] },
        { answers: [srv('evil.test')], questions: [] },
        { answers: [srv('a.test')], questions: [{ type: 'SRV', name: SERVICE.toUpperCase() }] },
      ];
      const watched = watch();
      await heard(watched, 1);
      expect(watched.sets[0]).toMatchObject([{ url: 'http://a.test:3001' }]);
    });

    it.each([
      ['garbage', Buffer.alloc(40, 0xff)],
      ['what is cut off again', { truncated: true, answers: [] }],
    ])('takes %s over TCP for a failure', async (_what, reply) => {
      server.answer = (_question, transport) => (transport === 'udp' ? { truncated: true } : reply);
      const watched = watch({ tries: 1 });
      await heard(watched, 1);
      expect(watched.errors).toEqual(['name server 127.0.0.1: its answer is malformed']);
    });

    it('tells of a server that is not there', async () => {
      const gone = await DnsServer.start();
      await gone.close();
      const watched = watch({ servers: [gone.address], tries: 1 });
      await heard(watched, 1);
      expect(watched.errors).toEqual([expect.stringContaining('ECONNREFUSED')]);
    });
  });

  it.each([
    ['SRV', {}],
    ['A', { name: 'users.internal', port: 80, type: 'A' as const }],
  ])('tells nothing after its end, not of a question of type %s on its way', async (_type, options) => {
    server.answer = () => null;
    const watched = watch(options);
    await eventually(() => server.questions.length > 0);
    const asked = server.questions.length;
    watched.stop();
    await watched.clock.advanceAsync(0);
    expect(watched.clock.pending).toBe(0);
    await watched.clock.advanceAsync(60_000);
    expect([watched.sets, watched.errors, server.questions.length]).toEqual([[], [], asked]);
  });

  it('takes a name with the dot of the root', async () => {
    server.answer = () => ({ answers: [srv('a.test')] });
    const watched = watch({ name: `${SERVICE}.` });
    await heard(watched, 1);
    expect(server.questions).toEqual([`udp SRV ${SERVICE}`]);
  });

  it.each([
    [{}, 'name: missing'],
    [{ name: '' }, 'name: got ""'],
    [{ name: '10.0.0.1' }, 'name: got "10.0.0.1"'],
    [{ name: 'a b.internal' }, 'name: got "a b.internal"'],
    [{ name: 'users.internal' }, 'port: missing, expected a whole number from 1 to 65535'],
    [{ name: SERVICE, port: 80 }, 'port: has no effect on SRV records'],
    [{ name: SERVICE, type: 'MX' }, "type: got \"MX\", expected one of 'A', 'AAAA'"],
    [{ name: SERVICE, protocol: 'ftp' }, 'protocol: got "ftp"'],
    [{ name: SERVICE, path: '?q' }, 'path: got "?q"'],
    [{ name: SERVICE, path: '/a#b' }, 'path: got "/a#b"'],
    [{ name: SERVICE, servers: ['ns.internal'] }, 'servers[0]: got "ns.internal"'],
    [{ name: SERVICE, servers: ['10.0.0.1:0'] }, 'servers[0]: got "10.0.0.1:0"'],
    [{ name: SERVICE, servers: ['[10.0.0.1]:53'] }, 'servers[0]'],
    [{ name: SERVICE, servers: [] }, 'servers: got an empty list'],
    [{ name: SERVICE, minTtlMs: 5_000, maxTtlMs: 4_000 }, 'maxTtlMs: is 4000, below minTtlMs, 5000'],
    [{ name: SERVICE, backoffMs: 5_000, maxBackoffMs: 4_000 }, 'maxBackoffMs: is 4000, below backoffMs, 5000'],
    [{ name: SERVICE, timeout: 1 }, 'timeout: unknown option; did you mean timeoutMs?'],
  ])('refuses %o', (options, fault) => {
    const create = () => dnsSource(options as DnsSourceOptions);
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(fault);
  });

  it.each([['10.0.0.53'], ['10.0.0.53:5353'], ['fd00::53'], ['[fd00::53]'], ['[fd00::53]:5353']])(
    'takes %s for a name server',
    (address) => {
      expect(dnsSource({ name: SERVICE, servers: [address] }).name).toBe('dns');
    },
  );
});
