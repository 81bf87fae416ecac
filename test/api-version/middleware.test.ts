import { describe, expect, it } from 'vitest';
import { apiVersions, type ApiVersionsOptions, type VersionSource } from '../../src/api-version/index.js';
import { compose } from '../../src/core/compose.js';
import type { Context } from '../../src/core/context.js';
import { cors } from '../../src/cors/index.js';
import type { GatewayResponse, Handler, HeaderMap } from '../../src/core/types.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

function answering(body: string, headers: HeaderMap = {}): Handler {
  return () => ({ status: 200, headers: { ...headers }, body });
}

const versions = { v1: { to: answering('one') }, v2: { to: answering('two') }, beta: { to: answering('beta') } };

function run(options: ApiVersionsOptions, ctx: Context): GatewayResponse {
  const response = apiVersions(options)(ctx) as GatewayResponse;
  ctx.completeAnswer(response.headers);
  return response;
}

/** The body of the answer, or its code where it is a refusal. */
function chosen(by: ApiVersionsOptions['by'], request: FakeRequestOptions, rest: Partial<ApiVersionsOptions> = {}) {
  const ctx = fakeContext(request);
  const { body } = run({ by, versions, ...rest }, ctx);
  return ctx.refusal ?? body;
}

const UNKNOWN = 'ERR_GATEWAY_VERSION_UNKNOWN';

describe('apiVersions', () => {
  it.each<[string, VersionSource, FakeRequestOptions, string]>([
    ['a header', { header: 'X-Api-Version' }, { headers: { 'x-api-version': '2' } }, 'two'],
    ['a query parameter', { query: 'api-version' }, { url: '/users?api-version=v1' }, 'one'],
    ['a parameter of Accept', { accept: 'version' }, { headers: { accept: 'application/json;version=2' } }, 'two'],
    ['a cookie', { cookie: 'api' }, { headers: { cookie: 'api=1' } }, 'one'],
    ['a function', ({ request }) => request.path.split('/')[1], { url: '/v2/users' }, 'two'],
    ['a vendor', { vendor: 'acme' }, { headers: { accept: 'application/vnd.acme.v2+json' } }, 'two'],
  ])('chooses by %s', (_name, by, request, expected) => {
    expect(chosen(by, request)).toBe(expected);
  });

  it('chooses by a parameter of the path', () => {
    const ctx = fakeContext({ url: '/api/v2/users' });
    ctx.params = { version: 'v2' };
    expect(run({ by: { param: 'version' }, versions }, ctx).body).toBe('two');
  });

  it.each([
    ['2', 'two'],
    ['v2', 'two'],
    ['V2', 'two'],
    ['BETA', 'beta'],
    ['vbeta', UNKNOWN],
    ['vv2', UNKNOWN],
    ['2.0', UNKNOWN],
    ['02', UNKNOWN],
    ['1, 2', UNKNOWN],
    ['__proto__', UNKNOWN],
    ['constructor', UNKNOWN],
    ['\0', UNKNOWN],
  ])('takes the name %j for %s', (name, expected) => {
    expect(chosen({ header: 'x-v' }, { headers: { 'x-v': name } })).toBe(expected);
  });

  it('a version may have the name of what every object has', () => {
    const odd = JSON.parse('{"__proto__": {}, "constructor": {}}') as Record<string, object>;
    const named = Object.fromEntries(Object.keys(odd).map((name) => [name, { to: answering(name) }]));
    const headers = { 'x-v': '__proto__' };
    expect(chosen({ header: 'x-v' }, { headers }, { versions: named })).toBe('__proto__');
  });

  it('of several sources the first that names a version has the word, be it an unknown one', () => {
    const by = [{ header: 'x-v' }, { query: 'v' }] as const;
    expect(chosen(by, { url: '/?v=1' })).toBe('one');
    expect(chosen(by, { url: '/?v=1', headers: { 'x-v': '2' } })).toBe('two');
    expect(chosen(by, { url: '/?v=1', headers: { 'x-v': '9' } })).toBe(UNKNOWN);
  });

  it('a request that names none gets the default, and one for an unknown version does not', () => {
    const by = { header: 'x-v' };
    expect(chosen(by, {}, { default: '1' })).toBe('one');
    expect(chosen(by, { headers: { 'x-v': '' } }, { default: '1' })).toBe('one');
    expect(chosen(by, { headers: { 'x-v': '9' } }, { default: '1' })).toBe(UNKNOWN);
  });

  it('a request for an unknown version gets the default where that is wanted', () => {
    const options = { default: 'V1', unknown: 'default' } as const;
    expect(chosen({ header: 'x-v' }, { headers: { 'x-v': '9' } }, options)).toBe('one');
  });

  it('refuses with 404, the versions that there are, and nothing of what the client sent', () => {
    const ctx = fakeContext({ headers: { 'x-v': `<script>${'x'.repeat(500)}` } });
    const { status, body } = run({ by: { header: 'x-v' }, versions }, ctx);
    expect([status, ctx.refusal, ctx.apiVersion]).toEqual([404, UNKNOWN, null]);
    expect(JSON.parse(body as string)).toMatchObject({ detail: 'The versions are v1, v2, beta.' });
    expect(body).not.toContain('script');
    expect(ctx.reason).toMatch(/^version "<script>x{40,60}\.\.\." is unknown$/);
  });

  it('says in the log that a request named no version', () => {
    const ctx = fakeContext();
    run({ by: { header: 'x-v' }, versions }, ctx);
    expect(ctx.reason).toBe('the request names no version');
  });

  it('writes the version down as the config names it', () => {
    const ctx = fakeContext({ headers: { 'x-v': '2' } });
    run({ by: { header: 'x-v' }, versions }, ctx);
    expect(ctx.apiVersion).toBe('v2');
  });

  it('is a plain tail call for a version without links', () => {
    const answer: GatewayResponse = { status: 200, headers: Object.freeze({}), body: null };
    const handler = apiVersions({ by: { query: 'v' }, versions: { 1: { to: () => answer } }, default: '1' });
    expect(handler(fakeContext())).toBe(answer);
  });

  describe('tells of a version that goes away', () => {
    const lifecycle = {
      deprecated: '2023-06-30T23:59:59Z',
      sunset: new Date('2024-06-30T23:59:59.900Z'),
      link: 'https://example.com/migrate?from=1',
    };
    const by = { query: 'v' };

    it('with Deprecation, Sunset and links (the dates of RFC 9745 4)', () => {
      const { headers } = run(
        { by, versions: { 1: { to: answering('one'), ...lifecycle } }, default: '1' },
        fakeContext(),
      );
      expect(headers).toEqual({
        deprecation: '@1688169599',
        sunset: 'Sun, 30 Jun 2024 23:59:59 GMT',
        link: '<https://example.com/migrate?from=1>; rel="deprecation", <https://example.com/migrate?from=1>; rel="sunset"',
      });
    });

    it.each<[string, object, HeaderMap]>([
      ['a date alone is its start in UTC', { deprecated: '2026-01-01' }, { deprecation: '@1767225600' }],
      ['a zone counts', { deprecated: '2026-01-01T02:00+02:00' }, { deprecation: '@1767225600' }],
      ['a sunset alone', { sunset: '2026-01-01' }, { sunset: 'Thu, 01 Jan 2026 00:00:00 GMT' }],
      ['a link of nothing that is dated yet', { link: '/policy' }, { link: '</policy>; rel="deprecation"' }],
      [
        'a link beside a sunset',
        { sunset: '2026-01-01', link: '/policy' },
        { sunset: 'Thu, 01 Jan 2026 00:00:00 GMT', link: '</policy>; rel="sunset"' },
      ],
    ])('%s', (_name, given, expected) => {
      const { headers } = run({ by, versions: { 1: { to: answering('one'), ...given } }, default: '1' }, fakeContext());
      expect(headers).toEqual(expected);
    });

    it('beside the links of the upstream, and in the place of its own dates', async () => {
      for (const link of ['</next>; rel="next"', ['</next>; rel="next"']]) {
        const to = answering('one', { link, deprecation: '@1' });
        const late: Handler = (ctx) => Promise.resolve(to(ctx));
        for (const each of [to, late]) {
          const ctx = fakeContext();
          const given = { to: each, deprecated: '2026-01-01', link: '/policy' };
          const { headers } = await apiVersions({ by, versions: { 1: given }, default: '1' })(ctx);
          ctx.completeAnswer(headers);
          expect(headers).toEqual({
            deprecation: '@1767225600',
            link: '</next>; rel="next", </policy>; rel="deprecation"',
          });
        }
      }
    });

    it('on each attempt once', async () => {
      const handler = apiVersions({ by, versions: { 1: { to: answering('one'), ...lifecycle } }, default: '1' });
      const ctx = fakeContext();
      const [first, second] = [await handler(ctx), await handler(ctx)];
      expect(second.headers).toEqual(first.headers);
    });

    it('and nothing of the others', () => {
      const all = { 1: { to: answering('one'), ...lifecycle }, 2: { to: answering('two') } };
      expect(run({ by, versions: all }, fakeContext({ url: '/?v=2' })).headers).toEqual({});
    });
  });

  describe('Vary', () => {
    function varyOf(by: ApiVersionsOptions['by'], headers: HeaderMap = {}): unknown {
      const options = { by, versions: { 1: { to: answering('one', headers) } }, default: '1' };
      return run(options, fakeContext()).headers.vary;
    }

    it.each<[string, ApiVersionsOptions['by'], string | undefined]>([
      ['a header', { header: 'X-Api-Version' }, 'X-Api-Version'],
      ['Accept', { accept: 'version' }, 'Accept'],
      ['a vendor and Accept, once', [{ vendor: 'acme' }, { accept: 'version' }, { header: 'accept' }], 'Accept'],
      ['a cookie', { cookie: 'api' }, 'Cookie'],
      ['several', [{ query: 'v' }, { header: 'x-v' }, { accept: 'v' }], 'x-v, Accept'],
      ['what is in the URL', [{ query: 'v' }, { param: 'version' }, 'host'], undefined],
    ])('names %s', (_name, by, expected) => {
      expect(varyOf(by)).toBe(expected);
    });

    it('keeps what the upstream and layers outside vary by', () => {
      expect(varyOf({ header: 'x-v' }, { vary: 'Accept-Encoding' })).toBe('Accept-Encoding, x-v');
      const handler = compose(
        [cors({ origin: ['https://app.example.com'] })],
        apiVersions({ by: { header: 'x-v' }, versions }),
      );
      const ctx = fakeContext({ headers: { 'x-v': '1' } });
      const { headers } = handler(ctx) as GatewayResponse;
      ctx.completeAnswer(headers);
      expect(headers.vary).toBe('Origin, x-v');
    });

    it('is on a refusal, too, which caches may keep', () => {
      const ctx = fakeContext({ headers: { 'x-v': '9' } });
      expect(run({ by: { header: 'x-v' }, versions }, ctx)).toMatchObject({ status: 404, headers: { vary: 'x-v' } });
    });
  });
});
