import { describe, expect, it, vi } from 'vitest';
import type { AuthenticateOptions } from '../../src/auth/authenticate-options.js';
import { authenticate } from '../../src/auth/middleware.js';
import { invalid, unavailable, type AuthStrategy } from '../../src/auth/strategy.js';
import { compose } from '../../src/core/compose.js';
import type { Context } from '../../src/core/context.js';
import { errorBoundary } from '../../src/core/error-boundary.js';
import type { GatewayResponse, HeaderMap, Middleware } from '../../src/core/types.js';
import { requestHeaders } from '../../src/proxy/request-headers.js';
import { retry } from '../../src/retry/index.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';
import { fakeIdentity, fakeStrategy } from './fake-strategy.js';

const secret = 'a secret of more than 32 characters';
const knowsAda = fakeStrategy(() => fakeIdentity());
const knowsNobody = fakeStrategy(() => null);

type Fields = Readonly<Record<string, unknown>>;

/** An upstream that keeps the fields of each request, as they would stand on the wire. */
function upstream(statuses: number[] = []) {
  const seen: Fields[] = [];
  function handler(ctx: Context): GatewayResponse {
    const lines = requestHeaders(ctx, { host: '', defaultContentType: undefined });
    const fields: Record<string, unknown> = {};
    for (let i = 0; i < lines.length; i += 2) {
      expect(fields, 'each field is sent once').not.toHaveProperty([lines[i] as string]);
      fields[lines[i] as string] = lines[i + 1];
    }
    seen.push(fields);
    return { status: statuses.shift() ?? 200, headers: {}, body: null };
  }
  return { seen, handler };
}

/** Changes something upstream, so that there is a draft. */
const drafting: Middleware = (ctx, next) => {
  ctx.draft().headers['x-drafted'] = '1';
  return next(ctx);
};

/** What the upstream sees: without a draft, with one made before, and with one made after. */
async function seenBy(options: AuthenticateOptions, request: FakeRequestOptions): Promise<Fields[]> {
  const orders = [[authenticate(options)], [drafting, authenticate(options)], [authenticate(options), drafting]];
  const all = await Promise.all(
    orders.map(async (middlewares) => {
      const { seen, handler } = upstream();
      await compose(middlewares, handler)(fakeContext(request));
      return seen;
    }),
  );
  return all.flat();
}

async function answerTo(middleware: Middleware, request: FakeRequestOptions = {}) {
  const ctx = fakeContext(request);
  const next = vi.fn((): GatewayResponse => ({ status: 200, headers: {}, body: 'ok' }));
  const response = await middleware(ctx, next);
  return { ctx, response, asked: next.mock.calls.length };
}

/** Each spelling of these names that some server reads as the same field, with a value of the client's. */
function forged(...names: string[]): HeaderMap {
  const spellings = names.flatMap((name) => [name, name.replaceAll('-', '_'), name.replace('-', '_')]);
  return Object.fromEntries(spellings.map((name, index) => [name, index % 2 === 0 ? 'forged' : ['forged', 'forged']]));
}

describe('authenticate', () => {
  it('lets in who is known, and says who it is', async () => {
    const { ctx, response, asked } = await answerTo(authenticate(knowsAda));
    expect([response.status, asked, ctx.identity?.id]).toEqual([200, 1, 'ada']);
  });

  it('takes strategies by themselves or in options', async () => {
    for (const middleware of [
      authenticate(knowsNobody, knowsAda),
      authenticate({ strategies: [knowsNobody, knowsAda] }),
    ]) {
      expect((await answerTo(middleware)).response.status).toBe(200);
    }
  });

  it('stays synchronous where its strategies are', () => {
    const next = () => ({ status: 200, headers: {}, body: null });
    expect(authenticate(knowsAda)(fakeContext(), next)).toEqual({ status: 200, headers: {}, body: null });
    expect(authenticate(knowsNobody)(fakeContext(), next)).toMatchObject({ status: 401 });
  });

  it.each<[string, unknown, number, string]>([
    ['nothing was sent', null, 401, 'ERR_GATEWAY_CREDENTIALS_MISSING'],
    ['what was sent proves nothing', invalid('expired'), 401, 'ERR_GATEWAY_CREDENTIALS_INVALID'],
    ['nobody can tell', unavailable('down'), 503, 'ERR_GATEWAY_AUTH_UNAVAILABLE'],
  ])('refuses, and asks no upstream, where %s', async (_case, result, status, code) => {
    for (const says of [() => result, () => Promise.resolve(result)]) {
      const { ctx, response, asked } = await answerTo(authenticate(fakeStrategy(says)));
      expect([response.status, ctx.refusal, ctx.identity, asked]).toEqual([status, code, null, 0]);
    }
  });

  it('answers bad credentials with invalidTokenStatus', async () => {
    const bad = fakeStrategy(() => invalid('expired'));
    const { response } = await answerTo(authenticate({ strategies: [bad], invalidTokenStatus: 403, realm: 'x' }));
    expect(response.status).toBe(403);
  });

  it('answers 500, and asks no upstream, where a strategy breaks its word or itself', async () => {
    const broken: (() => unknown)[] = [
      () => undefined,
      () => true,
      () => ({ id: '' }),
      () => Promise.resolve(undefined),
      () => Promise.reject(new Error('planted')),
      () => {
        throw new Error('planted');
      },
    ];
    for (const says of broken) {
      for (const mode of ['required', 'optional'] as const) {
        const middleware = authenticate({ strategies: [fakeStrategy(says), knowsAda], mode });
        const { seen, handler } = upstream();
        const ctx = fakeContext();
        const response = await compose([errorBoundary, middleware], handler)(ctx);
        expect([response.status, ctx.identity, seen]).toEqual([500, null, []]);
        expect(response.body).not.toContain('planted');
      }
    }
  });

  it('ends what its strategies do in the background', () => {
    const close = vi.fn();
    authenticate({ ...knowsAda, close }, knowsNobody).close();
    expect(close).toHaveBeenCalledTimes(1);
  });

  describe('in optional mode', () => {
    it('lets pass as nobody who sends nothing', async () => {
      for (const says of [() => null, () => Promise.resolve(null)]) {
        const { ctx, response, asked } = await answerTo(
          authenticate({ strategies: [fakeStrategy(says)], mode: 'optional' }),
        );
        expect([response.status, asked, ctx.identity]).toEqual([200, 1, null]);
      }
    });

    it('refuses bad credentials, and those that nobody can check', async () => {
      for (const [failure, status] of [
        [invalid('expired'), 401],
        [unavailable('down'), 503],
      ] as const) {
        const strategies = [knowsNobody, fakeStrategy(() => failure), knowsNobody];
        const { response, asked } = await answerTo(authenticate({ strategies, mode: 'optional' }));
        expect([response.status, asked]).toEqual([status, 0]);
      }
    });

    it('says who is calling where somebody is known', async () => {
      const { ctx } = await answerTo(authenticate({ strategies: [knowsAda], mode: 'optional' }));
      expect(ctx.identity?.id).toBe('ada');
    });
  });

  describe('tells the upstream', () => {
    const identityHeaders = { claims: { 'x-user-email': 'email', 'x-tenant': 'tenant' }, internalToken: { secret } };
    const written = ['x-user-id', 'x-user-role', 'x-user-roles', 'x-consumer-id', 'x-user-email', 'x-tenant'];
    const request = {
      headers: {
        ...forged(...written, 'x-internal-token'),
        connection: [...written, 'x-internal-token', 'x_user_id'].join(', '),
        'x-user-agent': 'kept',
      },
    };
    const ada = fakeIdentity({ roles: ['dev'], claims: { email: 'ada@shop.test' } });
    const adaStrategy = fakeStrategy(() => ada);

    it('who is calling, and nothing of what the client says of it', async () => {
      for (const fields of await seenBy({ strategies: [adaStrategy], identityHeaders }, request)) {
        expect(fields).toMatchObject({
          ...{ 'x-user-id': 'ada', 'x-user-role': 'dev', 'x-user-roles': '["dev"]', 'x-user-email': 'ada@shop.test' },
          ...{ 'x-internal-token': expect.stringMatching(/^ey/) as unknown, 'x-user-agent': 'kept' },
        });
        expect(JSON.stringify(fields)).not.toContain('forged');
        expect(Object.keys(fields).filter((name) => name.includes('_'))).toEqual([]);
        for (const name of ['x-consumer-id', 'x-tenant']) expect(fields).not.toHaveProperty([name]);
      }
    });

    it.each<[string, AuthenticateOptions]>([
      ['of one who is nobody', { strategies: [knowsNobody], mode: 'optional', identityHeaders }],
      ['of one who is somebody later', { strategies: [fakeStrategy(() => Promise.resolve(ada))], identityHeaders }],
    ])('nothing of what the client says %s', async (_case, options) => {
      const all = await seenBy(options, request);
      expect(all).toHaveLength(3);
      for (const fields of all) expect(JSON.stringify(fields)).not.toContain('forged');
    });

    it('nothing, neither of the client nor of itself, where identityHeaders are off', async () => {
      const all = await seenBy({ strategies: [adaStrategy], identityHeaders: false }, { headers: forged('x-user-id') });
      for (const fields of all) {
        expect(Object.keys(fields).filter((name) => /^x.user/.test(name))).toEqual([]);
      }
    });

    it('the same with every attempt', async () => {
      const { seen, handler } = upstream([503, 503, 200]);
      const options: AuthenticateOptions = { strategies: [adaStrategy], identityHeaders, forwardCredentials: false };
      const headers = { ...request.headers, authorization: 'Bearer planted' };
      const layers = [authenticate(options), retry({ retries: 2, backoffMs: 0, budget: false })];
      expect((await compose(layers, handler)(fakeContext({ headers }))).status).toBe(200);
      expect(seen).toHaveLength(3);
      for (const fields of seen) {
        expect(fields).toEqual(seen[0]);
        expect(fields).toMatchObject({ 'x-user-id': 'ada', 'x-user-email': 'ada@shop.test' });
        expect(JSON.stringify(fields)).not.toMatch(/forged|planted/);
      }
    });

    it('of each caller by himself', async () => {
      const byHeader = fakeStrategy(({ request: { headers } }) => fakeIdentity({ id: String(headers.authorization) }));
      const middleware = authenticate({ strategies: [byHeader], identityHeaders });
      const { seen, handler } = upstream();
      const ids = ['ada', 'eve', 'ada'];
      await Promise.all(
        ids.map(async (authorization) => compose([middleware], handler)(fakeContext({ headers: { authorization } }))),
      );
      expect(seen.map((fields) => fields['x-user-id'])).toEqual(ids);
    });

    it('nothing at all where the fields cannot be made', async () => {
      const claimsOf = (): never => {
        throw new Error('broken');
      };
      const middleware = authenticate({
        strategies: [adaStrategy],
        identityHeaders: { internalToken: { secret, claimsOf } },
      });
      const { seen, handler } = upstream();
      expect((await compose([errorBoundary, middleware], handler)(fakeContext())).status).toBe(500);
      expect(seen).toEqual([]);
    });
  });

  describe('forwards credentials', () => {
    const strategies: AuthStrategy[] = [
      fakeStrategy(() => fakeIdentity(), { sources: [{ header: 'authorization' }, { cookie: 'sid' }] }),
      fakeStrategy(() => null, { sources: [{ header: 'x-api-key' }, { query: 'key' }] }),
    ];
    const request = {
      url: '/a?b=1&key=planted',
      headers: {
        ...{
          authorization: 'Bearer planted',
          cookie: 'a=1; sid=planted',
          'x-api-key': 'planted',
          x_api_key: 'planted',
        },
        connection: 'authorization, x-api-key, x_api_key',
      },
    };

    it('as they came', async () => {
      for (const fields of await seenBy({ strategies }, request)) {
        expect(fields).toMatchObject({ authorization: 'Bearer planted', cookie: 'a=1; sid=planted' });
      }
    });

    it('of no strategy, whichever of them has known the caller, where forwardCredentials is false', async () => {
      for (const fields of await seenBy({ strategies, forwardCredentials: false }, request)) {
        expect(JSON.stringify(fields)).not.toContain('planted');
        expect(fields).toMatchObject({ cookie: 'a=1', 'x-user-id': 'ada' });
      }
    });

    it('of nobody either, in optional mode', async () => {
      const options: AuthenticateOptions = { strategies: [strategies[1] as AuthStrategy], mode: 'optional' };
      const ctx = fakeContext(request);
      const { seen, handler } = upstream();
      await compose([authenticate({ ...options, forwardCredentials: false })], handler)(ctx);
      expect(seen[0]).toMatchObject({ authorization: 'Bearer planted' });
      expect(seen[0]).not.toHaveProperty('x-api-key');
      expect(ctx.drafted?.query).toBe('?b=1');
    });

    it('but not over the internal token in the same field', async () => {
      const identityHeaders = { internalToken: { secret, header: 'authorization' } };
      for (const forwardCredentials of [true, false]) {
        const all = await seenBy({ strategies, forwardCredentials, identityHeaders }, request);
        for (const { authorization } of all) expect(authorization).toMatch(/^Bearer ey/);
      }
    });
  });
});
