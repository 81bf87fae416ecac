import { describe, expect, it } from 'vitest';
import { authenticate } from '../../src/auth/middleware.js';
import type { AuthenticateOptions } from '../../src/auth/authenticate-options.js';
import { ConfigError } from '../../src/core/options.js';
import { fakeStrategy } from './fake-strategy.js';

const strategy = fakeStrategy(() => null);

/** Every fault as `path: message`. */
function faultsOf(...given: readonly unknown[]): string[] {
  try {
    authenticate(...(given as [AuthenticateOptions]));
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).faults.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

function pathsOf(...given: readonly unknown[]): string[] {
  return faultsOf(...given).map((fault) => fault.slice(0, fault.indexOf(': ')));
}

describe('the options of authenticate', () => {
  it.each<[string, unknown[]]>([
    ['strategies', [strategy, strategy]],
    ['strategies in options', [{ strategies: [strategy] }]],
    ['an instance of a class', [Object.assign(Object.create({ close: () => undefined }) as object, strategy)]],
    ['a strategy without sources', [fakeStrategy(() => null, { sources: [] })]],
    [
      'every option',
      [
        {
          strategies: [strategy],
          ...{ mode: 'optional', realm: 'my shop', invalidTokenStatus: 403, forwardCredentials: false },
          identityHeaders: { claims: { 'x-user-email': 'email' }, internalToken: { secret: 's'.repeat(32) } },
        },
      ],
    ],
    ['no identity headers', [{ strategies: [strategy], identityHeaders: false }]],
  ])('may be %s', (_case, given) => {
    expect(faultsOf(...given)).toEqual([]);
  });

  it.each<[string, unknown[], string[]]>([
    ['nothing', [], ['strategies']],
    ['null', [null], ['strategies[0]']],
    ['undefined', [undefined], ['strategies[0]']],
    ['a text', ['jwt'], ['strategies[0]']],
    ['a function', [() => null], ['strategies[0]']],
    ['no strategies', [{}], ['strategies']],
    ['an empty list', [{ strategies: [] }], ['strategies']],
    ['a misspelt name', [{ strategy: [strategy] }], ['strategy', 'strategies']],
    ['options beside a strategy', [{ strategies: [strategy] }, strategy], ['strategies[0]']],
    ['a strategy beside options', [strategy, { strategies: [strategy] }], ['strategies[1]']],
    ['a strategy with a scheme that is two words', [fakeStrategy(() => null, { scheme: 'a b' })], ['strategies[0]']],
    ['a strategy that ends a line', [fakeStrategy(() => null, { scheme: 'a\r\nb' })], ['strategies[0]']],
    ['a strategy without authenticate', [{ ...strategy, authenticate: undefined }, strategy], ['strategies[0]']],
    ['a strategy without sources', [{ ...strategy, sources: undefined }], ['strategies[0]']],
    ['a close that is no function', [{ ...strategy, close: true }], ['strategies[0]']],
    [
      'a source that would keep nothing from the upstream',
      [{ ...strategy, sources: [{ header: 'Authorization' }, { heder: 'x' }, 'x'] }],
      ['strategies[0].sources[0].header', 'strategies[0].sources[1].heder', 'strategies[0].sources[2]'],
    ],
    [
      'several faults at once',
      [
        {
          strategies: [strategy],
          ...{ mode: 'none', realm: 'a"b', invalidTokenStatus: 400, forwardCredentials: 'no', identityHeader: false },
        },
      ],
      ['mode', 'realm', 'invalidTokenStatus', 'forwardCredentials', 'identityHeader'],
    ],
    ['identity headers that are none', [{ strategies: [strategy], identityHeaders: 'all' }], ['identityHeaders']],
    [
      'a header that others write',
      [{ strategies: [strategy], identityHeaders: { claims: { 'x-user-id': 'email', X_Email: 'email' } } }],
      ['identityHeaders.claims["x-user-id"]', 'identityHeaders.claims.X_Email'],
    ],
  ])('may not be %s', (_case, given, paths) => {
    expect(pathsOf(...given)).toEqual(paths);
  });

  it('names what was meant', () => {
    expect(faultsOf({ strategys: [strategy] })[0]).toContain('did you mean strategies?');
  });

  it('shows no secret of an internal token', () => {
    const weak = { secret: 'planted' };
    const faults = faultsOf({ strategies: [strategy], identityHeaders: { internalToken: weak } });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^identityHeaders\.internalToken\.secret: /);
    expect(faults[0]).not.toContain('planted');
  });
});
