import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import {
  compileTrust,
  parseTrustedBlocks,
  resolveClient,
  type ClientFacts,
  type Peer,
  type TrustProxy,
} from '../../src/core/trust.js';
import type { HeaderMap } from '../../src/core/types.js';
import { seededRandom } from '../support/random.js';

interface OracleRequest {
  readonly headers: { 'x-forwarded-for'?: string };
  readonly socket: { remoteAddress: string };
}
type OracleTrust = (address: string, hop: number) => boolean;
interface ProxyAddr {
  (request: OracleRequest, trust: OracleTrust): string;
  all(request: OracleRequest, trust: OracleTrust): string[];
  compile(blocks: readonly string[]): OracleTrust;
}
const proxyAddr = createRequire(import.meta.url)('proxy-addr') as ProxyAddr;

const PEER: Peer = { address: '10.0.0.1', protocol: 'http', host: 'gateway.test' };

function resolve(trust: TrustProxy, headers: HeaderMap, peer: Partial<Peer> = {}): ClientFacts {
  return resolveClient({ ...PEER, ...peer }, headers, compileTrust(trust));
}

function clientIp(trust: TrustProxy, forwardedFor: string): string {
  return resolve(trust, { 'x-forwarded-for': forwardedFor }).clientIp;
}

describe('compileTrust', () => {
  it.each<[string, TrustProxy]>([
    ['false', false],
    ['0', 0],
    ['an empty list', []],
  ])('trusts nobody with %s', (_what, option) => {
    const trust = compileTrust(option);
    expect([trust('127.0.0.1', 0), trust('10.0.0.1', 1)]).toEqual([false, false]);
  });

  it('trusts as many hops as the number says', () => {
    const trust = compileTrust(2);
    expect([0, 1, 2, 3].map((hop) => trust('203.0.113.1', hop))).toEqual([true, true, false, false]);
  });

  it('takes a function as it is', () => {
    const own = (): boolean => true;
    expect(compileTrust(own)).toBe(own);
  });

  it.each<[TrustProxy, string, boolean]>([
    ['loopback', '127.9.9.9', true],
    ['loopback', '::1', true],
    ['loopback', '128.0.0.1', false],
    ['linklocal', '169.254.1.1', true],
    ['linklocal', 'fe80::1', true],
    ['uniquelocal', '10.1.1.1', true],
    ['uniquelocal', '172.31.0.1', true],
    ['uniquelocal', '172.32.0.1', false],
    ['uniquelocal', '192.168.1.1', true],
    ['uniquelocal', 'fd00::1', true],
    ['10.0.0.0/8', '10.1.1.1', true],
    ['10.0.0.0/8', '11.1.1.1', false],
    [['loopback', '192.0.2.0/24'], '192.0.2.9', true],
    [['loopback', '192.0.2.0/24'], '127.0.0.1', true],
    [['loopback', '192.0.2.0/24'], '192.0.3.9', false],
  ])('%j, %s: %s', (option, address, trusted) => {
    expect(compileTrust(option)(address, 0)).toBe(trusted);
  });
});

describe('parseTrustedBlocks', () => {
  it('reads a named group, a block and an address', () => {
    expect(parseTrustedBlocks('uniquelocal')).toHaveLength(4);
    expect(parseTrustedBlocks('10.0.0.0/8')).toHaveLength(1);
    expect(parseTrustedBlocks('::1')).toHaveLength(1);
  });

  it.each([[''], ['everybody'], ['Loopback'], ['loopback,linklocal'], ['constructor'], ['__proto__'], ['10.0.0.0/33']])(
    'reads nothing in %j',
    (text) => {
      expect(parseTrustedBlocks(text)).toBeNull();
    },
  );
});

describe('resolveClient', () => {
  const forged: HeaderMap = {
    'x-forwarded-for': '198.51.100.66',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.test',
    forwarded: 'for=198.51.100.66;proto=https;host=evil.test',
    'x-real-ip': '198.51.100.66',
  };

  it('believes no header of an untrusted peer', () => {
    const facts = { clientIp: '10.0.0.1', forwardedFor: '10.0.0.1', protocol: 'http', host: 'gateway.test' };
    for (const trust of [false, 0, '192.0.2.0/24', []] as const) expect(resolve(trust, forged)).toEqual(facts);
  });

  it('says what the connection says where a trusted peer sends nothing', () => {
    const facts = { clientIp: '10.0.0.1', forwardedFor: '10.0.0.1', protocol: 'https', host: 'gateway.test' };
    expect(resolve(1, {}, { protocol: 'https' })).toEqual(facts);
  });

  it('takes the right-most untrusted address, whatever stands left of it', () => {
    const header = '127.0.0.1, 10.0.0.9, 198.51.100.66, 203.0.113.5, 10.0.0.2';
    expect(resolve('10.0.0.0/8', { 'x-forwarded-for': header })).toMatchObject({
      clientIp: '203.0.113.5',
      forwardedFor: '203.0.113.5, 10.0.0.2, 10.0.0.1',
    });
    expect(resolve(1, { 'x-forwarded-for': header })).toMatchObject({
      clientIp: '10.0.0.2',
      forwardedFor: '10.0.0.2, 10.0.0.1',
    });
  });

  it('takes the left-most address where everybody is trusted', () => {
    expect(clientIp('10.0.0.0/8', '10.0.0.4, 10.0.0.3, 10.0.0.2')).toBe('10.0.0.4');
    expect(clientIp(9, '203.0.113.5, 10.0.0.2')).toBe('203.0.113.5');
  });

  it('gives address and hop to a function of the user, from the connection on', () => {
    const calls: [string, number][] = [];
    const trust = (address: string, hop: number): boolean => {
      calls.push([address, hop]);
      return hop < 2;
    };
    expect(clientIp(trust, '192.0.2.1, 203.0.113.5, ::FFFF:10.0.0.2')).toBe('203.0.113.5');
    expect(calls).toEqual([
      ['10.0.0.1', 0],
      ['10.0.0.2', 1],
      ['203.0.113.5', 2],
    ]);
  });

  it.each([
    ['203.0.113.5:4711', '203.0.113.5'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['::ffff:203.0.113.5', '203.0.113.5'],
    ['[::ffff:203.0.113.5]:80', '203.0.113.5'],
    ['::ffff:cb00:7105', '203.0.113.5'],
    ['fe80::1%eth0', 'fe80::1'],
    ['  203.0.113.5\t', '203.0.113.5'],
  ])('reads the entry %j as %s', (entry, address) => {
    expect(clientIp(1, entry)).toBe(address);
  });

  it.each([
    [''],
    ['unknown'],
    ['_hidden'],
    ['203.0.113.5:'],
    ['203.0.113.5:http'],
    ['[2001:db8::1'],
    ['2001:db8::1]:80'],
    ['[2001:db8::1]x'],
    ['"[2001:db8::1]:80"'],
    ['for=203.0.113.5'],
    ['203.0.113'],
    ['0x7f.1'],
    ['<script>'],
    ['203.0.113.5 198.51.100.66'],
    ['\0'],
  ])('stops the walk at the entry %j', (entry) => {
    const facts = resolve(5, { 'x-forwarded-for': `198.51.100.66, ${entry}, 203.0.113.9` });
    expect(facts).toMatchObject({ clientIp: '203.0.113.9', forwardedFor: '203.0.113.9, 10.0.0.1' });
    expect(clientIp(5, entry)).toBe('10.0.0.1');
  });

  it('survives a header of 100000 entries', () => {
    const header = Array.from({ length: 100_000 }, () => '10.0.0.2').join(',');
    expect(clientIp(1, header)).toBe('10.0.0.2');
    expect(clientIp('10.0.0.0/8', `203.0.113.5,${header}`)).toBe('203.0.113.5');
  });

  it('leaves the nameless peer of a unix socket out of forwardedFor', () => {
    const facts = resolve(1, { 'x-forwarded-for': '203.0.113.5' }, { address: '' });
    expect(facts).toMatchObject({ clientIp: '203.0.113.5', forwardedFor: '203.0.113.5' });
  });

  describe('protocol', () => {
    it.each<[TrustProxy, string, string, 'http' | 'https']>([
      [false, '', 'https', 'http'],
      [1, '', 'https', 'https'],
      [1, '', 'HTTPS', 'https'],
      [1, '203.0.113.5', 'https', 'https'],
      [1, '203.0.113.5', 'https, http', 'http'],
      [1, '203.0.113.5', 'http, https', 'https'],
      [2, '203.0.113.5, 10.0.0.2', 'https, http', 'https'],
      [2, '203.0.113.5, 10.0.0.2', 'http, https, http', 'https'],
      [2, '203.0.113.5, 10.0.0.2', 'https', 'https'],
      [1, '203.0.113.5', 'ftp', 'http'],
      [1, '203.0.113.5', '', 'http'],
      [1, '203.0.113.5', 'https;', 'http'],
      [1, '203.0.113.5', '__proto__', 'http'],
    ])('trust %j, for %j, proto %j: %s', (trust, forwardedFor, proto, expected) => {
      const headers: HeaderMap = { 'x-forwarded-proto': proto };
      if (forwardedFor !== '') headers['x-forwarded-for'] = forwardedFor;
      expect(resolve(trust, headers).protocol).toBe(expected);
    });

    it('can also be lowered by a trusted proxy', () => {
      expect(resolve(1, { 'x-forwarded-proto': 'http' }, { protocol: 'https' }).protocol).toBe('http');
    });
  });

  describe('host', () => {
    it.each<[TrustProxy, string, string, string]>([
      [false, '', 'shop.test', 'gateway.test'],
      [1, '', 'shop.test', 'shop.test'],
      [1, '203.0.113.5', 'shop.test:8443', 'shop.test:8443'],
      [1, '203.0.113.5', 'evil.test, shop.test', 'shop.test'],
      [2, '203.0.113.5, 10.0.0.2', 'evil.test, shop.test, inner.test', 'shop.test'],
      [2, '203.0.113.5, 10.0.0.2', 'shop.test', 'shop.test'],
      [1, '203.0.113.5', 'user@evil.test', 'gateway.test'],
      [1, '203.0.113.5', 'evil.test/path', 'gateway.test'],
      [1, '203.0.113.5', 'evil.test\r\nx: y', 'gateway.test'],
      [1, '203.0.113.5', '', 'gateway.test'],
      [1, '203.0.113.5', 'a'.repeat(256), 'gateway.test'],
    ])('trust %j, for %j, host %j: %s', (trust, forwardedFor, host, expected) => {
      const headers: HeaderMap = { 'x-forwarded-host': host };
      if (forwardedFor !== '') headers['x-forwarded-for'] = forwardedFor;
      expect(resolve(trust, headers).host).toBe(expected);
    });
  });

  describe('beside proxy-addr', () => {
    const pool = ['10.0.0.2', '10.255.0.3', '192.168.7.7', '203.0.113.5', '198.51.100.66', '2001:db8::1', 'fd00::9'];
    const blockLists = [
      ['10.0.0.0/8'],
      ['10.0.0.0/8', '192.168.0.0/16'],
      ['fd00::/8', '10.0.0.0/8'],
      ['2001:db8::/32', '203.0.113.5'],
      ['127.0.0.1'],
    ];
    const random = seededRandom(7);

    function randomRequest(): OracleRequest {
      const entries = Array.from({ length: random.int(6) }, () => random.pick(pool));
      const headers = entries.length === 0 ? {} : { 'x-forwarded-for': entries.join(random.pick([',', ', ', ' , '])) };
      return { headers, socket: { remoteAddress: random.pick(pool) } };
    }

    function compare(request: OracleRequest, option: TrustProxy, oracleTrust: OracleTrust): void {
      const { clientIp: address, forwardedFor } = resolve(option, request.headers, {
        address: request.socket.remoteAddress,
      });
      expect({ option, request, address, forwardedFor }).toEqual({
        ...{ option, request, address: proxyAddr(request, oracleTrust) },
        forwardedFor: proxyAddr.all(request, oracleTrust).reverse().join(', '),
      });
    }

    it('agrees on hop counts over 2000 random chains', () => {
      for (let i = 0; i < 2_000; i++) {
        const hops = random.int(7);
        compare(randomRequest(), hops, (_address, hop) => hop < hops);
      }
    });

    it('agrees on address blocks over 2000 random chains', () => {
      for (let i = 0; i < 2_000; i++) {
        const blocks = random.pick(blockLists);
        compare(randomRequest(), blocks, proxyAddr.compile(blocks));
      }
    });
  });
});
