import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bodyLimit } from '../../src/body-limit/index.js';
import type { Context } from '../../src/core/context.js';
import { ConfigError } from '../../src/core/options.js';
import type { GatewayResponse, MaybePromise } from '../../src/core/types.js';
import { bodyText, fakeContext, type FakeRequestOptions } from '../support/request.js';

interface Run {
  readonly ctx: Context;
  readonly passed: boolean;
  readonly response: MaybePromise<GatewayResponse>;
}

function run(maxBodyBytes: number, request: FakeRequestOptions): Run {
  const ctx = fakeContext({ method: 'POST', ...request });
  let passed = false;
  const response = bodyLimit(maxBodyBytes)(ctx, () => {
    passed = true;
    return { status: 200, headers: {}, body: null };
  });
  return { ctx, passed, response };
}

/** A stream that tells how many chunks were asked for and whether it was stopped. */
function countedChunks(chunk: string, count: number): { body: Readable; readonly pulled: number } {
  let pulled = 0;
  const body = new Readable({
    read() {
      this.push(++pulled > count ? null : chunk);
    },
    highWaterMark: 1,
  });
  return {
    body,
    get pulled() {
      return pulled;
    },
  };
}

describe('bodyLimit', () => {
  it.each<[string, FakeRequestOptions]>([
    ['no body', {}],
    ['a text of that many bytes', { body: 'hello' }],
    ['bytes, as many', { body: Buffer.from('hello') }],
    ['a stream that says it is as long', { body: Readable.from(['hello']), headers: { 'content-length': '5' } }],
  ])('lets %s pass and copies nothing', (_case, request) => {
    const { ctx, passed } = run(5, request);
    expect(passed).toBe(true);
    expect(ctx.drafted).toBeNull();
  });

  it.each<[string, FakeRequestOptions]>([
    ['a text of one byte more', { body: 'hello!' }],
    ['a text whose characters are more bytes', { body: '\u00e4\u00e4\u00e4' }],
    ['bytes, one more', { body: Buffer.from('hello!') }],
    ['a stream that says it is longer', { body: Readable.from([]), headers: { 'content-length': '6' } }],
    ['a huge length', { body: Readable.from([]), headers: { 'content-length': '9223372036854775807' } }],
  ])('refuses %s with 413 before anything reads it', async (_case, request) => {
    const { passed, response, ctx } = run(5, request);
    expect(passed).toBe(false);
    expect(ctx.refusal).toBe('ERR_GATEWAY_BODY_TOO_LARGE');
    expect(await response).toMatchObject({ status: 413, headers: { connection: 'close' } });
  });

  it('refuses any body at all where the limit is 0', async () => {
    expect((await run(0, { body: 'x' }).response).status).toBe(413);
    expect((await run(0, {}).response).status).toBe(200);
  });

  it('lets a stream without a length through up to the limit, byte for byte', async () => {
    const { ctx, passed } = run(10, { body: Readable.from(['hello', 'world']) });
    expect(passed).toBe(true);
    expect(await bodyText(ctx.drafted?.body ?? null)).toBe('helloworld');
  });

  it('fails a stream when it crosses the limit: no byte over it is handed on, and the source is stopped', async () => {
    const source = countedChunks('hello', 1_000);
    const { ctx } = run(12, { body: source.body });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of ctx.drafted?.body as Readable) seen.push(String(chunk));
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_GATEWAY_BODY_TOO_LARGE' });
    expect(['', 'hello', 'hellohello']).toContain(seen.join(''));
    expect(source.pulled).toBeLessThan(10);
    expect(source.body.destroyed).toBe(true);
  });

  it('hands the failure of a stream on', async () => {
    const failing = new Readable({
      read() {
        this.destroy(new Error('the client left'));
      },
    });
    const { ctx } = run(12, { body: failing });
    await expect(bodyText(ctx.drafted?.body ?? null)).rejects.toThrow('the client left');
  });

  it('counts nothing where there is no limit', () => {
    const { ctx, passed } = run(Infinity, { body: Readable.from(['x']) });
    expect(passed).toBe(true);
    expect(ctx.drafted).toBeNull();
  });

  it.each([-1, 1.5, Number.NaN, '10' as unknown as number, null as unknown as number])(
    'does not start with %s',
    (limit) => {
      expect(() => bodyLimit(limit)).toThrow(ConfigError);
    },
  );
});
