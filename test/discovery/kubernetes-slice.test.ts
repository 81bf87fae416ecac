import { describe, expect, it } from 'vitest';
import { mergeSlices, readSlice, type SliceOptions } from '../../src/discovery/kubernetes-slice.js';

const HTTP = [{ name: 'http', port: 8080, protocol: 'TCP' }];

function slice(endpoints: unknown, more: object = {}): object {
  return { addressType: 'IPv4', ports: HTTP, endpoints, ...more };
}

function pod(address: string, conditions: object = { ready: true }, more: object = {}): object {
  return { addresses: [address], conditions, ...more };
}

function targets(slices: readonly object[], options: SliceOptions & { family?: 'IPv4' | 'IPv6' } = {}): unknown {
  return mergeSlices(
    slices.map((one) => readSlice(one, options)),
    options.family,
  );
}

function urls(slices: readonly object[], options: SliceOptions & { family?: 'IPv4' | 'IPv6' } = {}): string[] {
  return (targets(slices, options) as { url: string }[]).map(({ url }) => url);
}

describe('conditions of an endpoint', () => {
  it.each<[string, object | null | undefined, boolean]>([
    ['ready', { ready: true }, true],
    ['not ready', { ready: false }, false],
    ['of unknown readiness', {}, true],
    ['without conditions', undefined, true],
    ['with conditions of null', null, true],
    ['serving, and not ready', { ready: false, serving: true }, false],
    ['ready and terminating, as publishNotReadyAddresses has it', { ready: true, terminating: true }, true],
    ['terminating, beside one that is ready', { ready: false, serving: true, terminating: true }, false],
    ['terminating, of unknown readiness', { terminating: true }, false],
  ])('one that is %s: %s is used: %s', (_case, conditions, isUsed) => {
    const found = urls([slice([pod('10.0.0.1'), { addresses: ['10.0.0.2'], conditions }])]);
    expect(found).toEqual(['http://10.0.0.1:8080', ...(isUsed ? ['http://10.0.0.2:8080'] : [])]);
  });

  it('terminating endpoints that serve are used where nothing else is left', () => {
    const last = pod('10.0.0.1', { ready: false, serving: true, terminating: true });
    const deaf = pod('10.0.0.2', { ready: false, serving: false, terminating: true });
    const unready = pod('10.0.0.3', { ready: false, serving: false, terminating: false });
    expect(urls([slice([unready, deaf]), slice([last])])).toEqual(['http://10.0.0.1:8080']);
    expect(urls([slice([last]), slice([pod('10.0.0.4')])])).toEqual(['http://10.0.0.4:8080']);
    expect(urls([slice([unready, deaf])])).toEqual([]);
  });
});

describe('endpoints in more than one slice', () => {
  it('are one target', () => {
    expect(urls([slice([pod('10.0.0.1'), pod('10.0.0.2')]), slice([pod('10.0.0.2')])])).toEqual([
      'http://10.0.0.1:8080',
      'http://10.0.0.2:8080',
    ]);
  });

  it.each([[[true, false]], [[false, true]]])('are ready where one says so: %j', (states) => {
    const slices = states.map((ready) => slice([pod('10.0.0.1', { ready, serving: true, terminating: !ready })]));
    expect(urls(slices)).toEqual(['http://10.0.0.1:8080']);
  });

  it('are two where their ports differ', () => {
    const other = slice([pod('10.0.0.1')], { ports: [{ name: 'http', port: 9090 }] });
    expect(urls([slice([pod('10.0.0.1')]), other])).toEqual(['http://10.0.0.1:8080', 'http://10.0.0.1:9090']);
  });
});

describe('addresses', () => {
  const v4 = slice([pod('10.0.0.1')]);
  const v6 = slice([pod('fd00::1')], { addressType: 'IPv6' });
  const name = slice([pod('users.example.com')], { addressType: 'FQDN' });

  it('of IPv6 stand in brackets, and names as they are', () => {
    expect(urls([v6, name])).toEqual(['http://[fd00::1]:8080', 'http://users.example.com:8080']);
  });

  it('of one family are used, be both there', () => {
    expect(urls([v6, v4])).toEqual(['http://10.0.0.1:8080']);
    expect(urls([v4, v6], { family: 'IPv6' })).toEqual(['http://[fd00::1]:8080']);
    expect(urls([v6], { family: 'IPv4' })).toEqual([]);
  });

  it('do not turn to the other family when one has an empty moment', () => {
    expect(urls([slice(null), v6])).toEqual([]);
  });

  it('are the first of an endpoint, since all of them are the same pod', () => {
    expect(urls([slice([{ addresses: ['10.0.0.1', '10.0.0.2'] }])])).toEqual(['http://10.0.0.1:8080']);
  });

  it.each<[string, unknown]>([
    ['IPv4', 'fd00::1'],
    ['IPv4', 'evil.example'],
    ['IPv4', '10.0.0.1/admin?x='],
    ['IPv4', 'user@10.0.0.1'],
    ['IPv4', 10],
    ['IPv6', '10.0.0.1'],
    ['IPv6', 'fe80::1%eth0'],
    ['FQDN', 'a.example/path#'],
    ['FQDN', 'user:secret@a.example'],
    ['FQDN', '127.1'],
    ['FQDN', ''],
    ['Unix', '/run/users.sock'],
    ['__proto__', '10.0.0.1'],
  ])('of type %s are not %j', (addressType, address) => {
    expect(urls([slice([{ addresses: [address] }], { addressType })])).toEqual([]);
  });
});

describe('ports', () => {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'any', port: null },
    { name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'http' },
    { name: 'admin', port: 8443, appProtocol: 'https' },
  ];
  const one = slice([pod('10.0.0.1')], { ports });

  it.each<[SliceOptions, string]>([
    [{}, 'http://10.0.0.1:8080'],
    [{ port: 'http' }, 'http://10.0.0.1:8080'],
    [{ port: 'admin' }, 'https://10.0.0.1:8443'],
    [{ port: 8443 }, 'https://10.0.0.1:8443'],
    [{ port: 'admin', protocol: 'http' }, 'http://10.0.0.1:8443'],
    [{ protocol: 'https' }, 'https://10.0.0.1:8080'],
  ])('with %j: %s', (options, url) => {
    expect(urls([one], options)).toEqual([url]);
  });

  it.each<[string | number]>([['dns'], ['any'], [53], ['8080'], ['grpc']])('there is no port %j', (port) => {
    expect(readSlice(one, { port })).toMatchObject({ endpoints: [], lacksPort: true });
  });

  it('by number need not be declared where a service declares none', () => {
    expect(urls([slice([pod('10.0.0.1')], { ports: null })], { port: 3000 })).toEqual(['http://10.0.0.1:3000']);
    expect(readSlice(slice([pod('10.0.0.1')], { ports: [] }), {}).lacksPort).toBe(true);
  });

  it('are not missed where nobody is there', () => {
    expect(readSlice(slice(null, { ports: null }), { port: 'http' }).lacksPort).toBe(false);
  });
});

describe('zones', () => {
  const both = slice([pod('10.0.0.1', {}, { zone: 'a' }), pod('10.0.0.2', {}, { zone: 'b' }), pod('10.0.0.3')]);

  it('are told, and left out where there is none', () => {
    expect(targets([both])).toEqual([
      { url: 'http://10.0.0.1:8080', zone: 'a' },
      { url: 'http://10.0.0.2:8080', zone: 'b' },
      { url: 'http://10.0.0.3:8080' },
    ]);
  });

  it('that are named are the only ones', () => {
    expect(targets([both], { zones: ['b', 'c'] })).toEqual([{ url: 'http://10.0.0.2:8080', zone: 'b' }]);
  });

  it('in the hints are left alone', () => {
    const hinted = pod('10.0.0.1', {}, { zone: 'a', hints: { forZones: [{ name: 'b' }] } });
    expect(targets([slice([hinted])])).toEqual([{ url: 'http://10.0.0.1:8080', zone: 'a' }]);
  });
});

describe('what is no slice', () => {
  it.each([
    [null],
    ['text'],
    [7],
    [[]],
    [{}],
    [{ addressType: 'IPv4', ports: 'none', endpoints: 'none' }],
    [slice([null, 7, 'text', {}, { addresses: null }, { addresses: [null] }, { addresses: [{}] }])],
    [slice([pod('10.0.0.1')], { ports: [null, 7, { port: '8080' }] })],
  ])('has no targets: %j', (garbage) => {
    expect(mergeSlices([readSlice(garbage, {})], undefined)).toEqual([]);
  });
});
