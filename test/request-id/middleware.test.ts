import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import type { Handler } from '../../src/core/types.js';
import { requestId, type RequestIdOptions } from '../../src/request-id/index.js';
import { fakeContext } from '../support/request.js';

const answer: Handler = () => ({ status: 200, headers: {}, body: 'ok' });

describe('requestId', () => {
  it('puts the id on the context before the layers inside run, and on the answer', async () => {
    const ctx = fakeContext({ headers: { 'X-Request-Id': 'sent' } });
    let inside = '';
    const response = await requestId()(ctx, (inner) => {
      inside = inner.requestId;
      return answer(inner);
    });
    expect(inside).toBe('sent');
    expect(response.headers).toEqual({ 'x-request-id': 'sent' });
  });

  it('gives an answer that comes later its id too', async () => {
    const ctx = fakeContext();
    const response = await requestId({ generate: () => 'made' })(ctx, (inner) => Promise.resolve(answer(inner)));
    expect(response.headers['x-request-id']).toBe('made');
  });

  it('stays synchronous where the layers inside are', () => {
    expect(requestId()(fakeContext(), answer)).not.toBeInstanceOf(Promise);
  });

  it('overrules an id that an upstream answered with', async () => {
    const response = await requestId({ generate: () => 'made' })(fakeContext(), () => ({
      status: 200,
      headers: { 'x-request-id': 'of the upstream' },
      body: null,
    }));
    expect(response.headers['x-request-id']).toBe('made');
  });

  it('reads and answers in another field', async () => {
    const ctx = fakeContext({ headers: { 'x-correlation-id': 'sent', 'x-request-id': 'other' } });
    const response = await requestId({ header: 'x-correlation-id' })(ctx, answer);
    expect(ctx.requestId).toBe('sent');
    expect(response.headers).toEqual({ 'x-correlation-id': 'sent' });
  });

  it('takes the first of several values, where it is harmless', async () => {
    const ctx = fakeContext({ headers: { 'x-request-id': ['first', 'second'] } });
    await requestId()(ctx, answer);
    expect(ctx.requestId).toBe('first');
  });

  it.each<[string, unknown]>([
    ['a header in upper case', { header: 'X-Request-Id' }],
    ['a header that is none', { header: 'x request' }],
    ['an empty header', { header: '' }],
    ['a text as trustClient', { trustClient: 'yes' }],
    ['a text as generate', { generate: 'uuid' }],
    ['an unknown option', { heder: 'x-id' }],
  ])('does not start with %s', (_case, options) => {
    expect(() => requestId(options as RequestIdOptions)).toThrow(ConfigError);
  });
});
