import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../src/core/context.js';
import { ConfigError, validate } from '../../src/core/options.js';
import {
  compileRequestValue,
  describeRequestValue,
  requestValueField,
  type RequestValue,
} from '../../src/core/request-value.js';
import type { Identity } from '../../src/core/types.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

const ann: Identity = {
  id: 'ann',
  scheme: 'jwt',
  claims: JSON.parse(
    '{"org":"acme","level":3,"none":0,"empty":"","admin":true,"list":["a"],"nothing":null,"__proto__":"own"}',
  ) as never,
  scopes: [],
  roles: [],
  tenant: 'acme',
};

function read(value: RequestValue, request: FakeRequestOptions = {}, identity: Identity | null = null): string | null {
  const ctx = fakeContext(request);
  ctx.identity = identity;
  return compileRequestValue(value)(ctx);
}

function accepting(accept: string | string[], name = 'version'): string | null {
  return read({ accept: name }, { headers: { accept } });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('compileRequestValue', () => {
  it("'ip' is the client's address", () => {
    expect(read('ip', { clientIp: '198.51.100.9' })).toBe('198.51.100.9');
    expect(read('ip', { clientIp: '' })).toBeNull();
  });

  it.each([
    ['Api.Example.COM', 'api.example.com'],
    ['api.example.com:8080', 'api.example.com'],
    ['api.example.com:', 'api.example.com'],
    ['api.example.com.', 'api.example.com'],
    ['api.example.com.:8080', 'api.example.com'],
    ['[2001:DB8::1]:8443', '[2001:db8::1]'],
    ['[2001:db8::1]', '[2001:db8::1]'],
    ['', null],
  ])("'host' of %j is %j", (host, expected) => {
    expect(read('host', { host })).toBe(expected);
  });

  it("'identity' and 'tenant' are what authentication has proven", () => {
    expect(read('identity', {}, ann)).toBe('ann');
    expect(read('tenant', {}, ann)).toBe('acme');
    expect(read('identity')).toBeNull();
    expect(read('tenant')).toBeNull();
    const { tenant: _tenant, ...alone } = ann;
    expect(read('tenant', {}, alone)).toBeNull();
  });

  it('what a client says of itself is not what is proven', () => {
    const headers = { 'x-user-id': 'eve', tenant: 'acme', 'x-tenant': 'acme' };
    expect(read('identity', { headers })).toBeNull();
    expect(read('tenant', { headers })).toBeNull();
    expect(read({ claim: 'org' }, { headers: { org: 'acme' }, url: '/?org=acme' })).toBeNull();
  });

  describe('{ header }', () => {
    it('has no case, and its value has', () => {
      expect(read({ header: 'X-Side' }, { headers: { 'x-side': 'Green' } })).toBe('Green');
    });

    it.each<[string, FakeRequestOptions['headers'], string | null]>([
      ['absent', {}, null],
      ['empty', { 'x-side': '' }, null],
      ['there twice in one line, as Node joins them', { 'x-side': 'a, b' }, 'a, b'],
      ['a list', { 'x-side': ['a', 'b'] }, 'a'],
      ['an empty list', { 'x-side': [] }, null],
    ])('that is %s', (_name, headers, expected) => {
      expect(read({ header: 'x-side' }, { headers: headers ?? {} })).toBe(expected);
    });
  });

  it.each([
    ['side=green', 'green'],
    ['a=b; side="green"; side=blue', 'green'],
    ['sidecar=x;side=green', 'green'],
    ['Side=green', null],
    ['side=', null],
    ['side', null],
    ['', null],
  ])('{ cookie } of %j is %j', (cookie, expected) => {
    expect(read({ cookie: 'side' }, { headers: { cookie } })).toBe(expected);
  });

  it.each([
    ['/?v=2', '2'],
    ['/?a=1&v=2&v=3', '2'],
    ['/?v=a%20b+c', 'a b c'],
    ['/?%76=2', '2'],
    ['/?v=%00', '\0'],
    ['/?v=%FF', '\ufffd'],
    ['/?v=%zz', '%zz'],
    ['/?v=', null],
    ['/?v', null],
    ['/?V=2', null],
    ['/?av=2', null],
    ['/?', null],
    ['/', null],
  ])('{ query } of %j is %j', (url, expected) => {
    expect(read({ query: 'v' }, { url })).toBe(expected);
  });

  it('{ query } may have any name', () => {
    const url = '/?__proto__=a&constructor=b&a%5Bb%5D=c&%C3%BC=d';
    const names = ['__proto__', 'constructor', 'a[b]', 'ü', 'toString'];
    expect(names.map((query) => read({ query }, { url }))).toEqual(['a', 'b', 'c', 'd', null]);
  });

  it('{ param } is of the route, and never of what every object has', () => {
    const ctx = fakeContext({ url: '/?id=9' });
    const names = ['id', 'empty', 'missing', 'constructor', '__proto__'];
    const all = (): (string | null)[] => names.map((param) => compileRequestValue({ param })(ctx));
    expect(all()).toEqual([null, null, null, null, null]);
    ctx.params = { id: '42', empty: '' };
    expect(all()).toEqual(['42', null, null, null, null]);
  });

  it.each([
    ['org', 'acme'],
    ['level', '3'],
    ['none', '0'],
    ['empty', null],
    ['admin', null],
    ['list', null],
    ['nothing', null],
    ['missing', null],
    ['constructor', null],
    ['__proto__', 'own'],
  ])('{ claim: %j } is %j', (claim, expected) => {
    expect(read({ claim }, {}, ann)).toBe(expected);
  });

  it('{ claim } is one of the identity itself', () => {
    const claims = Object.create({ org: 'acme' }) as Record<string, unknown>;
    expect(read({ claim: 'org' }, {}, { ...ann, claims })).toBeNull();
  });

  describe('{ accept }', () => {
    it.each([
      ['application/json;version=2', '2'],
      ['application/json; Version=2', '2'],
      ['application/json ; version = 2 ;x=1', '2'],
      ['application/json;version="2"', '2'],
      ['text/html, application/json;version=2', '2'],
      ['application/json;version=1, application/json;version=2', '1'],
      ['application/json;version=1;q=0.1, application/json;version=2', '2'],
      ['application/json;version=1;q=0, application/json;version=2', '2'],
      ['application/json;version=1;q=0', null],
      ['text/html;title="a;version=9", application/json;version=2', '2'],
      ['application/json;version="2\\""', '2"'],
      ['application/json;version=1;q=0.9, application/json;version=2;q=0.1', '1'],
      ['application/json;q=0.5;version=2', '2'],
      ['application/json;version=', null],
      ['application/json;version=""', null],
      ['application/json;version', null],
      ['application/json;versions=2', null],
      ['application/json;;=;version=2', '2'],
      ['version=2', null],
      ['*/*', null],
      [',;,=', null],
      ['', null],
    ])('of %j is %j', (accept, expected) => {
      expect(accepting(accept)).toBe(expected);
    });

    it('looks into every line of Accept', () => {
      expect(accepting(['text/html', 'application/json;version=2'])).toBe('2');
    });

    it('is none where there is no Accept', () => {
      expect(read({ accept: 'version' })).toBeNull();
    });

    it.each([
      ['application/json;version="', 'a"'],
      ['', 'a;version;'],
      ['a', ';='],
      ['"', '\\"'],
      ['', '",'],
    ])('reads %j and a million of %j: a step more for each would never end', (start, part) => {
      expect(() => accepting(start + part.repeat(1_000_000))).not.toThrow();
    });
  });

  describe('a function', () => {
    it('has its own word, if it is a text', () => {
      expect(read(({ request }) => request.method)).toBe('GET');
      for (const other of ['', null, undefined, 5, true, {}, ['a']]) expect(read(() => other as string)).toBeNull();
    });

    it('gets the context', () => {
      const own = vi.fn((_ctx: Context) => 'a');
      const ctx = fakeContext();
      compileRequestValue(own)(ctx);
      expect(own).toHaveBeenCalledExactlyOnceWith(ctx);
    });

    it('that throws is none, and is told once', () => {
      const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const value = compileRequestValue(() => {
        throw new Error('no such tenant');
      });
      expect([value(fakeContext()), value(fakeContext())]).toEqual([null, null]);
      expect(warned).toHaveBeenCalledOnce();
      expect(warned.mock.lastCall?.[0]).toMatch(/A function that tells requests apart failed.*no such tenant/);
    });

    it('that throws leaves nothing of the request before', () => {
      vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const value = compileRequestValue(({ request }) => {
        if (request.method !== 'GET') throw new Error('no');
        return 'a';
      });
      expect([value(fakeContext()), value(fakeContext({ method: 'POST' }))]).toEqual(['a', null]);
    });

    it('that returns a promise is none, and its rejection ends nothing', async () => {
      const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const late = (() => Promise.resolve('a')) as never;
      const broken = (() => Promise.reject(new Error('later'))) as never;
      expect([read(late), read(broken)]).toEqual([null, null]);
      await new Promise(setImmediate);
      expect(warned).toHaveBeenCalledOnce();
    });
  });
});

describe('describeRequestValue', () => {
  it('is in words', () => {
    function byPlan(): string {
      return 'gold';
    }
    const values: RequestValue[] = [
      'host',
      { header: 'x-side' },
      { claim: 'org' },
      byPlan,
      (
        () => () =>
          'a'
      )(),
    ];
    expect(values.map(describeRequestValue)).toEqual(['host', 'header x-side', 'claim org', 'byPlan', 'a function']);
  });
});

describe('requestValueField', () => {
  function faultsOf(value: unknown): string[] {
    try {
      validate('a piece', value, requestValueField, 'by');
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
      throw error;
    }
    return [];
  }

  it.each<[unknown]>([
    ['ip'],
    ['host'],
    ['identity'],
    ['tenant'],
    [{ header: 'X-Side' }],
    [{ cookie: '__Host-side' }],
    [{ query: 'a[b]' }],
    [{ accept: 'version' }],
    [{ param: 'id' }],
    [{ claim: 'https://example.com/org' }],
    [{ header: 'x-side', cookie: undefined }],
  ])('takes %j', (value) => {
    expect(faultsOf(value)).toEqual([]);
    expect(() => compileRequestValue(value as RequestValue)).not.toThrow();
  });

  it.each<[unknown, unknown[]]>([
    ['hots', [expect.stringMatching(/^by: got "hots", expected one of/)]],
    ['', [expect.stringMatching(/^by: got ""/)]],
    [null, [expect.stringMatching(/^by: got null/)]],
    [[], [expect.stringMatching(/^by: got an empty list/)]],
    [{}, ['by: has 0 names; write exactly one']],
    [{ header: undefined }, ['by: has 0 names; write exactly one']],
    [{ header: 'a', query: 'b' }, ['by: has 2 names; write exactly one']],
    [{ hedaer: 'a' }, ['by.hedaer: unknown option; did you mean header?']],
    [{ header: 'a b' }, [expect.stringMatching(/^by\.header: got "a b"/)]],
    [{ header: '' }, [expect.stringMatching(/^by\.header: got ""/)]],
    [{ cookie: 'a=b' }, [expect.stringMatching(/^by\.cookie: /)]],
    [{ query: '' }, [expect.stringMatching(/^by\.query: /)]],
    [{ accept: 'a/b' }, [expect.stringMatching(/^by\.accept: /)]],
    [{ param: ':id' }, [expect.stringMatching(/^by\.param: /)]],
    [{ claim: 5 }, [expect.stringMatching(/^by\.claim: got 5/)]],
    [JSON.parse('{"__proto__": "a"}'), [expect.stringMatching(/^by\.__proto__: unknown option/)]],
  ])('refuses %j', (value, expected) => {
    expect(faultsOf(value)).toEqual(expected);
  });
});
