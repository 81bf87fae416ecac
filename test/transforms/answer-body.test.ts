import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createDecoders, createEncoders, isCoding, type ContentCoding } from '../../src/core/content-coding.js';
import { refuse } from '../../src/core/refuse.js';
import type { Body, GatewayResponse, HeaderMap } from '../../src/core/types.js';
import { transform, type ResponseTransform } from '../../src/transforms/index.js';
import { seededRandom } from '../support/random.js';
import { bodyBytes, bodyText, fakeContext } from '../support/request.js';

type Transforms = ResponseTransform | readonly ResponseTransform[];

interface Given {
  readonly status?: number;
  readonly headers?: HeaderMap;
  readonly body: Body;
}

async function answer(
  response: Transforms,
  { status = 200, headers = {}, body }: Given,
  ctx = fakeContext(),
  maxBodyBytes = 1_000,
): Promise<GatewayResponse> {
  const given: GatewayResponse = { status, headers: { 'content-type': 'application/json', ...headers }, body };
  return transform({ response, maxBodyBytes })(ctx, () => Promise.resolve(given));
}

function stream(...chunks: (string | Uint8Array)[]): Readable {
  return Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );
}

const omitSecret: ResponseTransform = { omit: ['secret', 'items.*.secret'] };

const CODINGS = (['gzip', 'deflate', 'br', 'zstd'] as const).filter(isCoding);

async function through(stages: readonly Transform[], bytes: Uint8Array): Promise<Buffer> {
  let result = Buffer.concat([bytes]);
  for (const stage of stages) {
    stage.end(result);
    result = Buffer.concat([await bodyBytes(stage)]);
  }
  return result;
}

describe('body rules of answers', () => {
  it('change JSON, with its length, and with a tag that is weak', async () => {
    const { headers, body } = await answer(omitSecret, {
      headers: {
        'content-type': 'application/problem+json; charset=utf-8',
        'content-length': '99',
        etag: '"a"',
        'content-md5': 'x',
        digest: 'x',
        'content-digest': 'x',
        'repr-digest': 'x',
        'accept-ranges': 'bytes',
        'cache-control': 'private',
      },
      body: stream('{"secret":1,"a":"é",', '"items":[{"secret":2,"b":3}]}'),
    });
    expect(await bodyText(body)).toBe('{"a":"é","items":[{"b":3}]}');
    expect(JSON.parse(JSON.stringify(headers))).toEqual({
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': String(Buffer.byteLength('{"a":"é","items":[{"b":3}]}')),
      etag: 'W/"a"',
      'cache-control': 'private',
    });
  });

  it.each([...CODINGS, 'gzip, br'])('undo %s and apply it again', async (coding) => {
    const codings = coding.split(', ') as ContentCoding[];
    const random = seededRandom(3);
    for (let run = 0; run < 20; run++) {
      const value = { secret: 's', text: 'x'.repeat(random.int(900)), n: random.int(1_000) };
      const bytes = await through(createEncoders(codings), Buffer.from(JSON.stringify(value)));
      const cut = random.int(bytes.length);
      const { headers, body } = await answer(omitSecret, {
        headers: { 'content-encoding': coding, 'content-length': String(bytes.length) },
        body: stream(bytes.subarray(0, cut), bytes.subarray(cut)),
      });
      const sent = await bodyBytes(body);
      expect(headers).toMatchObject({ 'content-encoding': coding, 'content-length': String(sent.length) });
      const decoded = await through(createDecoders(codings), sent);
      expect(JSON.parse(decoded.toString())).toEqual({ text: value.text, n: value.n });
    }
  });

  it.each([
    ['text/plain', 200],
    ['text/event-stream', 200],
    ['application/x-www-form-urlencoded', 200],
    ['application/json', 204],
    ['application/json', 205],
    ['application/json', 304],
  ])('leave %s with status %d alone', async (type, status) => {
    const body = stream('{"secret":1}');
    const headers = { 'content-type': type, 'content-length': '12', etag: '"a"' };
    const result = await answer(omitSecret, { status, headers, body });
    expect(result).toEqual({ status, headers, body });
    expect(result.body).toBe(body);
    expect(body.readableDidRead).toBe(false);
    body.destroy();
  });

  it('are 502 for a part of a body, which nobody has asked for', async () => {
    const part = { status: 206, headers: { 'content-type': 'application/json' }, body: stream('{"secret":1}') };
    await expect(answer(omitSecret, part)).rejects.toMatchObject({ code: 'ERR_GATEWAY_UPSTREAM_PROTOCOL' });
    expect(part.body.destroyed).toBe(true);
  });

  it('take from an answer to HEAD what is not true of the one to GET', async () => {
    const headers = { 'content-length': '12', etag: '"a"', 'accept-ranges': 'bytes' };
    const result = await answer(omitSecret, { headers, body: null }, fakeContext({ method: 'HEAD' }));
    expect(JSON.parse(JSON.stringify(result.headers))).toEqual({ 'content-type': 'application/json', etag: 'W/"a"' });
  });

  it('change an answer in the place of one of the gateway', async () => {
    const ctx = fakeContext();
    const result = await transform({ response: omitSecret })(ctx, () => {
      refuse(ctx, 'ERR_GATEWAY_CIRCUIT_OPEN');
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"a":1,"secret":2}' };
    });
    expect(await bodyText(result.body)).toBe('{"a":1}');
  });

  it('leave an answer of the gateway alone', async () => {
    const ctx = fakeContext();
    const options = { response: [omitSecret, { wrap: 'w' }, { type: 'add-header', key: 'a', value: 'b' }] } as const;
    const result = await transform(options)(ctx, () => refuse(ctx, 'ERR_GATEWAY_FORBIDDEN'));
    expect(result.status).toBe(403);
    expect(result.headers).not.toHaveProperty('a');
    expect(result.headers['content-type']).toContain('problem+json');
    expect(JSON.parse(result.body as string)).toHaveProperty('code');
  });

  it('leave an empty body alone', async () => {
    expect(await bodyText((await answer(omitSecret, { body: stream() })).body)).toBe('');
    expect((await answer(omitSecret, { body: null })).body).toBeNull();
  });

  it('take the whole of a body that is here already', async () => {
    const body = Object.assign(stream(), { takeWhole: () => Buffer.from('{"secret":1}') });
    expect(await bodyText((await answer(omitSecret, { body })).body)).toBe('{}');
  });

  it('ask the service for a whole body in a coding that can be undone, in a draft only where there is one', async () => {
    const headers = { range: 'bytes=0-1', 'if-range': '"a"', 'accept-encoding': 'gzip, lzma' };
    const ctx = fakeContext({ headers });
    await answer(omitSecret, { body: stream('{}') }, ctx);
    expect(ctx.drafted).toBeNull();
    expect(ctx.upstreamFields?.takes('range')).toBe(true);
    expect(ctx.draft().headers).toMatchObject({ range: undefined, 'if-range': undefined, 'accept-encoding': 'gzip' });
  });
});

describe('an answer whose body cannot be read', () => {
  it.each<[string, HeaderMap, () => Readable, string]>([
    ['is no JSON', {}, () => stream('{"secret":'), 'ERR_GATEWAY_UPSTREAM_PROTOCOL'],
    ['is not UTF-8', {}, () => stream(Buffer.from([0x22, 0xe9, 0x22])), 'ERR_GATEWAY_UPSTREAM_PROTOCOL'],
    ['is no gzip', { 'content-encoding': 'gzip' }, () => stream('{"secret":1}'), 'ERR_GATEWAY_UPSTREAM_PROTOCOL'],
    [
      'is half of a gzip',
      { 'content-encoding': 'gzip' },
      () => stream(zlib.gzipSync('{"secret":1}').subarray(0, 20)),
      'ERR_GATEWAY_UPSTREAM_PROTOCOL',
    ],
    [
      'has an unknown coding',
      { 'content-encoding': 'lzma' },
      () => stream('{"secret":1}'),
      'ERR_GATEWAY_UPSTREAM_PROTOCOL',
    ],
    ['is too long', {}, () => stream(JSON.stringify('x'.repeat(1_000))), 'ERR_GATEWAY_UPSTREAM_TOO_LARGE'],
    [
      'swells',
      { 'content-encoding': 'gzip' },
      () => stream(zlib.gzipSync(Buffer.alloc(5_000_000))),
      'ERR_GATEWAY_UPSTREAM_TOO_LARGE',
    ],
  ])('fails with 502 where it %s, and is destroyed', async (_what, headers, body, code) => {
    const source = body();
    const failure = answer(omitSecret, { headers, body: source });
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(/^the answer /);
    await expect(failure).rejects.not.toThrow(/secret/);
    expect(source.destroyed).toBe(true);
  });

  it('fails with the error of the service where it breaks off', async () => {
    const error = new Error('reset');
    const body = new Readable({ read: () => body.destroy(error) });
    await expect(answer(omitSecret, { body })).rejects.toBe(error);
  });
});

describe('functions over answers', () => {
  it('get values and bytes, now or later', async () => {
    const value: ResponseTransform = { body: async (given) => Promise.resolve({ was: given }) };
    expect(await bodyText((await answer([value, { wrap: 'w' }], { body: stream('[1]') })).body)).toBe(
      '{"w":{"was":[1]}}',
    );

    const shout: ResponseTransform = {
      bytes: (bytes) => Buffer.from(bytes).toString().toUpperCase(),
      types: ['text/html'],
    };
    const html = { 'content-type': 'text/html', 'content-encoding': 'gzip' };
    const { headers, body } = await answer(shout, { headers: html, body: stream(zlib.gzipSync('<p>')) });
    const sent = await bodyBytes(body);
    expect([zlib.gunzipSync(sent).toString(), headers['content-length']]).toEqual(['<P>', String(sent.length)]);
  });

  it('never get a stream of events', async () => {
    const body = stream('data: 1\n\n');
    const all: ResponseTransform = { bytes: () => 'x', types: ['text/*', 'text/event-stream'] };
    const result = await answer(all, { headers: { 'content-type': 'text/event-stream' }, body });
    expect(result.body).toBe(body);
    body.destroy();
  });

  it('change the answer, or return another one', async () => {
    const seen: unknown[] = [];
    const change: ResponseTransform = (response, ctx) => {
      seen.push(ctx);
      response.status = 201;
    };
    const replace: ResponseTransform = (response) => Promise.resolve({ ...response, headers: { a: 'b' } });
    const ctx = fakeContext();
    const body = stream('x');
    const result = await answer([change, replace, { type: 'add-header', key: 'c', value: 'd' }], { body }, ctx);
    expect(result).toEqual({ status: 201, headers: { a: 'b', c: 'd' }, body });
    expect(seen).toEqual([ctx]);
    expect(body.destroyed).toBe(false);
    body.destroy();
  });

  it.each<[string, ResponseTransform]>([
    ['now', () => ({ status: 200, headers: {}, body: 'new' })],
    ['later', (response) => Promise.resolve().then(() => void (response.body = null))],
  ])('that send no stream any more destroy the one that there was, %s', async (_when, change) => {
    const ctx = fakeContext();
    const body = new Readable({
      read: () => undefined,
      destroy(_error, done) {
        ctx.error = new Error('cut');
        done(null);
      },
    });
    await answer(change, { body }, ctx);
    expect([body.destroyed, ctx.error]).toEqual([true, null]);
  });

  it('may send the stream through another one', async () => {
    const body = stream(zlib.gzipSync('x'));
    const gunzip: ResponseTransform = (response) => {
      response.body = body.pipe(zlib.createGunzip());
    };
    expect(await bodyText((await answer(gunzip, { body })).body)).toBe('x');
  });

  it.each<[string, ResponseTransform]>([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects', () => Promise.reject(new Error('mine'))],
  ])('the stream of the service is destroyed where a function %s', async (_how, failing) => {
    const body = stream('x');
    await expect(answer([{ type: 'remove-header', key: 'a' }, failing], { body })).rejects.toThrow('mine');
    expect(body.destroyed).toBe(true);
  });

  it('what is synchronous stays so', () => {
    const given: GatewayResponse = { status: 200, headers: {}, body: null };
    const change = transform({ response: [(response) => void (response.status = 201)] });
    expect(change(fakeContext(), () => given)).toBe(given);
    expect(given.status).toBe(201);
  });
});
