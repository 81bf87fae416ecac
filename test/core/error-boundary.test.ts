import { describe, expect, it } from 'vitest';
import { compose } from '../../src/core/compose.js';
import type { Context } from '../../src/core/context.js';
import { errorBoundary, requestGuard } from '../../src/core/error-boundary.js';
import { GatewayError, type GatewayErrorCode } from '../../src/core/errors.js';
import { ConfigError } from '../../src/core/options.js';
import type { GatewayResponse, Handler } from '../../src/core/types.js';
import { fakeContext } from '../support/request.js';

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
}

const SECRET = 'connect ECONNREFUSED 10.0.0.5:3001 /srv/app/secrets.json hunter2';

async function answerOf(inner: Handler, ctx: Context = fakeContext()): Promise<GatewayResponse & { problem: Problem }> {
  const response = await compose([errorBoundary], inner)(ctx);
  return { ...response, problem: JSON.parse(response.body as string) as Problem };
}

function throwing(error: unknown): Handler {
  return () => {
    throw error;
  };
}

function returning(value: unknown): Handler {
  return () => value as GatewayResponse;
}

/** What an error of another version of this package looks like. */
function foreignError(code: string): Error {
  return Object.assign(new Error(SECRET), { [Symbol.for('innergate.error')]: true, code });
}

describe('requestGuard', () => {
  const answer: GatewayResponse = { status: 200, headers: {}, body: null };

  it('lets an ordinary request pass, synchronously', () => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE']) {
      expect(compose([requestGuard], () => answer)(fakeContext({ method, url: '/*' }))).toBe(answer);
    }
  });

  it('refuses a request with a fault, with its code and detail, before anything else', () => {
    const fault = { code: 'ERR_GATEWAY_HEADERS_TOO_LARGE', detail: 'More than 1000 fields.' } as const;
    for (const method of ['GET', 'TRACE']) {
      const response = requestGuard(fakeContext({ method, fault }), returning(answer)) as GatewayResponse;
      expect([response.status, response.headers.connection]).toEqual([431, 'close']);
      expect(JSON.parse(response.body as string)).toMatchObject({ code: fault.code, detail: fault.detail });
    }
  });

  it.each([['TRACE'], ['CONNECT']])('answers %s with 405 and an empty Allow', (method) => {
    const response = requestGuard(fakeContext({ method }), throwing('reached'));
    expect(response).toMatchObject({ status: 405, headers: { allow: '' } });
  });

  it('answers OPTIONS * itself', () => {
    const response = requestGuard(fakeContext({ method: 'OPTIONS', url: '*' }), throwing('reached'));
    expect(response).toEqual({ status: 204, headers: {}, body: null });
  });
});

describe('errorBoundary', () => {
  it('passes an answer through, untouched and synchronously', () => {
    const answer: GatewayResponse = { status: 404, headers: {}, body: null };
    const ctx = fakeContext();
    expect(compose([errorBoundary], () => answer)(ctx)).toBe(answer);
    expect(ctx.error).toBeNull();
  });

  it('passes an answer that comes later through', async () => {
    const answer: GatewayResponse = { status: 200, headers: {}, body: 'x' };
    expect(await compose([errorBoundary], () => Promise.resolve(answer))(fakeContext())).toBe(answer);
  });

  it('answers 500 synchronously to a throw, and keeps the error for the log', () => {
    const ctx = fakeContext();
    const error = new Error(SECRET);
    const response = compose([errorBoundary], throwing(error))(ctx);
    expect(response).toMatchObject({ status: 500 });
    expect(ctx.error).toBe(error);
    expect(ctx.refusal).toBe('ERR_GATEWAY_INTERNAL');
  });

  it('answers 500 to a rejection', async () => {
    const error = new Error(SECRET);
    const ctx = fakeContext();
    const { status, problem } = await answerOf(() => Promise.reject(error), ctx);
    expect([status, problem.code]).toEqual([500, 'ERR_GATEWAY_INTERNAL']);
    expect(ctx.error).toBe(error);
  });

  it.each([['a string'], [undefined], [null], [0], [Symbol('s')], [Object.create(null)]])(
    'answers 500 to the throw of %s',
    async (thrown) => {
      expect((await answerOf(throwing(thrown))).status).toBe(500);
    },
  );

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'ok'],
    ['a number', 200],
    ['an empty object', {}],
    ['an object without headers', { status: 200 }],
    ['an object without a status', { headers: {} }],
    ['a function', () => undefined],
  ])('fails closed where a layer returns %s', async (_what, value) => {
    const ctx = fakeContext();
    const { status, problem } = await answerOf(returning(value), ctx);
    expect([status, problem.code]).toEqual([500, 'ERR_GATEWAY_INTERNAL']);
    expect((ctx.error as Error).message).toContain('return next(ctx)');
    expect((await answerOf(() => Promise.resolve(value as GatewayResponse))).status).toBe(500);
  });

  it.each<[GatewayErrorCode, number]>([
    ['ERR_GATEWAY_UPSTREAM_UNREACHABLE', 502],
    ['ERR_GATEWAY_BODY_TOO_LARGE', 413],
    ['ERR_GATEWAY_TOTAL_TIMEOUT', 504],
    ['ERR_GATEWAY_DRAINING', 503],
    ['ERR_GATEWAY_INTERNAL', 500],
  ])('answers a GatewayError %s with %i and its code', async (code, status) => {
    const ctx = fakeContext();
    const answer = await answerOf(throwing(new GatewayError(code, SECRET)), ctx);
    expect([answer.status, answer.problem.code, ctx.refusal]).toEqual([status, code, code]);
  });

  it('shows the detail of a GatewayError', async () => {
    const error = new GatewayError('ERR_GATEWAY_BODY_TOO_LARGE', SECRET, { detail: 'At most 1 MiB.' });
    expect((await answerOf(throwing(error))).problem.detail).toBe('At most 1 MiB.');
  });

  it('answers 500 to a faulty config that is found late, without its text', async () => {
    const error = new ConfigError('gateway', [{ path: 'routes[0].target', message: SECRET }]);
    const answer = await answerOf(throwing(error));
    expect([answer.status, answer.problem.code]).toEqual([500, 'ERR_GATEWAY_INTERNAL']);
    expect(answer.body).not.toContain('hunter2');
    expect(answer.body).not.toContain('routes');
  });

  it.each([
    ['an Error', new Error(SECRET)],
    ['a GatewayError', new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', SECRET, { cause: new Error(SECRET) })],
    ['a string', SECRET],
    ['an object that poses as an answer of another kind', { status: 200, message: SECRET }],
  ])('leaks nothing of %s', async (_what, thrown) => {
    const { body, headers } = await answerOf(throwing(thrown));
    const text = JSON.stringify([body, headers]);
    for (const part of ['ECONNREFUSED', '10.0.0.5', 'secrets.json', 'hunter2', '.ts:'])
      expect(text).not.toContain(part);
  });

  it('answers an error of another copy of the package by its code', async () => {
    const answer = await answerOf(throwing(foreignError('ERR_GATEWAY_UPSTREAM_RESET')));
    expect([answer.status, answer.problem.code]).toEqual([502, 'ERR_GATEWAY_UPSTREAM_RESET']);
  });

  it.each([['ERR_GATEWAY_OF_ANOTHER_VERSION'], ['constructor'], ['__proto__']])(
    'answers 500 to an error of another copy whose code %s is unknown here',
    async (code) => {
      const answer = await answerOf(throwing(foreignError(code)));
      expect([answer.status, answer.problem.code]).toEqual([500, 'ERR_GATEWAY_INTERNAL']);
    },
  );
});
