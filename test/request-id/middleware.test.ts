import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import type { Handler } from '../../src/core/types.js';
import { requestId, type RequestIdOptions } from '../../src/request-id/index.js';
import { fakeContext } from '../support/request.js';

const answer: Handler = () => ({ status: 200, headers: {}, body: 'ok' });

describe('requestId', () => {
  it('puts the id on the context, and on every answer, before the layers inside run', () => {
    const ctx = fakeContext({ headers: { 'X-Request-Id': 'sent' } });
    const seen = requestId()(ctx, ({ requestId: id, answerHeaders }) => {
      return { status: 200, headers: {}, body: JSON.stringify([id, answerHeaders]) };
    });
    expect(seen).toEqual({ status: 200, headers: {}, body: '["sent",{"x-request-id":"sent"}]' });
  });

  it('stays synchronous where the layers inside are', () => {
    expect(requestId()(fakeContext(), answer)).not.toBeInstanceOf(Promise);
  });

  it('makes a UUID that is never there twice', () => {
    const ids = new Set<string>();
    for (let i = 0; i < 1_000; i++) {
      const ctx = fakeContext();
      void requestId()(ctx, answer);
      ids.add(ctx.requestId);
      expect(ctx.requestId).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    }
    expect(ids.size).toBe(1_000);
  });

  it('reads and answers in another field', async () => {
    const ctx = fakeContext({ headers: { 'x-correlation-id': 'sent', 'x-request-id': 'other' } });
    await requestId({ header: 'x-correlation-id' })(ctx, answer);
    expect(ctx.requestId).toBe('sent');
    expect(ctx.answerHeaders).toEqual({ 'x-correlation-id': 'sent' });
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
