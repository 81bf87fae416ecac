/** Requests that are not as their schemas say: nothing of them gets through, and nothing of them comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serve } from '../../src/adapters/node/index.js';
import type { ValidationOptions } from '../../src/validation/index.js';
import { eventually } from '../support/eventually.js';
import { rawClient, type RawResponse } from '../support/raw-client.js';
import { rawUpstream } from '../support/raw-upstream.js';
import { front, get, lines, MOUNTINGS, observe, type Front } from './front.js';
import { CLOSE, FORM_TYPE, JSON_TYPE, post } from './ruled.js';

/** In two chunks, with extensions. */
function chunked(target: string, body: string | Uint8Array, ...fields: readonly string[]): Buffer {
  const bytes = Buffer.from(body);
  const head = lines(`POST ${target} HTTP/1.1`, 'Host: gateway.test', 'Transfer-Encoding: chunked', ...fields, '');
  const halves = [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)];
  const chunks = halves
    .filter(({ length }) => length > 0)
    .flatMap((half) => [Buffer.from(`${half.length.toString(16)};x=y\r\n`), half, Buffer.from('\r\n')]);
  return Buffer.concat([Buffer.from(head, 'latin1'), ...chunks, Buffer.from('0\r\n\r\n')]);
}

const JSON_SCHEMAS: ValidationOptions = {
  body: {
    type: 'object',
    required: ['name', 'age'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', maxLength: 20, pattern: '^[a-z ]*$' },
      age: { type: 'integer', minimum: 0 },
      plan: { enum: ['free', 'paid'] },
      tags: { type: 'array', items: { type: 'string' }, uniqueItems: true },
    },
  },
  query: { type: 'object', additionalProperties: false, properties: { page: { type: 'integer' } } },
  params: { type: 'object', properties: { id: { type: 'string', pattern: '^[0-9]+$' } } },
  headers: { type: 'object', properties: { 'x-kind': { enum: ['a', 'b'] } } },
};

const ZOD_SCHEMAS: ValidationOptions = {
  body: z.strictObject({
    name: z
      .string()
      .max(20)
      .regex(/^[a-z ]*$/),
    age: z.int().min(0),
    plan: z.enum(['free', 'paid']).optional(),
    tags: z.array(z.string()).optional(),
  }),
  query: z.strictObject({ page: z.coerce.number().int().optional() }),
  params: z.object({ id: z.string().regex(/^[0-9]+$/) }),
  headers: z.looseObject({ 'x-kind': z.enum(['a', 'b']).optional() }),
};

const KINDS: readonly (readonly [string, ValidationOptions])[] = [
  ['JSON Schemas', JSON_SCHEMAS],
  ['validators of zod', ZOD_SCHEMAS],
];

const GOOD = '{"name":"ada","age":36}';

interface Problem {
  readonly code: string;
  readonly errors?: readonly { readonly in: string; readonly path: string; readonly message: string }[];
}

function problemOf(response: RawResponse | undefined): Problem {
  return JSON.parse(response?.body.toString() ?? '') as Problem;
}

describe.each(MOUNTINGS)('a %s gateway', (mounting) => {
  describe.each(KINDS)('with %s', (_kind, schemas) => {
    let gateway: Front;

    beforeAll(async () => {
      gateway = await front(
        (target) => ({
          defaults: { stripPrefix: false },
          routes: [
            { path: '/alive', target },
            { path: '/users/:id', target, validation: { ...schemas, maxBodyBytes: 10_000 } },
          ],
        }),
        { mounting },
      );
    });
    afterAll(() => gateway.close());

    async function expectRefused(data: string | Buffer, status: number, code: string): Promise<Problem> {
      const { response, bytes, raw } = await observe(gateway, data);
      expect(bytes).toBe('');
      expect(response?.status).toBe(status);
      expect(raw.match(/^HTTP\//gm)).toHaveLength(1);
      const problem = problemOf(response);
      expect(problem.code).toBe(code);
      return problem;
    }

    const INVALID = 'ERR_GATEWAY_VALIDATION_FAILED';
    const MALFORMED = 'ERR_GATEWAY_BODY_MALFORMED';
    const TOO_LARGE = 'ERR_GATEWAY_BODY_TOO_LARGE';
    const UNSUPPORTED = 'ERR_GATEWAY_MEDIA_TYPE_UNSUPPORTED';

    it('tells every fault of the fields at once, and no value of the client', async () => {
      const data = post('/users/Secret7?page=Secret8', GOOD, JSON_TYPE, 'X-Kind: Secret9', CLOSE);
      const { errors } = await expectRefused(data, 400, INVALID);
      expect(errors?.map((fault) => fault.in)).toEqual(['params', 'query', 'headers']);
      expect(JSON.stringify(errors)).not.toMatch(/Secret/);
    });

    it('tells every fault of the body at once, and no value of the client', async () => {
      const body = '{"name":"SECRET-1","age":-77777,"plan":"SECRET-2","tags":["x",88888]}';
      const { errors } = await expectRefused(post('/users/7', body, JSON_TYPE, CLOSE), 400, INVALID);
      expect(errors?.map(({ path }) => path).sort()).toEqual(['/age', '/name', '/plan', '/tags/1']);
      expect(JSON.stringify(errors)).not.toMatch(/SECRET|77777|88888/);
    });

    it('bounds what it says, whatever the names of members', async () => {
      const names = Array.from({ length: 200 }, (_, i) => `"${i}\\r\\nX-Evil: 1\\u001b[31m\\u2028"`);
      const body = `{${names.map((name) => `${name}:1`).join(',')}}`;
      const before = gateway.lines.length;
      const { response, bytes } = await observe(gateway, post('/users/7', body, JSON_TYPE, CLOSE));
      expect([response?.status, bytes]).toEqual([400, '']);
      expect(response?.body.length).toBeLessThan(60_000);
      expect(response?.headers).not.toHaveProperty('x-evil');
      const line =
        gateway.lines
          .slice(before)
          .find((text) => text.includes('/users/7'))
          ?.trimEnd() ?? '';
      expect(line).toContain('ERR_GATEWAY_VALIDATION_FAILED');
      for (const char of ['\n', '\r', '\u001b', '\u2028']) expect(line).not.toContain(char);
      expect(line.length).toBeLessThan(2_000);
    });

    it('cuts a name of 9 KB', async () => {
      const data = post('/users/7', `{"name":"ada","age":1,"${'n'.repeat(9_000)}":1}`, JSON_TYPE, CLOSE);
      const { errors } = await expectRefused(data, 400, INVALID);
      expect(JSON.stringify(errors).length).toBeLessThan(1_000);
    });

    const BROKEN: Readonly<Record<string, readonly [string | Buffer, number, string, ...string[]]>> = {
      'half a text': ['{"name":', 400, MALFORMED, JSON_TYPE],
      'JSON and more': [`${GOOD}{}`, 400, MALFORMED, JSON_TYPE],
      'what is no UTF-8': [Buffer.from(`${GOOD}\xff`, 'latin1'), 400, MALFORMED, JSON_TYPE],
      'UTF-16': [Buffer.from(GOOD, 'utf16le'), 400, MALFORMED, JSON_TYPE],
      '4,000 levels': [`{"name":${'['.repeat(4_000)}${']'.repeat(4_000)},"age":1}`, 400, INVALID, JSON_TYPE],
      'another type': [GOOD, 415, UNSUPPORTED, 'Content-Type: text/plain'],
      'no type': [GOOD, 415, UNSUPPORTED],
      'JSON as XML': [GOOD, 415, UNSUPPORTED, 'Content-Type: application/xml'],
      'an unknown coding': [GOOD, 415, UNSUPPORTED, JSON_TYPE, 'Content-Encoding: rot13'],
      'what is not compressed': [GOOD, 400, MALFORMED, JSON_TYPE, 'Content-Encoding: gzip'],
      'gzip that is cut': [zlib.gzipSync(GOOD).subarray(0, 25), 400, MALFORMED, JSON_TYPE, 'Content-Encoding: gzip'],
      'more than the cap': [`{"name":"${'x'.repeat(10_000)}","age":1}`, 413, TOO_LARGE, JSON_TYPE],
      'a bomb': [zlib.gzipSync(Buffer.alloc(5_000_000)), 413, TOO_LARGE, JSON_TYPE, 'Content-Encoding: gzip'],
      nothing: ['', 400, INVALID, JSON_TYPE],
      null: ['null', 400, INVALID, JSON_TYPE],
      'a list': [`[${GOOD}]`, 400, INVALID, JSON_TYPE],
      'a number in a string': ['{"name":"ada","age":"36"}', 400, INVALID, JSON_TYPE],
      'a form': ['name=ada&age=36', 400, INVALID, FORM_TYPE],
      'a huge number': ['{"name":"ada","age":-1e400}', 400, INVALID, JSON_TYPE],
      'a prototype': ['{"__proto__":{"name":"ada","age":36}}', 400, INVALID, JSON_TYPE],
      'a prototype beside': ['{"name":"ada","age":36,"__proto__":{"plan":"x"}}', 400, INVALID, JSON_TYPE],
      'an escaped prototype': [
        String.raw`{"name":"ada","age":36,"\u005f_proto__":{"plan":"x"}}`,
        400,
        INVALID,
        JSON_TYPE,
      ],
      'a constructor': ['{"name":"ada","age":36,"constructor":{"prototype":{}}}', 400, INVALID, JSON_TYPE],
      'a method': ['{"name":"ada","age":36,"toString":1}', 400, INVALID, JSON_TYPE],
    };

    it.each(Object.entries(BROKEN))(
      'refuses %s, and no byte goes upstream',
      async (_name, [body, status, code, ...fields]) => {
        await expectRefused(post('/users/7', body, ...fields, CLOSE), status, code);
        await expectRefused(chunked('/users/7', body, ...fields, CLOSE), status, code);
      },
    );

    it.each(['__proto__=1', '__proto__[x]=1', 'constructor=1', 'page=1&page=x', 'toString=1', 'page=1&__proto__=2'])(
      'refuses the query %s',
      async (query) => {
        const { errors } = await expectRefused(post(`/users/7?${query}`, GOOD, JSON_TYPE, CLOSE), 400, INVALID);
        expect(errors?.every((fault) => fault.in === 'query')).toBe(true);
      },
    );

    it.each([
      ['spaces and order', ' { "age" : 36 ,\r\n "name" : "ada" } '],
      ['escapes', String.raw`{"n\u0061me":"\u0061da","age":36}`],
      ['a number as it was written', '{"name":"ada","age":36.0e0}'],
      ['a byte order mark', `\ufeff${GOOD}`],
    ])('sends %s on byte for byte', async (_name, body) => {
      for (const data of [
        post('/users/7?page=5', body, JSON_TYPE, CLOSE),
        chunked('/users/7?page=5', body, JSON_TYPE, CLOSE),
      ]) {
        const { response, arrived } = await observe(gateway, data);
        expect(response?.status).toBe(200);
        expect(arrived).toHaveLength(1);
        expect(arrived[0]?.body.equals(Buffer.from(body))).toBe(true);
        expect(arrived[0]?.headers['content-length']).toBe(String(Buffer.byteLength(body)));
        expect(arrived[0]?.headers).not.toHaveProperty('transfer-encoding');
        expect(arrived[0]?.url).toBe('/users/7?page=5');
      }
    });

    it.each([
      ['gzip', zlib.gzipSync(GOOD)],
      ['br', zlib.brotliCompressSync(GOOD)],
      ['deflate', zlib.deflateSync(GOOD)],
      ['gzip, br', zlib.brotliCompressSync(zlib.gzipSync(GOOD))],
    ])('sends the bytes of %s on as they came', async (coding, body) => {
      const { response, arrived } = await observe(
        gateway,
        chunked('/users/7', body, JSON_TYPE, `Content-Encoding: ${coding}`, CLOSE),
      );
      expect(response?.status).toBe(200);
      expect(arrived[0]?.body.equals(body)).toBe(true);
      expect(arrived[0]?.headers['content-encoding']).toBe(coding);
    });

    it.each(['Application/JSON', 'application/json;charset=utf-8', 'application/vnd.x+json; charset=utf-8'])(
      'takes %s for JSON',
      async (type) => {
        const { response } = await observe(gateway, post('/users/7', GOOD, `Content-Type: ${type}`, CLOSE));
        expect(response?.status).toBe(200);
      },
    );

    it('lets a GET without a body through, and none with a bad one', async () => {
      const { arrived } = await observe(gateway, get('/users/7', CLOSE));
      expect(arrived).toHaveLength(1);
      const withBody = lines('GET /users/7 HTTP/1.1', 'Host: gateway.test', JSON_TYPE, 'Content-Length: 2', CLOSE, '');
      await expectRefused(`${withBody}{}`, 400, INVALID);
    });

    it('asks for a body that is announced, and not for one that it will not take', async () => {
      const client = rawClient(gateway.port);
      const announced = ['Expect: 100-continue', JSON_TYPE];
      client.write(post('/users/7', GOOD, ...announced).subarray(0, -GOOD.length));
      await eventually(() => client.received().includes('100 Continue'));
      expect(gateway.upstream.requests.at(-1)?.complete ?? true).toBe(true);
      client.write(GOOD);
      expect((await client.response()).status).toBe(200);
      expect(gateway.upstream.requests.at(-1)?.headers).not.toHaveProperty('expect');
      client.destroy();
      if (mounting === 'mounted') return;

      for (const [target, field] of [
        ['/users/x', 'Content-Length: 20'],
        ['/users/7', 'Content-Length: 20000'],
      ] as const) {
        const other = rawClient(gateway.port);
        other.write(lines(`POST ${target} HTTP/1.1`, 'Host: a', field, ...announced, ''));
        const { status, informational } = await other.response();
        expect([400, 413]).toContain(status);
        expect(informational).toEqual([]);
        other.destroy();
      }
    });

    it('sends nothing of a body whose client leaves in the middle', async () => {
      const before = gateway.upstream.requests.length;
      for (const end of ['end', 'reset'] as const) {
        const client = rawClient(gateway.port);
        client.write(post('/users/7', GOOD, JSON_TYPE).subarray(0, -3));
        await client.connected;
        await sleep(20);
        client[end]();
        await client.readAll().catch(() => undefined);
        client.destroy();
      }
      await observe(gateway, get('/alive', CLOSE));
      expect(gateway.upstream.requests.slice(before).filter(({ url }) => url !== '/alive')).toEqual([]);
    });

    it('answers the next request on the connection of one that it refused', async () => {
      const client = rawClient(gateway.port);
      const bad = [
        post('/users/7', '{"name":', JSON_TYPE),
        chunked('/users/7', '{"name":1}', JSON_TYPE),
        post('/users/x', GOOD, JSON_TYPE),
        post('/users/7', 'x'.repeat(5_000), JSON_TYPE, 'Content-Encoding: gzip'),
        post('/users/7', GOOD, 'Content-Type: text/plain'),
      ];
      for (const data of bad) {
        client.write(data);
        expect([400, 415]).toContain((await client.response()).status);
        client.write(post('/users/7', GOOD, JSON_TYPE));
        expect((await client.response()).status).toBe(200);
      }
      client.write(Buffer.concat([...bad, post('/users/7', GOOD, JSON_TYPE)]));
      for (let i = 0; i < bad.length; i++) expect([400, 415]).toContain((await client.response()).status);
      expect((await client.response()).status).toBe(200);
      client.destroy();
    });

    it('opens no connection to the upstream for 100 refusals', async () => {
      const { accepted } = gateway.upstream;
      for (let i = 0; i < 100; i++) {
        const client = rawClient(gateway.port);
        client.write(chunked('/users/7', '{"name":1}', JSON_TYPE, CLOSE));
        expect((await client.response()).status).toBe(400);
        client.destroy();
      }
      expect(gateway.upstream.accepted).toBe(accepted);
    });
  });
});

describe('a body that is validated', () => {
  it('is deep without harm, 100,000 levels of it', async () => {
    const tree: ValidationOptions = { body: { type: 'array', items: { $ref: '#' } }, maxBodyBytes: 1_000_000 };
    const gateway = await front((target) => ({
      routes: [
        { path: '/alive', target, stripPrefix: false },
        { path: '/', target, validation: tree },
      ],
    }));
    for (const depth of [100_000, 400_000]) {
      const text = '['.repeat(depth) + ']'.repeat(depth);
      const { response, bytes } = await observe(gateway, post('/', text, JSON_TYPE, CLOSE));
      expect([response?.status, bytes]).toEqual([400, '']);
    }
    await gateway.close();
  });

  it('does not have what every object inherits', async () => {
    const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];
    const gateway = await front((target) => ({
      defaults: { stripPrefix: false },
      routes: [
        { path: '/alive', target },
        ...names.map((name) => ({ path: `/${name}`, target, validation: { body: { required: [name] } } })),
      ],
    }));
    for (const name of names) {
      const { response } = await observe(gateway, post(`/${name}`, '{}', JSON_TYPE, CLOSE));
      expect(response?.status, name).toBe(400);
      const given = await observe(gateway, post(`/${name}`, `{"${name}":1}`, JSON_TYPE, CLOSE));
      expect(given.response?.status, name).toBe(200);
    }
    await gateway.close();
  });

  it('has the time of a request and no more', async () => {
    const upstream = await rawUpstream();
    const route = { path: '/users/:id', target: upstream.url, validation: JSON_SCHEMAS };
    const running = await serve(
      { accessLog: false, routes: [route] },
      { port: 0, host: '127.0.0.1', announce: false, signals: [], drainTimeoutMs: 0, requestTimeoutMs: 200 },
    );
    const client = rawClient(Number(new URL(running.url).port));
    client.write(post('/users/7', GOOD, JSON_TYPE).subarray(0, -1));
    const { status } = await client.response();
    expect(status).toBe(408);
    await client.closed;
    expect(upstream.accepted).toBe(0);
    await running.close();
    await upstream.close();
  });

  it('of a type that the gateway decides is read as that type', async () => {
    const gateway = await front((target) => ({
      routes: [
        { path: '/alive', target, stripPrefix: false },
        { path: '/:id', target, defaultContentType: 'application/json', validation: JSON_SCHEMAS },
      ],
    }));
    const good = await observe(gateway, post('/7', GOOD, CLOSE));
    const bad = await observe(gateway, post('/7', '{"name":1}', CLOSE));
    await gateway.close();
    expect([bad.response?.status, bad.bytes]).toEqual([expect.any(Number), '']);
    expect(bad.response?.status).toBeGreaterThanOrEqual(400);
    expect(good.response?.status).toBe(200);
  });
});
