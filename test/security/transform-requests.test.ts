/** Rules that take members from the bodies of requests, against those who want them to arrive. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestTransform } from '../../src/transforms/index.js';
import { rawClient } from '../support/raw-client.js';
import type { RawRequest } from '../support/raw-upstream.js';
import { BOMBS, memoryOf } from './bombs.js';
import { front, get, MOUNTINGS, observe, type Front } from './front.js';
import { chunked, CLOSE, FORM_TYPE, JSON_TYPE, post, ruled } from './ruled.js';

const REMOVING: RequestTransform = {
  remove: { body: ['role', 'user.role', 'items.*.role', '__proto__', 'constructor'] },
};

describe.each(MOUNTINGS)('a %s gateway with rules for bodies of requests', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await ruled(
      {
        '/remove': { request: REMOVING, maxBodyBytes: 1_048_576 },
        '/small': { request: REMOVING, maxBodyBytes: 100 },
        '/query': { request: { remove: { query: ['role'] } } },
      },
      { mounting },
    );
  });
  afterAll(() => gateway.close());

  async function sentOn(data: Buffer): Promise<{ status: number | undefined; body: string | undefined }> {
    const { response, arrived, bytes } = await observe(gateway, data);
    const [request] = arrived;
    if (response?.status === 200) {
      expect(arrived).toHaveLength(1);
      expect(request?.complete).toBe(true);
      expect(request?.headers).not.toHaveProperty('transfer-encoding');
      expect(Number(request?.headers['content-length'] ?? 0)).toBe(request?.body.length);
    } else {
      expect(bytes).toBe('');
    }
    return { status: response?.status, body: request?.body.toString() };
  }

  const CLEAN: readonly (readonly [given: string, sent: string])[] = [
    ['{"role":"admin","a":1}', '{"a":1}'],
    ['{"role":"user","a":1,"role":"admin"}', '{"a":1}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    [String.raw`{"r\u006fle":"admin","a":1}`, '{"a":1}'],
    ['{"__proto__":{"role":"admin"},"a":1}', '{"a":1}'],
    [String.raw`{"\u005f_proto__":{"role":"admin"},"a":1}`, '{"a":1}'],
    ['{"constructor":{"prototype":{"role":"admin"}},"a":1}', '{"a":1}'],
    ['{"user":{"role":"admin","__proto__":{"x":1}}}', '{"user":{"__proto__":{"x":1}}}'],
    ['{"user":["role"],"items":{"role":1}}', '{"user":["role"],"items":{"role":1}}'],
    ['{"items":[{"role":1},null,7,[{"role":1}]]}', '{"items":[{},null,7,[{"role":1}]]}'],
    [
      '{"role":1,"n":12345678901234567890123,"e":1e400,"d":0.1234567890123456789}',
      '{"n":12345678901234567890123,"e":1e400,"d":0.1234567890123456789}',
    ],
    ['\ufeff{"role":"admin","a":1}', '{"a":1}'],
    ['  {"role":"admin","a":"\u2028"}\n', '{"a":"\u2028"}'],
    ['null', 'null'],
    ['"role"', '"role"'],
    ['[]', '[]'],
    ['', ''],
  ];

  it.each(CLEAN)('makes of %s what it should, in whatever framing and coding', async (given, sent) => {
    expect(await sentOn(post('/remove', given, JSON_TYPE, CLOSE))).toEqual({ status: 200, body: sent });
    expect(await sentOn(chunked('/remove', given, JSON_TYPE, CLOSE))).toEqual({ status: 200, body: sent });
    if (given === '') return;
    for (const [coding, encode] of [
      ['gzip', zlib.gzipSync],
      ['x-gzip', zlib.gzipSync],
      ['br', zlib.brotliCompressSync],
      ['deflate', zlib.deflateSync],
      ['identity, gzip', zlib.gzipSync],
      ['gzip, br', (bytes: Buffer) => zlib.brotliCompressSync(zlib.gzipSync(bytes))],
    ] as const) {
      const encoded = encode(Buffer.from(given));
      const result = await sentOn(post('/remove', encoded, JSON_TYPE, `Content-Encoding: ${coding}`, CLOSE));
      expect(result, coding).toEqual({ status: 200, body: sent });
    }
  });

  const FORMS: readonly (readonly [given: string, sent: string])[] = [
    ['role=admin&a=1', 'a=1'],
    ['a=1&role=admin&role=x', 'a=1'],
    ['r%6fle=admin&a=%31', 'a=%31'],
    ['role[]=admin&role[x]=1&role.x=1&a=1', 'a=1'],
    ['%5Brole%5D=admin&a=1', 'a=1'],
    ['user[role]=admin&user.role=1&user%5Brole%5D%5B%5D=1&user[name]=ada', 'user[name]=ada'],
    ['items[0][role]=1&items[][role]=1&items[0][id]=7', 'items[0][id]=7'],
    ['__proto__=1&__proto__[role]=admin&constructor[prototype][role]=admin&a=1', 'a=1'],
    ['role&a=1', 'a=1'],
    ['%zz=1&a=1', '%zz=1&a=1'],
    ['&&a=1&', '&&a=1&'],
  ];

  it.each(FORMS)('makes of the form %s what it should', async (given, sent) => {
    expect(await sentOn(post('/remove', given, FORM_TYPE, CLOSE))).toEqual({ status: 200, body: sent });
  });

  /** Media types that frameworks read as JSON: ASP.NET Core takes `text/json`, all take `+json`. */
  it.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json;charset=utf-8',
    'application/json ; charset="utf-8"',
    'application/problem+json',
    'application/vnd.x+json; charset=utf-8',
    'application/vnd.a+b+json',
    'application/vnd.x&y+json',
    'text/json',
    'text/x-json',
    'model/gltf+json',
  ])('removes from a body of %s', async (type) => {
    const result = await sentOn(post('/remove', '{"role":"admin","a":1}', `Content-Type: ${type}`, CLOSE));
    expect(result).toEqual({ status: 200, body: '{"a":1}' });
  });

  it('refuses a body of two types', async () => {
    const types = ['Content-Type: text/plain', JSON_TYPE];
    for (const order of [types, [...types].reverse()]) {
      expect((await sentOn(post('/remove', '{"role":"admin"}', ...order, CLOSE))).status).toBe(400);
    }
  });

  it('leaves bodies of other types alone', async () => {
    const text = '{"role":"admin"}';
    expect(await sentOn(post('/small', text, 'Content-Type: text/plain', CLOSE))).toEqual({ status: 200, body: text });
    const long = 'x'.repeat(500);
    expect(await sentOn(post('/small', long, 'Content-Type: text/plain', CLOSE))).toEqual({ status: 200, body: long });
  });

  const BROKEN: Readonly<Record<string, readonly [body: string | Buffer, status: number, ...fields: string[]]>> = {
    'half a text': ['{"role":', 400],
    'JSON and more': ['{"a":1}{"role":"admin"}', 400],
    'a comment': ['{"a":1/* */}', 400],
    'what is no UTF-8': [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
    'UTF-16': [Buffer.from('{"role":"admin"}', 'utf16le'), 400],
    '500,000 levels that do not end': ['['.repeat(500_000), 400],
    'a body that is not compressed': ['{"role":"admin"}', 400, 'Content-Encoding: gzip'],
    'a body that is cut': [zlib.gzipSync('{"role":"admin"}').subarray(0, 20), 400, 'Content-Encoding: gzip'],
    'br that is cut': [zlib.brotliCompressSync('{"role":"admin"}').subarray(0, 10), 400, 'Content-Encoding: br'],
    'an unknown coding': ['{"role":"admin"}', 415, 'Content-Encoding: rot13'],
    'a known coding and an unknown one': [zlib.gzipSync('{"role":"admin"}'), 415, 'Content-Encoding: rot13, gzip'],
    'a thousand codings': ['{"role":"admin"}', 415, `Content-Encoding: ${Array(1_000).fill('gzip').join(',')}`],
    'more than the cap': [`{"a":"${'x'.repeat(1_048_576)}"}`, 413],
    'more than the cap, decoded': [zlib.gzipSync(`{"a":"${'x'.repeat(1_048_576)}"}`), 413, 'Content-Encoding: gzip'],
  };

  it.each(Object.entries(BROKEN))('refuses %s, and no byte goes upstream', async (_name, [body, status, ...fields]) => {
    expect((await sentOn(post('/remove', body, JSON_TYPE, ...fields, CLOSE))).status).toBe(status);
    expect((await sentOn(chunked('/remove', body, JSON_TYPE, ...fields, CLOSE))).status).toBe(status);
  });

  /** V8 writes them from Node 26 on; where it cannot, they are refused. */
  it.each([
    ['lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['objects', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
  ])('refuses 100,000 levels of %s or sends them on whole', async (_name, body) => {
    const { status, body: sent } = await sentOn(post('/remove', body, JSON_TYPE, CLOSE));
    expect([200, 400]).toContain(status);
    if (status === 200) expect(sent === body).toBe(true);
    expect((await sentOn(post('/remove', '{"role":"admin"}', JSON_TYPE, CLOSE))).body).toBe('{}');
  });

  it.each(Object.keys(BOMBS))('refuses a bomb of %s without unpacking it', async (coding) => {
    const bomb = BOMBS[coding] as Buffer;
    const taken = await memoryOf(async () => {
      expect((await sentOn(post('/remove', bomb, JSON_TYPE, `Content-Encoding: ${coding}`, CLOSE))).status).toBe(413);
      expect((await sentOn(chunked('/remove', bomb, JSON_TYPE, `Content-Encoding: ${coding}`, CLOSE))).status).toBe(
        413,
      );
    });
    expect(taken).toBeLessThan(64 * 1_048_576);
  });

  it('answers the next request on the connection of one that it refused', async () => {
    const client = rawClient(gateway.port);
    const bodies = [
      post('/remove', '{"role":', JSON_TYPE),
      chunked('/remove', '{"role":', JSON_TYPE),
      post('/remove', 'not gzip'.repeat(1_000), JSON_TYPE, 'Content-Encoding: gzip'),
      post('/remove', 'x', JSON_TYPE, 'Content-Encoding: rot13'),
    ];
    for (const body of bodies) {
      client.write(body);
      expect([400, 415]).toContain((await client.response()).status);
      client.write(post('/remove', '{"role":"admin","a":1}', JSON_TYPE));
      expect((await client.response()).status).toBe(200);
      expect(gateway.upstream.requests.at(-1)?.body.toString()).toBe('{"a":1}');
    }
    client.write(Buffer.concat([...bodies, post('/remove', '{"role":1,"b":2}', JSON_TYPE)]));
    for (let i = 0; i < bodies.length; i++) expect([400, 415]).toContain((await client.response()).status);
    expect((await client.response()).status).toBe(200);
    expect(gateway.upstream.requests.at(-1)?.body.toString()).toBe('{"b":2}');
    client.destroy();
  });

  it('sends nothing of a body whose client leaves in the middle', async () => {
    const before = gateway.upstream.requests.length;
    for (const end of ['end', 'reset'] as const) {
      const client = rawClient(gateway.port);
      client.write(post('/remove', '{"role":"admin","a":1}', JSON_TYPE).subarray(0, -5));
      await client.connected;
      await sleep(20);
      client[end]();
      await client.readAll().catch(() => undefined);
      client.destroy();
    }
    const { bytes } = await observe(gateway, post('/remove', '{}', JSON_TYPE, CLOSE));
    expect(bytes).not.toContain('admin');
    expect(gateway.upstream.requests.slice(before).filter(({ url }) => url === '/remove')).toHaveLength(1);
  });

  it('has no more connections to the upstream after 100 refusals', async () => {
    const { accepted } = gateway.upstream;
    const bad = [...Object.values(BROKEN)].map(([body, , ...fields]) =>
      post('/remove', body, JSON_TYPE, ...fields, CLOSE),
    );
    for (let i = 0; i < 100; i++) {
      const client = rawClient(gateway.port);
      client.write(bad[i % bad.length] as Buffer);
      expect((await client.response()).status).toBeGreaterThanOrEqual(400);
      client.destroy();
    }
    expect(gateway.upstream.accepted).toBe(accepted);
  });

  /** The parsers of Express (qs), PHP and Rails read each of these as `role`. */
  it.each(['role=admin', 'r%6fle=admin', 'role[]=admin', '[role]=admin', '%5Brole%5D=admin', 'role[x]=1'])(
    'removes the parameter %s from a query',
    async (parameter) => {
      const { arrived } = await observe(gateway, get(`/query?a=1&${parameter}`, CLOSE));
      expect(arrived[0]?.url).toBe('/query?a=1');
    },
  );
});

describe('a body whose type the gateway decides', () => {
  it('is under the rules, too', async () => {
    const gateway = await front((target) => ({
      routes: [
        { path: '/alive', target, stripPrefix: false },
        { path: '/', target, defaultContentType: 'application/json', transforms: { request: REMOVING } },
      ],
    }));
    const { arrived } = await observe(gateway, post('/', '{"role":"admin","a":1}', CLOSE));
    const [request] = arrived as [RawRequest];
    await gateway.close();
    expect(request.headers['content-type']).toBe('application/json');
    expect(request.body.toString()).toBe('{"a":1}');
  });
});
