import { describe, expect, it } from 'vitest';
import { basic } from '../../../src/auth/basic/basic.js';
import { inspectBasicOptions, type BasicOptions } from '../../../src/auth/basic/options.js';
import { ConfigError, type Fault } from '../../../src/core/options.js';

const HASH = `$scrypt$ln=10,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
const ADA = { username: 'ada', passwordHash: HASH };

function errorOf(options: unknown): ConfigError {
  try {
    basic(options as BasicOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no fault was found');
}

describe('options of basic', () => {
  it.each([{}, { users: [ADA], verify: () => null }])('need users or verify, and not both: %o', (options) => {
    expect(errorOf(options).message).toContain('needs users or verify, and only one of them');
  });

  it('name every fault at its path', () => {
    const options = {
      users: [
        { passwordHash: HASH, role: 'admin' },
        { ...ADA, roles: 'admin', scopes: ['a b'] },
      ],
      verify: 'ldap',
      cacheTtlMs: -1,
      cacheSize: 0,
      maxConcurrent: 0,
      maxQueue: -1,
      realm: 'here',
    };
    expect(errorOf(options).faults.map(({ path }) => path)).toEqual([
      'users[0].role',
      'users[0].username',
      'users[1].roles',
      'users[1].scopes[0]',
      'verify',
      'cacheTtlMs',
      'cacheSize',
      'maxConcurrent',
      'maxQueue',
      'realm',
      'options',
    ]);
    expect(errorOf({ users: [] }).faults.map(({ path }) => path)).toEqual(['users']);
  });

  it.each(['', 'a:b', 'a\0', 'a\n', 'a\x7f', 7])('refuse the user name %j', (username) => {
    expect(errorOf({ users: [{ ...ADA, username }] }).faults.map(({ path }) => path)).toEqual(['users[0].username']);
  });

  it.each([
    ['in the place of a hash', { username: 'ada', passwordHash: 'planted' }],
    ['under its own name', { username: 'ada', password: 'planted' }],
  ])('refuse a plain password %s, and say what to write', (_, user) => {
    const { message } = errorOf({ users: [user] });
    expect(message).toContain('users[0].passwordHash');
    expect(message).toContain('hashPassword(password)');
    expect(message).not.toContain('planted');
  });

  it.each([
    ['users', { users: 'ada:planted' }],
    ['a user', { users: ['ada:planted'] }],
    ['a name', { users: [{ ...ADA, username: 'ada:planted' }] }],
    ['a hash of another kind', { users: [{ ...ADA, passwordHash: '$2b$10$planted' }] }],
  ])('show no secret that stands in the place of %s', (_, options) => {
    const { message } = errorOf(options);
    expect(message).toContain('is not shown');
    expect(message).not.toContain('planted');
  });

  it('refuse a name that two users have', () => {
    expect(errorOf({ users: [ADA, { ...ADA, username: 'bob' }, ADA] }).faults).toEqual([
      { path: 'users[2].username', message: 'is the same as users[0].username' },
    ]);
  });

  it('stand at their place in a config of others', () => {
    const faults: Fault[] = [];
    inspectBasicOptions({}, 'auth.basic', faults);
    inspectBasicOptions({ users: [ADA, ADA] }, 'auth.basic', faults);
    expect(faults.map(({ path }) => path)).toEqual(['auth.basic', 'auth.basic.users[1].username']);
  });
});
