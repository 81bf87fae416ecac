import { describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { staticSource } from '../../src/discovery/index.js';

describe('staticSource', () => {
  it('tells its targets once, after it has returned', async () => {
    const onTargets = vi.fn();
    staticSource(['http://a.test', { url: 'http://b.test', weight: 2 }]).subscribe(onTargets, vi.fn());
    expect(onTargets).not.toHaveBeenCalled();
    await Promise.resolve();
    expect(onTargets.mock.calls).toEqual([[[{ url: 'http://a.test' }, { url: 'http://b.test', weight: 2 }]]]);
  });

  it('tells nothing after its end', async () => {
    const onTargets = vi.fn();
    staticSource(['http://a.test']).subscribe(onTargets, vi.fn())();
    await Promise.resolve();
    expect(onTargets).not.toHaveBeenCalled();
  });

  it.each([
    [[], 'targets: got an empty list'],
    [['ftp://a.test'], 'targets[0]: got "ftp://a.test"'],
    [['http://a.test', 'http://A.test:80/'], 'targets[1]: http://a.test is targets[0] already'],
    [[{ url: 'http://a.test', weight: 0 }], 'targets: every weight is 0'],
    [[{ url: 'http://a.test', weight: -1 }, 7], 'targets[0].weight: got -1'],
    ['http://a.test', 'targets: got "http://a.test"'],
  ])('refuses %o', (targets, fault) => {
    const create = () => staticSource(targets as string[]);
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(fault);
  });
});
