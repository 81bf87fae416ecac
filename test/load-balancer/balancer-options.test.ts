import { describe, expect, it } from 'vitest';
import { ConfigError, type Fault } from '../../src/core/options.js';
import { inspectLoadBalancerOptions } from '../../src/load-balancer/balancer-options.js';
import { LoadBalancer } from '../../src/load-balancer/index.js';

function faultsOf(options: object): Record<string, string> {
  try {
    new LoadBalancer(options);
  } catch (error) {
    if (error instanceof ConfigError)
      return Object.fromEntries(error.faults.map(({ path, message }) => [path, message]));
    throw error;
  }
  return {};
}

describe('the options of LoadBalancer', () => {
  it.each([
    {},
    { targets: [] },
    { balance: 'p2c-ewma', zone: 'eu-west-1a', panicThreshold: 0, slowStartMs: 0 },
    { balance: { strategy: 'consistent-hash', by: { header: 'x-user' }, maxLoad: Infinity } },
    { balance: { strategy: 'ip-hash', maxLoad: 1 } },
    { balance: { strategy: 'p2c-ewma', decayMs: 500 } },
  ])('may be %j', (options) => {
    expect(faultsOf(options)).toEqual({});
  });

  it('tell every fault at once, each with its path', () => {
    const faults = faultsOf({
      targets: ['http://a', { url: 'ftp://b', weight: -1 }],
      balance: 'round-robbin',
      zone: '',
      panicThreshold: 25,
      slowStart: 5,
      clock: {},
    });
    expect(Object.keys(faults).sort()).toEqual(
      ['balance', 'clock', 'panicThreshold', 'slowStart', 'targets[1].url', 'targets[1].weight', 'zone'].sort(),
    );
    expect(faults.slowStart).toContain('did you mean slowStartMs?');
    expect(faults.balance).toContain("'round-robin'");
  });

  it.each([
    ['targets', 'http://a', 'a list of targets'],
    ['targets', [{ url: 'http://a', weight: 0 }], 'every weight is 0'],
    ['targets[1]', ['http://a', 'http://a/'], 'targets[0] already'],
    ['targets[0]', ['http://user:secret@a'], 'without user'],
  ])('want in %s no %j', (path, targets, message) => {
    const faults = faultsOf({ targets });
    expect(faults[path]).toContain(message);
    expect(JSON.stringify(faults)).not.toContain('secret');
  });

  it.each([
    ['by', { strategy: 'ip-hash', by: 'host' }],
    ['by', { strategy: 'round-robin', by: 'ip' }],
    ['maxLoad', { strategy: 'random', maxLoad: 2 }],
    ['decayMs', { strategy: 'consistent-hash', decayMs: 2 }],
  ])('refuse %s beside a strategy that has no use for it', (name, balance) => {
    expect(faultsOf({ balance })[`balance.${name}`]).toContain('has no effect without strategy');
  });

  it.each([
    ['balance.strategy', {}],
    ['balance.strategy', { strategy: 'fair' }],
    ['balance.maxLoad', { strategy: 'consistent-hash', maxLoad: 0.9 }],
    ['balance.maxLoad', { strategy: 'consistent-hash', maxLoad: NaN }],
    ['balance.by', { strategy: 'consistent-hash', by: 'session' }],
  ])('find the fault at %s of %j', (path, balance) => {
    expect(Object.keys(faultsOf({ balance }))).toEqual([path]);
  });

  it('tell the fault at the path where a config has them', () => {
    const faults: Fault[] = [];
    inspectLoadBalancerOptions({ panicThreshold: 2 }, 'upstreams.users', faults);
    expect(faults.map(({ path }) => path)).toEqual(['upstreams.users.panicThreshold']);
  });
});
