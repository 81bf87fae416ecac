import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { inBlocks, ipBlock, normalizeIp, parseBlock, type AddressBlock } from '../../src/core/ip.js';
import { seededRandom, type SeededRandom } from '../support/random.js';

describe('normalizeIp', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['255.255.255.255', '255.255.255.255'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['::ffff:0:0', '0.0.0.0'],
    ['::ffff:ffff:ffff', '255.255.255.255'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
    ['0:0:0:0:0:ffff:102:304', '1.2.3.4'],
    ['::ffff:1.2.3.4%eth0', '1.2.3.4'],
    ['2001:DB8::A', '2001:db8::a'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%25eth0', 'fe80::1'],
    ['fe80::1%', 'fe80::1'],
  ])('reads %s as %s', (text, normal) => {
    expect(normalizeIp(text)).toBe(normal);
  });

  it.each([
    [''],
    [' 1.2.3.4'],
    ['1.2.3.4 '],
    ['1.2.3'],
    ['1.2.3.4.5'],
    ['256.1.1.1'],
    ['01.2.3.4'],
    ['0x7f.0.0.1'],
    ['2130706433'],
    ['0177.0.0.1'],
    ['1.2.3.4:80'],
    ['[::1]'],
    ['::ffff:256.1.1.1'],
    ['::ffff:1.2.3'],
    ['1::2::3'],
    ['12345::'],
    ['1:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:7:8:9'],
    ['g::1'],
    ['%eth0'],
    ['unknown'],
    ['_hidden'],
    ['localhost'],
    ['1.2.3.4\n'],
    ['::1\r\nx: y'],
  ])('finds no address in %j', (text) => {
    expect(normalizeIp(text)).toBeNull();
  });

  it.each([['2001:db8::1.2.3.4'], ['64:ff9b::1.2.3.4'], ['::1.2.3.4'], ['::ffff:0:1.2.3.4'], ['1::ffff:1.2.3.4']])(
    'leaves %s an IPv6 address',
    (text) => {
      expect(normalizeIp(text)).toMatch(/:/);
    },
  );

  it('changes nothing on its own results', () => {
    const random = seededRandom(1);
    for (let i = 0; i < 2_000; i++) {
      const normal = normalizeIp(randomAddress(random).text);
      expect(normal).not.toBeNull();
      expect(normalizeIp(normal as string)).toBe(normal);
    }
  });

  it('gives one text for all spellings of an IPv6 address', () => {
    const spellings = ['2001:db8::1', '2001:DB8::1', '2001:db8:0:0:0:0:0:1', '2001:0db8::0001', '2001:db8::0.0.0.1'];
    expect(new Set(spellings.map(normalizeIp))).toEqual(new Set(['2001:db8::1']));
  });
});

describe('parseBlock and inBlocks', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0', true],
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '9.255.255.255', false],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.9.9.9', true],
    ['172.16.0.0/12', '172.31.255.255', true],
    ['172.16.0.0/12', '172.32.0.0', false],
    ['192.168.0.0/16', '192.168.255.255', true],
    ['192.168.0.0/16', '192.169.0.0', false],
    ['192.0.2.128/25', '192.0.2.128', true],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.4/31', '192.0.2.5', true],
    ['192.0.2.4/31', '192.0.2.6', false],
    ['192.0.2.4/32', '192.0.2.4', true],
    ['192.0.2.4', '192.0.2.4', true],
    ['192.0.2.4', '192.0.2.5', false],
    ['128.0.0.0/1', '255.0.0.1', true],
    ['128.0.0.0/1', '127.255.255.255', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '1.2.3.4', false],
    ['::ffff:10.1.2.3', '10.1.2.3', true],
    ['fc00::/7', 'fdff:ffff::1', true],
    ['fc00::/7', 'fe00::', false],
    ['fe80::/10', 'febf::1', true],
    ['fe80::/10', 'fec0::', false],
    ['2001:db8::/32', '2001:db8:ffff::', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:db8::/64', '2001:db8::ffff:ffff:ffff:ffff', true],
    ['2001:db8::/64', '2001:db8:0:1::', false],
    ['2001:db8::8/127', '2001:db8::9', true],
    ['2001:db8::8/127', '2001:db8::a', false],
    ['::1', '::1', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['::1', '::2', false],
    ['::1', '0.0.0.1', false],
    ['0.0.0.1', '::1', false],
  ])('%s, %s: %s', (block, address, contained) => {
    expect(inBlocks(address, [parseBlock(block) as AddressBlock])).toBe(contained);
  });

  it.each([
    [''],
    ['/'],
    ['/8'],
    ['10.0.0.0/'],
    ['10.0.0.0/33'],
    ['10.0.0.0/-1'],
    ['10.0.0.0/8.5'],
    ['10.0.0.0/ 8'],
    ['10.0.0.0/8/8'],
    ['10.0.0.0/0x8'],
    ['10.0.0.0/1e1'],
    ['10.0.0.0/255.0.0.0'],
    ['10.0.0/8'],
    ['::/129'],
    ['fd00::/'],
    ['example.com'],
    ['example.com/8'],
    ['*'],
  ])('reads no block in %j', (text) => {
    expect(parseBlock(text)).toBeNull();
  });

  it('finds nothing in no blocks', () => {
    expect(inBlocks('10.0.0.1', [])).toBe(false);
  });

  it('an empty address, as of a unix socket, lies in no block', () => {
    expect(inBlocks('', [parseBlock('0.0.0.0/8') as AddressBlock])).toBe(false);
  });

  it('agrees with BlockList of node:net on 5000 random pairs', () => {
    const random = seededRandom(42);
    for (let i = 0; i < 5_000; i++) {
      const network = randomAddress(random);
      const bits = network.bytes.length * 8;
      const prefixLength = 1 + random.int(bits);
      const address = random() < 0.8 ? neighbour(random, network) : randomAddress(random);
      const oracle = new BlockList();
      oracle.addSubnet(network.text, prefixLength, family(network));
      const expected = family(network) === family(address) && oracle.check(address.text, family(address));
      const block = parseBlock(`${network.text}/${prefixLength}`) as AddressBlock;
      const pair = `${address.text} in ${network.text}/${prefixLength}`;
      expect(`${pair}: ${inBlocks(address.text, [block])}`).toBe(`${pair}: ${expected}`);
    }
  });
});

interface Address {
  readonly bytes: readonly number[];
  readonly text: string;
}

function family({ bytes }: Address): 'ipv4' | 'ipv6' {
  return bytes.length === 4 ? 'ipv4' : 'ipv6';
}

function randomAddress(random: SeededRandom): Address {
  if (random() < 0.5) return fromBytes(Array.from({ length: 4 }, () => random.int(256)));
  const zeroAt = random.int(16);
  const rest = Array.from({ length: 15 }, (_, index) => (index >= zeroAt ? 0 : random.int(256)));
  return fromBytes([0x20, ...rest]);
}

/** The same address with one bit the other way round, most likely near the end of a shared prefix. */
function neighbour(random: SeededRandom, { bytes }: Address): Address {
  const bit = random.int(bytes.length * 8);
  return fromBytes(bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (7 - (bit & 7))) : byte)));
}

function fromBytes(bytes: readonly number[]): Address {
  if (bytes.length === 4) return { bytes, text: bytes.join('.') };
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number));
  const text = groups.map((group) => group.toString(16)).join(':');
  return { bytes, text: text.replace(/(?:^|:)0(?::0)+$/, '::') };
}

describe('ipBlock', () => {
  it.each([
    ['1.2.3.4', 56, '1.2.3.4'],
    ['2001:db8:0:ff12::1', 56, '2001:db8:0:ff00/56'],
    ['2001:db8:0:ffff:1:2:3:4', 56, '2001:db8:0:ff00/56'],
    ['2001:db8:1:2:3:4:5:6', 64, '2001:db8:1:2:/64'],
    ['2001:db8:1:2:3:4:5:6', 32, '2001:db8:/32'],
    ['2001:db8::1', 128, '2001:db8:0:0:0:0:0:1:/128'],
    ['2001:db8::f', 127, '2001:db8:0:0:0:0:0:e/127'],
    ['::1', 56, '0:0:0:0/56'],
  ])('of %s with %i bits is %s', (address, bits, block) => {
    expect(ipBlock(address, bits)).toBe(block);
  });
});
