import { describe, expect, it } from 'vitest';
import { normalizeIp } from '../../src/core/ip.js';
import { ConfigError } from '../../src/core/options.js';
import type { GatewayResponse, Handler } from '../../src/core/types.js';
import { ipFilter, type IpFilterOptions } from '../../src/ip-filter/index.js';
import { describeIpFilter } from '../../src/ip-filter/options.js';
import { fakeContext } from '../support/request.js';

const answer: GatewayResponse = { status: 200, headers: {}, body: 'ok' };
const next: Handler = () => answer;

function passes(options: IpFilterOptions, clientIp: string): boolean {
  const response = ipFilter(options)(fakeContext({ clientIp }), next) as GatewayResponse;
  expect([200, 403]).toContain(response.status);
  return response === answer;
}

function faultsOf(options: unknown): readonly string[] {
  try {
    ipFilter(options as IpFilterOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('ipFilter', () => {
  it.each([
    ['allow lets its addresses pass', { allow: ['203.0.113.7', '10.0.0.0/8'] }, '10.255.0.1', true],
    ['allow keeps everybody else out', { allow: ['203.0.113.7', '10.0.0.0/8'] }, '11.0.0.1', false],
    ['allow keeps the neighbour of an address out', { allow: ['203.0.113.7'] }, '203.0.113.8', false],
    ['deny keeps its addresses out', { deny: ['203.0.113.0/24'] }, '203.0.113.255', false],
    ['deny lets everybody else pass', { deny: ['203.0.113.0/24'] }, '203.0.114.0', true],
    ['deny wins over allow', { allow: ['10.0.0.0/8'], deny: ['10.0.0.66'] }, '10.0.0.66', false],
    ['deny wins over allow of the very same', { allow: ['10.0.0.66'], deny: ['10.0.0.66'] }, '10.0.0.66', false],
    ['deny leaves the rest of allow', { allow: ['10.0.0.0/8'], deny: ['10.0.0.66'] }, '10.0.0.67', true],
    ['who is on neither list is refused', { allow: ['10.0.0.0/8'], deny: ['10.0.0.66'] }, '203.0.113.7', false],
    ['IPv6 has blocks, too', { allow: ['2001:db8::/32'] }, '2001:db8:ffff::1', true],
    ['a block of IPv6 ends at its last bit', { allow: ['2001:db8::/33'] }, '2001:db8:8000::1', false],
    ['all of IPv6 is nothing of IPv4', { allow: ['::/0'] }, '203.0.113.7', false],
    ['all of IPv4 is nothing of IPv6', { deny: ['0.0.0.0/0'] }, '2001:db8::1', true],
    ['loopback is a name', { allow: ['loopback'] }, '127.8.9.10', true],
    ['loopback is of IPv6, too', { allow: ['loopback'] }, '::1', true],
    ['uniquelocal is a name', { deny: ['uniquelocal'] }, '192.168.1.1', false],
    ['linklocal is a name', { deny: ['linklocal'] }, 'fe80::1', false],
  ])('%s', (_name, options, clientIp, expected) => {
    expect(passes(options, clientIp)).toBe(expected);
  });

  it('knows an address in every spelling, on both sides', () => {
    for (const spelling of ['::ffff:10.0.0.1', '::FFFF:a00:1', '0:0:0:0:0:ffff:0a00:0001', '10.0.0.1']) {
      expect(passes({ deny: [spelling] }, '10.0.0.1')).toBe(false);
      expect(passes({ deny: ['10.0.0.1'] }, normalizeIp(spelling) as string)).toBe(false);
    }
    expect(passes({ deny: ['2001:0DB8:0::0001'] }, '2001:db8::1')).toBe(false);
    expect(passes({ deny: ['fe80::1%eth0'] }, 'fe80::1')).toBe(false);
  });

  it('lets a client without an address pass only where unix is allowed', () => {
    expect(passes({ allow: ['unix'] }, '')).toBe(true);
    expect(passes({ allow: ['unix', '10.0.0.0/8'], deny: ['203.0.113.7'] }, '')).toBe(true);
    expect(passes({ allow: ['0.0.0.0/0', '::/0'] }, '')).toBe(false);
    expect(passes({ deny: ['203.0.113.7'] }, '')).toBe(false);
    expect(passes({ allow: ['unix'] }, '127.0.0.1')).toBe(false);
  });

  it('refuses with 403 that tells the log why, and the client nothing', () => {
    const cases = [
      [{ deny: ['203.0.113.7'] }, '203.0.113.7', 'the address is in deny'],
      [{ allow: ['10.0.0.0/8'] }, '203.0.113.7', 'the address is not in allow'],
      [{ allow: ['10.0.0.0/8'] }, '', 'the client has no address'],
    ] as const;
    const bodies = cases.map(([options, clientIp, reason]) => {
      const ctx = fakeContext({ clientIp });
      const { status, body } = ipFilter(options)(ctx, next) as GatewayResponse;
      expect([status, ctx.refusal, ctx.reason]).toEqual([403, 'ERR_GATEWAY_ADDRESS_DENIED', reason]);
      return body;
    });
    expect(new Set(bodies).size).toBe(1);
    expect(bodies[0]).not.toMatch(/allow|deny|203\.0|10\.0/);
  });

  it('keeps to the lists as they were at the start', () => {
    const allow = ['10.0.0.0/8'];
    const filter = ipFilter({ allow });
    allow.push('203.0.113.7');
    expect((filter(fakeContext({ clientIp: '203.0.113.7' }), next) as GatewayResponse).status).toBe(403);
  });

  it('refuses to start with a list that is empty, or says what is no address', () => {
    expect(faultsOf({})).toEqual(['options: needs allow, deny or both']);
    expect(faultsOf({ allow: undefined })).toEqual(['options: needs allow, deny or both']);
    expect(faultsOf({ allow: [] })[0]).toMatch(/^allow: got an empty list, expected a list of at least 1/);
    expect(faultsOf({ alow: ['10.0.0.1'] })[0]).toBe('alow: unknown option; did you mean allow?');
    const odd = [
      '10.0.0.0/33',
      '10.0.0',
      '10.1',
      '0x0a000001',
      '010.0.0.1',
      '',
      '*',
      'localhost',
      '10.0.0.0/',
      '__proto__',
    ];
    const deny = [...odd, '::ffff:10.0.0.0/104', '10.0.0.1:80', 7];
    expect(faultsOf({ deny })).toHaveLength(deny.length);
    expect(faultsOf({ deny: ['10.0.0.0/33'] })).toEqual([
      `deny[0]: got "10.0.0.0/33", expected an address, a block such as '10.0.0.0/8', 'loopback', 'linklocal' or 'uniquelocal'`,
    ]);
    expect(faultsOf({ deny: ['unix'] })).toHaveLength(1);
  });

  it('is told in a few words', () => {
    expect(describeIpFilter({ allow: ['10.0.0.0/8', 'unix'], deny: ['10.0.0.66'] })).toBe('2 allowed, 1 denied');
    expect(describeIpFilter({ deny: ['10.0.0.66'] })).toBe('1 denied');
    expect(describeIpFilter({ allow: ['10.0.0.66'] })).toBe('1 allowed');
  });
});
