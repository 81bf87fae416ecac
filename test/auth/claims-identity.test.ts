import { describe, expect, it } from 'vitest';
import { claim, compileIdentity, type Claims } from '../../src/auth/claims-identity.js';

const identityOf = compileIdentity('jwt', {});

/** Claims as they come out of a token, where `__proto__` is a name like any other. */
function parsed(json: string): Claims {
  return JSON.parse(json) as Claims;
}

describe('compileIdentity', () => {
  it('reads the usual claims', () => {
    const claims = { sub: 'ada', scope: 'read  write', roles: ['admin', 'dev'], tenant: 't1', azp: 'shop' };
    expect(identityOf(claims)).toEqual({
      ...{ id: 'ada', scheme: 'jwt', claims, scopes: ['read', 'write'], roles: ['admin', 'dev'] },
      ...{ tenant: 't1', consumer: 'shop' },
    });
  });

  it('has neither scopes, roles, tenant nor consumer where the claims have none', () => {
    expect(identityOf({ sub: 'ada' })).toEqual({
      ...{ id: 'ada', scheme: 'jwt', claims: { sub: 'ada' }, scopes: [], roles: [] },
    });
  });

  it('is frozen, with its lists', () => {
    const identity = identityOf({ sub: 'ada', scope: 'read', roles: ['admin'] });
    for (const part of [identity, identity?.scopes, identity?.roles]) expect(Object.isFrozen(part)).toBe(true);
    expect(Object.isFrozen(identityOf({ sub: 'ada' })?.scopes)).toBe(true);
  });

  it('leaves the lists of the claims alone', () => {
    const claims = { sub: 'ada', roles: ['admin'] };
    identityOf(claims);
    claims.roles.push('dev');
    expect(claims.roles).toEqual(['admin', 'dev']);
  });

  it.each<[unknown, string]>([
    ['ada', 'ada'],
    [7, '7'],
    [0, '0'],
    [-1, '-1'],
    [' ', ' '],
    ['__proto__', '__proto__'],
    ['a'.repeat(255), 'a'.repeat(255)],
  ])('takes %j for an id', (sub, id) => {
    expect(identityOf({ sub })?.id).toBe(id);
  });

  it.each([['', 'a'.repeat(256), null, true, 1.5, NaN, Infinity, 2 ** 53, {}, [], ['ada'], { toString: () => 'ada' }]])(
    'takes no %j for one',
    (...values) => {
      for (const sub of values) expect(identityOf({ sub })).toBeNull();
    },
  );

  it('takes the first name that is there, be its value no id', () => {
    expect(identityOf({ userId: 'u', client_id: 'c' })).toMatchObject({ id: 'u', consumer: 'c' });
    expect(identityOf({ client_id: 'c' })).toMatchObject({ id: 'c', consumer: 'c' });
    expect(identityOf({ sub: null, userId: 'u' })).toBeNull();
    expect(identityOf({ sub: '', userId: 'u' })).toBeNull();
    expect(identityOf({ sub: undefined, userId: 'u' })?.id).toBe('u');
  });

  it('knows nobody by what every object inherits', () => {
    expect(identityOf({})).toBeNull();
    for (const idClaim of ['constructor', '__proto__', 'toString.name', 'constructor.name']) {
      expect(compileIdentity('jwt', { idClaim })({ sub: 'ada' })).toBeNull();
    }
    const inherited = Object.create({ sub: 'root' }) as Claims;
    expect(identityOf(inherited)).toBeNull();
    expect(identityOf(parsed('{"__proto__":{"sub":"root"}}'))).toBeNull();
  });

  it('gives no roles by a polluted name', () => {
    expect(identityOf(parsed('{"sub":"ada","__proto__":{"roles":["admin"],"scope":"all"}}'))).toMatchObject({
      roles: [],
      scopes: [],
    });
  });

  it.each<[unknown, string[], string[]]>([
    ['a b', ['a', 'b'], ['a b']],
    [' a\t b\n', ['a', 'b'], [' a\t b\n']],
    ['', [], []],
    [' ', [], [' ']],
    [
      ['a', 'b c', ''],
      ['a', 'b c'],
      ['a', 'b c'],
    ],
    [['a', 1, null, ['b'], { c: 1 }], ['a'], ['a']],
    [7, [], []],
    [true, [], []],
    [null, [], []],
    [{ 0: 'a', length: 1 }, [], []],
  ])('reads %j as the scopes %j and the roles %j', (value, scopes, roles) => {
    expect(identityOf({ sub: 'ada', scope: value, roles: value })).toMatchObject({ scopes, roles });
  });

  it.each([['', {}, [], true, null, 'a'.repeat(256)]])('has no tenant and no consumer of %j', (...values) => {
    for (const value of values) {
      const identity = identityOf({ sub: 'ada', tenant: value, azp: value });
      expect(identity).not.toHaveProperty('tenant');
      expect(identity).not.toHaveProperty('consumer');
    }
  });

  it('takes names of its own in the place of the usual ones', () => {
    const own = compileIdentity('jwt', {
      idClaim: 'oid',
      scopesClaim: ['permissions', 'scope'],
      rolesClaim: 'realm_access.roles',
      tenantClaim: 'org.id',
      consumerClaim: 'app',
    });
    const claims = {
      ...{ oid: 'o', sub: 's', permissions: ['p'], scope: 'q', app: 'a', azp: 'z', tid: 't' },
      ...{ realm_access: { roles: ['r'] }, roles: ['no'], org: { id: 3 } },
    };
    expect(own(claims)).toMatchObject({ id: 'o', scopes: ['p'], roles: ['r'], tenant: '3', consumer: 'a' });
    expect(own({ sub: 's' })).toBeNull();
  });
});

describe('claim', () => {
  it('prefers a claim of that very name to a way through objects', () => {
    expect(claim({ 'https://shop.test/roles': 'a', 'b.c': 1, b: { c: 2 } }, 'https://shop.test/roles')).toBe('a');
    expect(claim({ 'b.c': 1, b: { c: 2 } }, 'b.c')).toBe(1);
    expect(claim({ b: { c: 2 } }, 'b.c')).toBe(2);
  });

  it.each(['a.b', 'a.b.c', '', '.', 'a.', '.a', 's.length', 'n.toFixed', 'x.y.constructor', 'x.__proto__.y'])(
    'finds nothing by %j',
    (name) => {
      expect(claim({ a: null, s: 'text', n: 7, x: { y: {} } }, name)).toBeUndefined();
    },
  );

  it('finds a claim that is called as nothing else may be', () => {
    expect(claim(parsed('{"__proto__":{"a":1}}'), '__proto__.a')).toBe(1);
    expect(claim({ '': 'empty' }, '')).toBe('empty');
  });
});
