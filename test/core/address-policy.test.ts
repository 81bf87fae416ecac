import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  allowedAddressesField,
  allowedHostsField,
  compileAddresses,
  compileHosts,
  deniedAddress,
  guardedLookup,
} from '../../src/core/address-policy.js';
import { isGatewayError } from '../../src/core/errors.js';
import { ConfigError, validate } from '../../src/core/options.js';
import { listen } from '../support/listen.js';

vi.mock('node:dns', async (original) => ({ ...(await original<typeof import('node:dns')>()), lookup: vi.fn() }));

/** The system's answers to the next lookups. */
function answers(...sets: readonly (readonly string[] | Error)[]): void {
  const lookup = vi.mocked(systemLookup) as unknown as ReturnType<typeof vi.fn>;
  for (const set of sets)
    lookup.mockImplementationOnce((_host: string, _options: object, callback: (...result: unknown[]) => void) => {
      if (set instanceof Error) callback(set);
      else
        callback(
          null,
          set.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
        );
    });
}

afterEach(() => {
  vi.mocked(systemLookup).mockReset();
});

describe('public addresses', () => {
  const isAllowed = compileAddresses(['public']);

  it.each([
    ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'],
    ...['128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.0.1.0', '192.167.255.255'],
    ...['192.169.0.0', '198.17.255.255', '198.20.0.0', '203.0.112.255', '203.0.114.0', '223.255.255.255'],
    ...['2606:4700::1111', '2a00:1450::1', '2001:4860:4860::8888', '2003::1', '::ffff:8.8.8.8', '::ffff:808:808'],
    ...['64:ff9b::8.8.8.8', '64:ff9b::808:808', '2606:4700::1%eth0'],
  ])('have %s among them', (address) => {
    expect(isAllowed(address)).toBe(true);
  });

  // https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, first and last of each.
  it.each([
    ['this network', '0.0.0.0', '0.255.255.255'],
    ['private use', '10.0.0.0', '10.255.255.255'],
    ['shared address space', '100.64.0.0', '100.127.255.255'],
    ['loopback', '127.0.0.0', '127.255.255.255'],
    ['link local, and with it the metadata of clouds', '169.254.0.0', '169.254.169.254'],
    ['link local', '169.254.0.1', '169.254.255.255'],
    ['private use', '172.16.0.0', '172.31.255.255'],
    ['protocol assignments', '192.0.0.0', '192.0.0.255'],
    ['documentation', '192.0.2.0', '192.0.2.255'],
    ['6to4 relays', '192.88.99.0', '192.88.99.255'],
    ['private use', '192.168.0.0', '192.168.255.255'],
    ['benchmarks', '198.18.0.0', '198.19.255.255'],
    ['documentation', '198.51.100.0', '198.51.100.255'],
    ['documentation', '203.0.113.0', '203.0.113.255'],
    ['multicast', '224.0.0.0', '239.255.255.255'],
    ['reserved, and broadcast', '240.0.0.0', '255.255.255.255'],
    ['unspecified and loopback', '::', '::1'],
    ['IPv4-compatible', '::127.0.0.1', '::8.8.8.8'],
    ['translation of a local network', '64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
    ['discard', '100::', '100::ffff:ffff:ffff:ffff'],
    ['protocol assignments, Teredo', '2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['documentation', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['6to4', '2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['segment routing', '5f00::', '5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['unique local', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['link local', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['site local', 'fec0::', 'feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['multicast', 'ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('are not of %s: %s, %s', (_name, first, last) => {
    expect([isAllowed(first), isAllowed(last)]).toEqual([false, false]);
  });

  it.each(['::ffff:127.0.0.1', '::FFFF:7f00:1', '0:0:0:0:0:ffff:a00:1', '::ffff:169.254.169.254', '::ffff:0:0'])(
    'are not IPv4 in IPv6 where that is none: %s',
    (address) => {
      expect(isAllowed(address)).toBe(false);
    },
  );

  it.each(['64:ff9b::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::', '64:ff9b::1', '64:ff9b::a00:0'])(
    'are not those that a translating network leads to where they are none: %s',
    (address) => {
      expect(isAllowed(address)).toBe(false);
    },
  );

  it.each([
    '',
    ' ',
    'localhost',
    '[::1]',
    '8.8.8.8:80',
    '8.8.8.8/8',
    '0x8.8.8.8',
    '134744072',
    '010.8.8.8',
    '8.8.8',
    '__proto__',
  ])('are none where there is no address: %j', (text) => {
    expect(isAllowed(text)).toBe(false);
  });

  it.each([
    '2130706433',
    '0177.0.0.1',
    '0x7f.1',
    '127.1',
    '0x7f000001',
    '017700000001',
    '127.0.0.1.',
    '１２７.０.０.１',
  ])('are not what a URL writes as %s, which is 127.0.0.1 once it has been read', (host) => {
    const { hostname } = new URL(`http://${host}/`);
    expect(hostname).toBe('127.0.0.1');
    expect(isAllowed(hostname)).toBe(false);
  });

  it.each(['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:FFFF:127.0.0.1]', '[64:ff9b::127.0.0.1]', '[::1]'])(
    'are not what a URL writes as %s',
    (host) => {
      expect(isAllowed(new URL(`http://${host}/`).hostname.slice(1, -1))).toBe(false);
    },
  );
});

describe('allowed addresses', () => {
  it.each<[readonly string[], string, boolean]>([
    [['uniquelocal'], '10.1.2.3', true],
    [['uniquelocal'], 'fd00::1', true],
    [['uniquelocal'], '127.0.0.1', false],
    [['uniquelocal'], '8.8.8.8', false],
    [['loopback'], '127.8.8.8', true],
    [['loopback'], '::1', true],
    [['loopback'], '::ffff:127.0.0.1', true],
    [['linklocal'], 'fe80::1%eth0', true],
    [['10.1.0.0/16'], '10.1.255.255', true],
    [['10.1.0.0/16'], '10.2.0.0', false],
    [['10.1.0.0/16'], '64:ff9b::10.1.0.1', true],
    [['192.0.2.7'], '192.0.2.7', true],
    [['192.0.2.7'], '192.0.2.8', false],
    [['2001:db8::/32'], '2001:db8:1::1', true],
    [['public', '10.0.0.0/8'], '10.0.0.1', true],
    [['public', '10.0.0.0/8'], '192.168.0.1', false],
    [['public', '10.0.0.0/8'], '8.8.8.8', true],
  ])('%j and %s: %s', (allowed, address, isAllowed) => {
    expect(compileAddresses(allowed)(address)).toBe(isAllowed);
  });

  it.each([[['private']], [['10.0.0.0/33']], [['10.0.0.0/8', '']], [[]], ['public'], [['localhost']], [['PUBLIC']]])(
    'cannot be written as %j',
    (value) => {
      expect(() => validate('test', value, allowedAddressesField)).toThrow(ConfigError);
    },
  );

  it.each([[['public']], [['loopback', 'linklocal', 'uniquelocal']], [['10.1.0.0/16', 'fd00::/8', '192.0.2.7']]])(
    'can be written as %j',
    (value) => {
      expect(() => validate('test', value, allowedAddressesField)).not.toThrow();
    },
  );
});

describe('allowed hosts', () => {
  it.each<[readonly string[], string, boolean]>([
    [['users.internal'], 'users.internal', true],
    [['Users.Internal'], 'users.internal', true],
    [['users.internal'], 'x.users.internal', false],
    [['users.internal'], 'users.internal.evil.test', false],
    [['users.internal'], 'users.internal.', false],
    [['*.internal'], 'users.internal', true],
    [['*.INTERNAL'], 'a.b.c.internal', true],
    [['*.internal'], 'internal', false],
    [['*.internal'], 'evilinternal', false],
    [['*.internal'], 'users.internal.', false],
    [['*.internal'], 'users.internal.evil.test', false],
    [['*.internal'], '', false],
    [['localhost'], 'localhost', true],
    [['localhost'], 'localhost.', false],
    [['a'], 'constructor', false],
    [['127.0.0.1'], '127.0.0.1', true],
    [['internal', '*.test'], 'a.test', true],
  ])('%j and %s: %s', (allowed, host, isAllowed) => {
    expect(compileHosts(allowed)(host)).toBe(isAllowed);
  });

  it('are read from a URL, which writes them in lower case', () => {
    const isAllowed = compileHosts(['*.internal']);
    expect(isAllowed(new URL('http://USERS.Internal').hostname)).toBe(true);
  });

  it.each([['*'], ['a.*'], ['*a.test'], ['a..b'], ['.a'], ['a.'], ['a b'], ['a/b'], ['a:80'], ['[::1]'], ['']])(
    'cannot be %j',
    (host) => {
      expect(() => validate('test', [host], allowedHostsField)).toThrow(ConfigError);
    },
  );
});

describe('a guarded lookup', () => {
  const lookup = guardedLookup(compileAddresses(['public']));

  function ask(options: object): Promise<unknown[]> {
    return new Promise((resolve) => {
      lookup('users.test', options, (...result: unknown[]) => resolve(result));
    });
  }

  it('asks as Node would, for all addresses, and leaves out what is not allowed', async () => {
    answers(['10.0.0.1', '8.8.8.8', '::1', '2606:4700::1111']);
    expect(await ask({ all: true, family: 0, hints: 1 })).toEqual([
      null,
      [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700::1111', family: 6 },
      ],
    ]);
    const [host, options] = vi.mocked(systemLookup).mock.calls[0] as unknown[];
    expect([host, options]).toEqual(['users.test', { all: true, family: 0, hints: 1 }]);
  });

  it('gives one address to those who want one', async () => {
    answers(['10.0.0.1', '2606:4700::1111', '8.8.8.8']);
    expect(await ask({})).toEqual([null, '2606:4700::1111', 6]);
  });

  it.each<[string, readonly string[]]>([
    ['a private address', ['10.0.0.1']],
    ['several of them', ['10.0.0.1', 'fd00::1', '::ffff:127.0.0.1']],
    ['no address', []],
  ])('fails where the name has %s', async (_what, addresses) => {
    answers(addresses);
    const [error] = await ask({ all: true });
    expect(isGatewayError(error) && error.code).toBe('ERR_GATEWAY_UPSTREAM_UNREACHABLE');
  });

  it('passes on that a name is not known', async () => {
    const unknown = Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
    answers(unknown);
    expect((await ask({ all: true }))[0]).toBe(unknown);
  });

  it('checks each answer anew, so that a name that moves to another network is not followed there', async () => {
    const target = await listen(createServer());
    onTestFinished(() => target.close());
    answers(['127.0.0.1'], ['127.0.0.2']);
    const guard = guardedLookup(compileAddresses(['127.0.0.1']));

    function outcome(): Promise<string> {
      return new Promise((resolve) => {
        const socket = connect({ host: 'rebinding.test', port: target.port, lookup: guard });
        socket.once('connect', () => resolve(`connected to ${socket.remoteAddress}`));
        socket.once('error', ({ message }) => resolve(message));
        onTestFinished(() => void socket.destroy());
      });
    }

    expect(await outcome()).toBe('connected to 127.0.0.1');
    expect(await outcome()).toBe(deniedAddress('rebinding.test').message);
    expect(target.accepted).toBe(1);
  });
});
