import { describe, expect, it } from 'vitest';
import { inspect, type Fault } from '../../src/core/options.js';
import { compileViewers, viewersField, type Viewers } from '../../src/core/viewers.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

function maySee(viewers: Viewers, request: FakeRequestOptions): boolean {
  return compileViewers(viewers)(fakeContext(request));
}

describe('compileViewers', () => {
  it.each([
    [true, '203.0.113.7', true],
    [false, '127.0.0.1', false],
    [['loopback'], '127.0.0.1', true],
    [['loopback'], '::1', true],
    [['loopback'], '10.0.0.1', false],
    [['10.0.0.0/8', 'fd00::/8'], '10.9.9.9', true],
    [['10.0.0.0/8', 'fd00::/8'], 'fd00::1', true],
    [['10.0.0.0/8'], '', false],
  ] as const)('%j shows it to %s: %s', (viewers, clientIp, shown) => {
    expect(maySee(viewers, { clientIp })).toBe(shown);
  });

  it('asks a function', () => {
    const operators: Viewers = ({ request }) => request.headers['x-operator'] === 'yes';
    expect(maySee(operators, { headers: { 'x-operator': 'yes' } })).toBe(true);
    expect(maySee(operators, {})).toBe(false);
  });

  it.each(['x-forwarded-for', 'forwarded'])('shows it to nobody behind a proxy that nobody vouches for: %s', (name) => {
    expect(maySee(['loopback'], { clientIp: '127.0.0.1', headers: { [name]: '203.0.113.7' } })).toBe(false);
  });

  it('shows it to a client whose address trusted proxies vouch for', () => {
    const behind = {
      clientIp: '10.0.0.9',
      forwardedFor: '10.0.0.9, 10.0.0.1',
      headers: { 'x-forwarded-for': '10.0.0.9' },
    };
    expect(maySee(['uniquelocal'], behind)).toBe(true);
  });
});

describe('viewersField', () => {
  it.each([[true], [false], [['loopback', '10.0.0.0/8']], [() => true]])('takes %j', (viewers) => {
    expect(faultsOf(viewers)).toEqual([]);
  });

  it.each([['loopback'], [[]], [['10.0.0.0/33']], [[1]], [null], [{}]])('does not take %j', (viewers) => {
    expect(faultsOf(viewers)).toHaveLength(1);
  });
});

function faultsOf(viewers: unknown): Fault[] {
  const faults: Fault[] = [];
  inspect(viewersField, viewers, 'details', faults);
  return faults;
}
