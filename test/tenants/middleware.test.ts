import { describe, expect, it } from 'vitest';
import { compose } from '../../src/core/compose.js';
import { ConfigError, string, type Fault } from '../../src/core/options.js';
import type { GatewayResponse, Handler, Identity } from '../../src/core/types.js';
import { rateLimit } from '../../src/rate-limiter/index.js';
import { tenants, type TenantsOptions } from '../../src/tenants/index.js';
import { describeTenants, inspectTenantsOf } from '../../src/tenants/options.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

function answering(body: string): Handler {
  return () => ({ status: 200, headers: {}, body });
}

const two = { acme: { to: answering('acme') }, umbrella: { to: answering('umbrella') } };
const byHeader = { by: { header: 'x-tenant' }, tenants: two };

function identity(rest: Partial<Identity> = {}): Identity {
  return { id: 'ann', scheme: 'jwt', claims: {}, scopes: [], roles: [], ...rest };
}

function run(options: TenantsOptions, request: FakeRequestOptions = {}, caller: Identity | null = null) {
  const ctx = fakeContext(request);
  ctx.identity = caller;
  const response = tenants(options)(ctx) as GatewayResponse;
  ctx.completeAnswer(response.headers);
  return { ctx, response, chosen: ctx.refusal ?? response.body };
}

const UNKNOWN = 'ERR_GATEWAY_TENANT_UNKNOWN';
const FORBIDDEN = 'ERR_GATEWAY_FORBIDDEN';

describe('tenants', () => {
  it('chooses by a header, and writes the tenant down', () => {
    const { ctx, chosen } = run(byHeader, { headers: { 'x-tenant': 'umbrella' } });
    expect([chosen, ctx.tenant]).toEqual(['umbrella', 'umbrella']);
  });

  it('chooses by the path', () => {
    const ctx = fakeContext({ url: '/t/acme/users' });
    ctx.params = { tenant: 'acme' };
    expect(tenants({ by: { param: 'tenant' }, tenants: two })(ctx)).toMatchObject({ body: 'acme' });
  });

  it('chooses by what authentication has proven', () => {
    expect(run({ by: 'tenant', tenants: two }, {}, identity({ tenant: 'acme' })).chosen).toBe('acme');
    expect(run({ by: { claim: 'org' }, tenants: two }, {}, identity({ claims: { org: 'acme' } })).chosen).toBe('acme');
    expect(run({ by: { claim: 'org' }, tenants: two }).chosen).toBe(UNKNOWN);
  });

  describe('by host', () => {
    const options: TenantsOptions = {
      by: 'host',
      tenants: {
        acme: { to: answering('acme'), hosts: ['Acme.example.com', '*.acme.example.com'] },
        shop: { to: answering('shop'), hosts: ['shop.acme.example.com', '*.shop.acme.example.com'] },
        other: { to: answering('other'), hosts: ['*.example.com'] },
      },
    };

    it.each([
      ['acme.example.com', 'acme'],
      ['ACME.example.COM:8443', 'acme'],
      ['acme.example.com.', 'acme'],
      ['acme.example.com.:80', 'acme'],
      ['www.acme.example.com', 'acme'],
      ['a.b.acme.example.com', 'acme'],
      ['shop.acme.example.com', 'shop'],
      ['eu.shop.acme.example.com', 'shop'],
      ['umbrella.example.com', 'other'],
      ['notacme.example.com', 'other'],
      ['example.com', UNKNOWN],
      ['*.example.org', UNKNOWN],
      ['acme', UNKNOWN],
      ['[::1]:80', UNKNOWN],
      ['__proto__', UNKNOWN],
      ['.', UNKNOWN],
      ['', UNKNOWN],
    ])('%j is of %s', (host, expected) => {
      expect(run(options, { host }).chosen).toBe(expected);
    });

    it('a host is no id', () => {
      const { tenants: all } = options;
      expect(run({ by: 'host', tenants: all }, { host: 'other' }).chosen).toBe(UNKNOWN);
    });

    it("a host of nobody's leaves the word to the next source", () => {
      const both: TenantsOptions = { ...options, by: ['host', { header: 'x-tenant' }] };
      const headers = { 'x-tenant': 'shop' };
      expect(run(both, { host: 'example.org', headers }).chosen).toBe('shop');
      expect(run(both, { host: 'acme.example.com', headers }).chosen).toBe('acme');
    });
  });

  it.each(['ACME', 'acme ', '__proto__', 'constructor', 'hasOwnProperty', 'acme\0', 'acme, umbrella'])(
    'ids are exact: %j is no tenant',
    (id) => {
      expect(run(byHeader, { headers: { 'x-tenant': id } }).chosen).toBe(UNKNOWN);
    },
  );

  it('a tenant may have the name of what every object has', () => {
    const all = Object.fromEntries(['__proto__', 'constructor'].map((id) => [id, { to: answering(id) }]));
    const headers = { 'x-tenant': '__proto__' };
    expect(run({ ...byHeader, tenants: all }, { headers }).ctx.tenant).toBe('__proto__');
  });

  it('a request that names none gets the default, and one for an unknown tenant never', () => {
    const options = { ...byHeader, default: 'acme' };
    expect(run(options).chosen).toBe('acme');
    expect(run(options, { headers: { 'x-tenant': 'other' } }).chosen).toBe(UNKNOWN);
  });

  it('refuses with 404 and says neither which tenants there are nor what the client sent', () => {
    const { ctx, response } = run(byHeader, { headers: { 'x-tenant': `evil${'x'.repeat(500)}` } });
    expect([response.status, ctx.tenant]).toEqual([404, null]);
    expect(response.body).not.toMatch(/acme|umbrella|evil/);
    expect(ctx.reason).toMatch(/^tenant "evilx{40,60}\.\.\." is unknown$/);
    expect(run(byHeader).ctx.reason).toBe('the request names no tenant');
  });

  describe('of a caller whose identity has a tenant', () => {
    const caller = identity({ tenant: 'acme' });
    const asking = (id: string): FakeRequestOptions => ({ headers: { 'x-tenant': id } });

    it('lets requests for it pass', () => {
      expect(run(byHeader, asking('acme'), caller).chosen).toBe('acme');
    });

    it('refuses those for another with 403, be there such a tenant or not, in the same words', () => {
      const [known, unknown] = ['umbrella', 'nobodys'].map((id) => run(byHeader, asking(id), caller));
      expect([known?.chosen, known?.response.status]).toEqual([FORBIDDEN, 403]);
      expect(unknown?.response).toEqual(known?.response);
      expect(known?.ctx.tenant).toBeNull();
      expect(known?.ctx.reason).toBe(`tenant "umbrella" is not the caller's`);
    });

    it('refuses the default where that is another', () => {
      expect(run({ ...byHeader, default: 'umbrella' }, {}, caller).chosen).toBe(FORBIDDEN);
    });

    it('lets requests for others pass where that is said', () => {
      expect(run({ ...byHeader, mustMatchIdentity: false }, asking('umbrella'), caller).chosen).toBe('umbrella');
    });

    it('says nothing of callers without one', () => {
      expect(run(byHeader, asking('umbrella')).chosen).toBe('umbrella');
      expect(run(byHeader, asking('umbrella'), identity()).chosen).toBe('umbrella');
    });

    it('a tenant without a name is another one', () => {
      expect(run(byHeader, asking('umbrella'), identity({ tenant: '' })).chosen).toBe(FORBIDDEN);
    });
  });

  it('a limit of one tenant is not that of another', async () => {
    const clock = new FakeClock();
    const limited = (limit: number) =>
      compose([rateLimit({ windowMs: 1_000, limit, key: () => 'all', clock })], answering('ok'));
    const handler = tenants({ ...byHeader, tenants: { acme: { to: limited(1) }, umbrella: { to: limited(2) } } });
    const statuses: number[] = [];
    for (const id of ['acme', 'acme', 'umbrella', 'umbrella', 'umbrella'])
      statuses.push((await handler(fakeContext({ headers: { 'x-tenant': id } }, { clock }))).status);
    expect(statuses).toEqual([200, 429, 200, 200, 429]);
  });

  it('is a plain tail call', () => {
    const answer: GatewayResponse = { status: 200, headers: Object.freeze({}), body: null };
    const handler = tenants({ by: { query: 't' }, tenants: { a: { to: () => answer } }, default: 'a' });
    expect(handler(fakeContext())).toBe(answer);
  });

  it('answers vary by what the client chooses with, refusals included', () => {
    const by = [{ header: 'x-tenant' }, { cookie: 't' }, { accept: 'tenant' }, { query: 't' }, 'tenant'] as const;
    const { response } = run({ by, tenants: two });
    expect([response.status, response.headers.vary]).toEqual([404, 'x-tenant, Cookie, Accept']);
    const ctx = fakeContext({ headers: { 'x-tenant': 'acme' } });
    ctx.setAnswerHeader('vary', 'Origin');
    void tenants(byHeader)(ctx);
    expect(ctx.answerHeaders?.vary).toBe('Origin, x-tenant');
  });
});

describe('the options of tenants', () => {
  const to = answering('');

  function faultsOf(options: unknown): string[] {
    try {
      tenants(options as TenantsOptions);
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
      throw error;
    }
    return [];
  }

  it.each<[unknown, unknown[]]>([
    [undefined, ['options: got undefined, expected an object with by, tenants, default, mustMatchIdentity']],
    [{}, [expect.stringMatching(/^by: missing/), expect.stringMatching(/^tenants: missing/)]],
    [{ by: 'tenant', tenants: {} }, ['tenants: has no tenant']],
    [{ by: 'tenant', tenants: { '': { to } } }, ['tenants[""]: an id is not empty']],
    [
      { by: 'tenant', tenants: { a: null, b: {} } },
      [expect.stringMatching(/^tenants\.a: got/), expect.stringMatching(/^tenants\.b\.to: missing/)],
    ],
    [{ by: 'tenant', tenants: { acme: { to } }, default: 'acmee' }, ['default: is no tenant here; did you mean acme?']],
    [{ by: 'tenant', tenants: { a: { to } }, default: '__proto__' }, ['default: is no tenant here']],
    [{ by: 'host', tenants: { a: { to, hosts: ['x y'] } } }, [expect.stringMatching(/^tenants\.a\.hosts\[0\]: got/)]],
    [
      { by: 'host', tenants: { a: { to, hosts: [] } } },
      [expect.stringMatching(/^tenants\.a\.hosts: got an empty list/)],
    ],
    [
      { by: 'host', tenants: { a: { to, hosts: ['a.io:80'] } } },
      [expect.stringMatching(/^tenants\.a\.hosts\[0\]: got/)],
    ],
    [
      { by: 'host', tenants: { a: { to, hosts: ['a.io', 'A.io'] }, b: { to, hosts: ['*.a.io', 'a.IO'] } } },
      [
        'tenants.a.hosts[1]: is tenants.a.hosts[0] already; leave one out',
        'tenants.b.hosts[1]: is tenants.a.hosts[0] already; leave one out',
      ],
    ],
    [
      { by: 'tenant', tenants: { a: { to, hosts: ['a.io'] } } },
      ["tenants.a.hosts: is not looked at; put 'host' into by"],
    ],
    [
      { by: ['host'], tenants: { a: { to, hosts: ['a.io'] }, b: { to } } },
      ['tenants.b.hosts: missing: by host alone, no request is for this tenant'],
    ],
    [{ by: ['host', 'tenant'], tenants: { a: { to } } }, ["by: has 'host', and no tenant has hosts"]],
    [
      { by: 'hots', tenants: { a: { to } }, mustMatchIdentity: 1 },
      [expect.stringMatching(/^by: got "hots"/), expect.stringMatching(/^mustMatch/)],
    ],
  ])('%j are refused', (options, expected) => {
    expect(faultsOf(options)).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['the default needs no host', { by: 'host', tenants: { a: { to, hosts: ['a.io'] }, b: { to } }, default: 'b' }],
    ['nor does who has another way', { by: ['host', 'tenant'], tenants: { a: { to, hosts: ['a.io'] }, b: { to } } }],
    ['any value of a request will do', { by: [{ header: 'x' }, { claim: 'org' }, () => 'a'], tenants: { a: { to } } }],
  ])('%s', (_name, options) => {
    expect(faultsOf(options)).toEqual([]);
  });

  it('can be embedded with destinations of another kind', () => {
    const faults: Fault[] = [];
    inspectTenantsOf(string())({ by: 'tenant', tenants: { a: { to: 'a' }, b: { to } } }, 'routes[0].tenants', faults);
    expect(faults.map(({ path }) => path)).toEqual(['routes[0].tenants.tenants.b.to']);
  });

  it('are told in words', () => {
    expect(describeTenants({ by: ['host', { claim: 'org' }], tenants: two, default: 'acme' })).toBe(
      '2 by host or claim org, else acme',
    );
    expect(describeTenants({ by: 'tenant', tenants: two })).toBe('2 by tenant');
  });
});
