import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { Context } from '../../src/core/context.js';
import { isGatewayError } from '../../src/core/errors.js';
import { ConfigError } from '../../src/core/options.js';
import type { GatewayResponse, Handler } from '../../src/core/types.js';
import { validation, type StandardSchema, type ValidationOptions } from '../../src/validation/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyText, fakeContext, type FakeRequestOptions } from '../support/request.js';

const JSON_TYPE = { 'content-type': 'application/json' };

const ORDER = {
  type: 'object',
  required: ['id', 'items'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', format: 'uuid' },
    items: { type: 'array', items: { type: 'object', required: ['sku'], properties: { count: { type: 'integer' } } } },
  },
};
const ZOD_ORDER = z.strictObject({
  id: z.uuid(),
  items: z.array(z.object({ sku: z.string(), count: z.int().optional() })),
});
const RIGHT = { id: '1b4e28ba-2fa1-41d2-883f-0016d3cca427', items: [{ sku: 'a', count: 1 }] };

interface Verdict {
  readonly status: number;
  readonly code?: string | undefined;
  readonly errors?: unknown;
  readonly ctx: Context;
  readonly answer: GatewayResponse;
}

const passed: Handler = () => ({ status: 204, headers: {}, body: null });

async function verdict(options: ValidationOptions, request: FakeRequestOptions, clock?: FakeClock): Promise<Verdict> {
  const ctx = fakeContext({ method: 'POST', ...request }, clock === undefined ? {} : { clock });
  const answer = await validation(options)(ctx, passed);
  const problem = answer.body === null ? {} : (JSON.parse(answer.body as string) as { code: string; errors: unknown });
  return { status: answer.status, ...problem, ctx, answer };
}

async function errorsOf(options: ValidationOptions, request: FakeRequestOptions): Promise<unknown> {
  const { status, code, errors } = await verdict(options, request);
  if (status === 204) return 'none';
  return code === 'ERR_GATEWAY_VALIDATION_FAILED' && status === 400 ? errors : `${status} ${code ?? ''}`;
}

function jsonBody(value: unknown): FakeRequestOptions {
  return { headers: JSON_TYPE, body: streamOf(JSON.stringify(value)) };
}

function streamOf(text: string | Uint8Array): Readable {
  return Readable.from([Buffer.from(text)], { objectMode: false });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each([
  ['a JSON Schema', ORDER],
  ['zod', ZOD_ORDER],
])('validation of a body by %s', (_kind, body) => {
  it('lets a right one through, byte for byte', async () => {
    const text = ` ${JSON.stringify(RIGHT)}\n`;
    const { status, ctx } = await verdict({ body }, { headers: JSON_TYPE, body: streamOf(text) });
    expect(status).toBe(204);
    expect(await bodyText(ctx.draft().body)).toBe(text);
  });

  it('tells the first fault alone of a body over 64 KiB, decoded', async () => {
    const schema = { type: 'array', items: { type: 'number' } };
    const wrong = (count: number): string[] => Array.from({ length: count }, () => 'x'.repeat(61));
    expect(await errorsOf({ body: schema }, jsonBody(wrong(1_000)))).toHaveLength(100);
    expect(await errorsOf({ body: schema }, jsonBody(wrong(1_100)))).toHaveLength(1);
  });

  it('tells of every fault and where it is, and quotes no value', async () => {
    const value = { id: 'secret-1', items: [{ sku: 'a' }, { count: 'secret-2' }], 'a/b~c': 'secret-3' };
    const { status, errors, answer, ctx } = await verdict({ body }, jsonBody(value));
    expect(status).toBe(400);
    const found = (errors as { in: string; path: string; message: string }[]).map((fault) => [fault.in, fault.path]);
    const paths =
      body === ORDER
        ? ['/a~1b~0c', '/id', '/items/1/count', '/items/1/sku']
        : ['', '/id', '/items/1/count', '/items/1/sku'];
    expect(found.sort()).toEqual(paths.map((path) => ['body', path]));
    expect(answer.body).not.toContain('secret');
    expect(ctx.reason).toMatch(/^body/);
    expect(ctx.reason).not.toContain('secret');
  });

  it('asks for a body where there is none', async () => {
    const missing = [{ in: 'body', path: '', message: 'a body is required' }];
    expect(await errorsOf({ body }, { headers: JSON_TYPE })).toEqual(missing);
    expect(await errorsOf({ body }, {})).toEqual(missing);
    expect(await errorsOf({ body }, { headers: JSON_TYPE, body: streamOf('') })).toEqual(missing);
    expect(await errorsOf({ body }, { method: 'GET' })).toBe('none');
    expect(await errorsOf({ body }, { method: 'DELETE', headers: JSON_TYPE, body: streamOf('') })).toBe('none');
    expect(await errorsOf({ body }, { method: 'DELETE', headers: JSON_TYPE, body: '{}' })).not.toBe('none');
  });

  it('reads what a request is that other layers have changed', async () => {
    const headers = { ...JSON_TYPE, 'content-length': '5000' };
    const ctx = fakeContext({ method: 'POST', headers, body: streamOf('{}') });
    ctx.draft().body = JSON.stringify(RIGHT);
    expect((await validation({ body, maxBodyBytes: 1_000 })(ctx, passed)).status).toBe(204);
  });

  it('undoes its codings to look at it, and forwards it as it was', async () => {
    for (const [coding, encoded] of [
      ['gzip', gzipSync(JSON.stringify(RIGHT))],
      ['gzip, br', brotliCompressSync(gzipSync(JSON.stringify(RIGHT)))],
    ] as const) {
      const headers = { ...JSON_TYPE, 'content-encoding': coding };
      const { status, ctx } = await verdict({ body }, { headers, body: streamOf(encoded) });
      expect(status).toBe(204);
      expect(ctx.draft().body).toEqual(encoded);
      expect(ctx.draft().headers['content-encoding']).toBe(coding);
    }
    const wrong = { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: gzipSync('{}') };
    expect(await errorsOf({ body }, wrong)).toHaveLength(2);
  });

  it.each<[string, FakeRequestOptions, string]>([
    [
      'of another type',
      { headers: { 'content-type': 'text/plain' }, body: '{}' },
      '415 ERR_GATEWAY_MEDIA_TYPE_UNSUPPORTED',
    ],
    ['of no type', { body: '{}' }, '415 ERR_GATEWAY_MEDIA_TYPE_UNSUPPORTED'],
    [
      'in an unknown coding',
      { headers: { ...JSON_TYPE, 'content-encoding': 'lzma' }, body: '{}' },
      '415 ERR_GATEWAY_MEDIA_TYPE_UNSUPPORTED',
    ],
    ['that is no JSON', { headers: JSON_TYPE, body: '{"id":' }, '400 ERR_GATEWAY_BODY_MALFORMED'],
    [
      'that is no UTF-8',
      { headers: JSON_TYPE, body: Buffer.from([0x22, 0xff, 0x22]) },
      '400 ERR_GATEWAY_BODY_MALFORMED',
    ],
    [
      'that is no gzip',
      { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: '{}' },
      '400 ERR_GATEWAY_BODY_MALFORMED',
    ],
    [
      'that ends too early',
      { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: gzipSync('{"a":1}').subarray(0, -1) },
      '400 ERR_GATEWAY_BODY_MALFORMED',
    ],
    ['that is too long', { headers: JSON_TYPE, body: `"${'x'.repeat(1_000)}"` }, '413 ERR_GATEWAY_BODY_TOO_LARGE'],
    [
      'that becomes too long while it is read',
      { headers: JSON_TYPE, body: Readable.from([Buffer.alloc(900), Buffer.alloc(900)], { objectMode: false }) },
      '413 ERR_GATEWAY_BODY_TOO_LARGE',
    ],
    [
      'that says that it is too long',
      { headers: { ...JSON_TYPE, 'content-length': '1001' }, body: streamOf('{}') },
      '413 ERR_GATEWAY_BODY_TOO_LARGE',
    ],
    [
      'whose coding makes it too long',
      { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: gzipSync(`"${'x'.repeat(990)}"`, { level: 0 }) },
      '413 ERR_GATEWAY_BODY_TOO_LARGE',
    ],
    [
      'that swells',
      { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: gzipSync(`"${'x'.repeat(100_000)}"`) },
      '413 ERR_GATEWAY_BODY_TOO_LARGE',
    ],
  ])('refuses one %s', async (_case, request, refusal) => {
    expect(await errorsOf({ body, maxBodyBytes: 1_000 }, request)).toBe(refusal);
  });

  it('refuses one that did not come through the adapter whole', async () => {
    const bodyFault = { code: 'ERR_GATEWAY_BODY_CONSUMED', detail: 'The body has been read.' } as const;
    expect(await errorsOf({ body }, { bodyFault })).toBe('500 ERR_GATEWAY_BODY_CONSUMED');
    expect(await errorsOf({ body }, { bodyFault, method: 'GET' })).toBe('500 ERR_GATEWAY_BODY_CONSUMED');
  });
});

describe('validation', () => {
  it('stops the stream of a body that is too long', async () => {
    const body = Readable.from([Buffer.alloc(900), Buffer.alloc(900)], { objectMode: false });
    await verdict({ body: true, maxBodyBytes: 1_000 }, { headers: JSON_TYPE, body });
    await finished(body).catch(() => undefined);
    expect(body.destroyed).toBe(true);
  });

  it('fails as the body does where the client leaves', async () => {
    const body = new Readable({ read: () => body.destroy(new Error('left')) });
    const failure: unknown = await verdict({ body: ORDER }, { headers: JSON_TYPE, body }).catch(
      (error: unknown) => error,
    );
    expect(isGatewayError(failure) && failure.code).toBe('ERR_GATEWAY_CLIENT_CLOSED');
  });

  it('reads a byte order mark, and types in every spelling', async () => {
    const headers = { 'content-type': 'Application/Vnd.Shop+JSON; charset=UTF-8' };
    expect(await errorsOf({ body: ORDER }, { headers, body: `\ufeff${JSON.stringify(RIGHT)}` })).toBe('none');
  });

  it('reads forms as texts and lists of texts', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = z.object({ name: z.string(), tag: z.array(z.string()), __proto__: z.undefined() });
    expect(await errorsOf({ body }, { headers: form, body: 'name=a+b&tag=1&tag=2' })).toBe('none');
    expect(
      await errorsOf({ body: { properties: { n: { type: 'integer' } } } }, { headers: form, body: 'n=5' }),
    ).toEqual([{ in: 'body', path: '/n', message: 'must be integer' }]);
  });

  it('never coerces a JSON body', async () => {
    const body = { properties: { n: { type: 'integer' }, list: { type: 'array' } } };
    expect(await errorsOf({ body }, jsonBody({ n: '5', list: 1 }))).toHaveLength(2);
  });

  it('takes the schemas true and false at their word', async () => {
    expect(await errorsOf({ body: true }, {})).toBe('none');
    expect(await errorsOf({ body: true }, jsonBody(5))).toBe('none');
    expect(await errorsOf({ body: false }, {})).toBe('none');
    expect(await errorsOf({ body: false }, jsonBody(5))).toEqual([
      { in: 'body', path: '', message: 'boolean schema is false' },
    ]);
  });

  it('lets a body be missing where the validator does', async () => {
    expect(await errorsOf({ body: z.object({}).optional() }, {})).toBe('none');
  });

  it('sees query, params and headers as what the JSON Schema asks for', () => {
    const options: ValidationOptions = {
      query: {
        type: 'object',
        required: ['page'],
        additionalProperties: false,
        properties: {
          page: { type: 'integer', minimum: 1 },
          tag: { type: 'array', items: { type: 'string' } },
          all: { type: 'boolean' },
        },
      },
      params: { properties: { id: { type: 'integer' } } },
      headers: { required: ['x-version'], properties: { 'x-version': { enum: [1, 2], type: 'integer' } } },
    };
    function errors(url: string, id: string, version: string): unknown {
      const ctx = fakeContext({ url, headers: { 'X-Version': version } });
      ctx.params = Object.freeze({ id });
      const answer = validation(options)(ctx, passed) as GatewayResponse;
      expect(answer).not.toBeInstanceOf(Promise);
      if (answer.status === 204) return 'none';
      return (JSON.parse(answer.body as string) as { errors: unknown }).errors;
    }
    expect(errors('/?page=2&tag=a&all=true', '7', '1')).toBe('none');
    expect(errors('/?page=2&tag=a&tag=b', '7', '1')).toBe('none');
    expect(errors('/?page=x&tag=a&more=1', 'seven', '3')).toEqual([
      { in: 'params', path: '/id', message: 'must be integer' },
      { in: 'query', path: '/more', message: 'must NOT have additional properties' },
      { in: 'query', path: '/page', message: 'must be integer' },
      { in: 'headers', path: '/x-version', message: 'must be equal to one of the allowed values' },
    ]);
    expect(errors('/?page=1&page=2', '7', '1')).toEqual([{ in: 'query', path: '/page', message: 'must be integer' }]);
    expect(errors('/', '7', '1')).toEqual([
      { in: 'query', path: '/page', message: "must have required property 'page'" },
    ]);
  });

  it('changes nothing of the request, whatever a validator does', async () => {
    const meddling: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate(value) {
          (value as Record<string, unknown>).added = '1';
          return { value };
        },
      },
    };
    const ctx = fakeContext({ url: '/?n=1' });
    ctx.params = { n: '1' };
    await validation({ headers: meddling, params: meddling, query: { properties: { n: { type: 'integer' } } } })(
      ctx,
      passed,
    );
    expect([ctx.request.headers.added, ctx.params, ctx.request.query]).toEqual([undefined, { n: '1' }, '?n=1']);
    expect(ctx.drafted).toBeNull();
  });

  it('shows the query and the fields that go upstream', async () => {
    const ctx = fakeContext({ url: '/?a=1' });
    Object.assign(ctx.draft(), { query: '?b=1' });
    const answer = await validation({ query: z.strictObject({ b: z.string() }) })(ctx, passed);
    expect(answer.status).toBe(204);
  });

  it('does not read the body where the rest is wrong already', async () => {
    const read = vi.fn();
    const body = new Readable({ read });
    const options = { query: { required: ['page'] }, body: ORDER };
    expect(await errorsOf(options, { headers: JSON_TYPE, body })).toHaveLength(1);
    expect(read).not.toHaveBeenCalled();
  });

  it('takes names of objects for names like others', async () => {
    const strict = {
      type: 'object',
      required: ['constructor', '__proto__'],
      additionalProperties: false,
      properties: {},
    };
    const paths = ['/__proto__', '/constructor'];
    async function pathsOf(request: FakeRequestOptions, options: ValidationOptions): Promise<string[]> {
      return ((await errorsOf(options, request)) as { path: string }[]).map(({ path }) => path).sort();
    }
    expect(await pathsOf(jsonBody({}), { body: strict })).toEqual(paths);
    expect(await pathsOf({ url: '/' }, { query: strict })).toEqual(paths);
    const given = {
      url: '/?__proto__=1&__proto__=2&constructor=1',
      headers: JSON_TYPE,
      body: '{"__proto__":{"a":1},"constructor":1}',
    };
    expect(await pathsOf(given, { query: strict })).toEqual(paths);
    expect(await pathsOf(given, { body: strict })).toEqual(paths);
    expect(await errorsOf({ query: z.looseObject({}) }, given)).toBe('none');
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  it('tells of as many faults as it is told to', async () => {
    const lists = [{ items: { type: 'integer' } }, z.array(z.int())];
    for (const schema of lists) {
      expect(await errorsOf({ body: schema }, jsonBody(Array.from({ length: 500 }, () => 'x')))).toHaveLength(100);
      expect(await errorsOf({ body: schema, maxErrors: 3 }, jsonBody([1, 'x', 'x', 'x', 'x']))).toHaveLength(3);
    }
  });

  it('bounds what it tells of names that a client chose', async () => {
    const name = 'n'.repeat(100_000);
    for (const body of [{ additionalProperties: false }, z.strictObject({})]) {
      const { answer, ctx } = await verdict({ body }, jsonBody({ [name]: 1 }));
      expect((answer.body as string).length).toBeLessThan(1_000);
      expect(ctx.reason?.length).toBeLessThan(500);
    }
  });

  it('refuses what is nested too deeply for the validator, and does not fail', async () => {
    const recursive = { $defs: { list: { type: 'array', items: { $ref: '#/$defs/list' } } }, $ref: '#/$defs/list' };
    const list: z.ZodType = z.lazy(() => z.array(list));
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    for (const body of [recursive, list]) {
      expect(await errorsOf({ body }, { headers: JSON_TYPE, body: deep })).toEqual([
        { in: 'body', path: '', message: 'is nested too deeply' },
      ]);
      expect(await errorsOf({ body }, { headers: JSON_TYPE, body: '[[],[[]]]' })).toBe('none');
    }
  });

  it('waits for validators that take their time', async () => {
    const later = z.object({ id: z.string().refine((id) => Promise.resolve(id === 'known'), 'is unknown') });
    const options = { query: later, body: later };
    expect(await errorsOf(options, { url: '/?id=known', ...jsonBody({ id: 'known' }) })).toBe('none');
    expect(await errorsOf(options, { url: '/?id=other', ...jsonBody({ id: 'known' }) })).toEqual([
      { in: 'query', path: '/id', message: 'is unknown' },
    ]);
    expect(await errorsOf(options, { url: '/?id=known', ...jsonBody({ id: 'other' }) })).toEqual([
      { in: 'body', path: '/id', message: 'is unknown' },
    ]);
  });

  it.each<[string, (value: unknown) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['returns nothing', () => undefined],
    ['returns what is no result', () => ({})],
    ['comes to nothing', () => Promise.resolve(null)],
  ])('fails where a validator %s, and lets nothing through', async (_case, validate) => {
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as StandardSchema;
    for (const options of [{ query: schema }, { body: schema }]) {
      const failure: unknown = await verdict(options, jsonBody({})).catch((error: unknown) => error);
      expect(isGatewayError(failure) && failure.code).toBe('ERR_GATEWAY_INTERNAL');
    }
  });

  it('takes a promise of another library for one, and issues without a reason for a fault', async () => {
    const thenable = { then: (resolve: (result: unknown) => void) => resolve({ issues: [] }) };
    const schema = {
      '~standard': { version: 1, vendor: 'test', validate: () => thenable },
    } as unknown as StandardSchema;
    expect(await errorsOf({ query: schema }, {})).toEqual([{ in: 'query', path: '', message: 'is not as expected' }]);
  });

  it('does not wait for a validator that hangs', async () => {
    const clock = new FakeClock();
    const validate = (): Promise<never> => new Promise(() => undefined);
    const schema: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate } };
    const failure = verdict({ query: schema }, {}, clock).catch((error: unknown) => error);
    await clock.advanceAsync(5_000);
    const error = await failure;
    expect(isGatewayError(error) && (error.cause as Error).message).toBe('no answer within 5000 ms');
    expect(clock.pending).toBe(0);
  });

  it.each<[string, unknown, string[]]>([
    ['nothing to check', {}, ['body']],
    [
      'schemas that are none',
      { body: 'string', query: 5, params: null, headers: [] },
      ['body', 'query', 'params', 'headers'],
    ],
    [
      'wrong JSON Schemas',
      { body: { type: 'strin' }, query: { properties: { a: { minimum: '1' } } } },
      ['body', 'query'],
    ],
    ['a JSON Schema that only looks right', { body: { minLength: -1 } }, ['body']],
    ['a reference to elsewhere', { body: { $ref: 'https://example.com/schema.json' } }, ['body']],
    ['a pattern that is none', { body: { pattern: '(' } }, ['body']],
    ['an unknown draft', { body: { $schema: 'http://json-schema.org/draft-04/schema#' } }, ['body']],
    ['a draft that is no text', { body: { $schema: 7 } }, ['body']],
    ['a schema that would be checked later', { body: { $async: true, type: 'object' } }, ['body']],
    [
      'a validator of another version',
      { body: { '~standard': { version: 2, validate: () => ({ value: 1 }) } } },
      ['body'],
    ],
    ['a validator without a function', { body: { '~standard': { version: 1, vendor: 'x' } } }, ['body']],
    ['numbers out of range', { body: true, maxBodyBytes: -1, maxErrors: 0 }, ['maxBodyBytes', 'maxErrors']],
    ['an unknown option', { body: true, cookies: true }, ['cookies']],
  ])('does not start with %s', (_case, options, paths) => {
    let error: unknown;
    try {
      validation(options as ValidationOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual(paths);
  });
});
