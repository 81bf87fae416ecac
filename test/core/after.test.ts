import { describe, expect, it } from 'vitest';
import { after } from '../../src/core/after.js';
import type { Context } from '../../src/core/context.js';
import type { GatewayResponse } from '../../src/core/types.js';
import { fakeContext } from '../support/request.js';

const boom = new Error('boom');

function answer(status = 200): GatewayResponse {
  return { status, headers: {}, body: null };
}

function mark(response: GatewayResponse, ctx: Context): GatewayResponse {
  response.headers['x-path'] = ctx.request.path;
  return response;
}

function rescue(error: unknown, ctx: Context): GatewayResponse {
  return { status: 500, headers: { 'x-error': String(error), 'x-path': ctx.request.path }, body: null };
}

function throwBoom(): never {
  throw boom;
}

describe('after', () => {
  const ctx = fakeContext({ url: '/a' });

  describe('when next answers at once', () => {
    it('works on the answer at once, with the context', () => {
      expect(after(() => answer(), ctx, mark)).toEqual({ status: 200, headers: { 'x-path': '/a' }, body: null });
    });

    it('passes the context to next', () => {
      let seen: Context | null = null;
      void after(
        (given) => {
          seen = given;
          return answer();
        },
        ctx,
        mark,
      );
      expect(seen).toBe(ctx);
    });

    it('returns a promise where the after-work makes one', async () => {
      const result = after(
        () => answer(),
        ctx,
        (response) => Promise.resolve(response),
      );
      expect(result).toBeInstanceOf(Promise);
      expect(await result).toEqual(answer());
    });

    it('lets a throw of the after-work through, past `failed`', () => {
      expect(() => after(() => answer(), ctx, throwBoom, rescue)).toThrow(boom);
    });
  });

  describe('when next throws', () => {
    it('throws the same error without `failed`', () => {
      expect(() => after(throwBoom, ctx, mark)).toThrow(boom);
    });

    it('answers at once with `failed`, and skips the after-work', () => {
      const result = after(throwBoom, ctx, mark, rescue);
      expect(result).toEqual({ status: 500, headers: { 'x-error': 'Error: boom', 'x-path': '/a' }, body: null });
    });

    it('lets a throw of `failed` through', () => {
      const worse = new Error('worse');
      const throwWorse = (): never => {
        throw worse;
      };
      expect(() => after(throwBoom, ctx, mark, throwWorse)).toThrow(worse);
    });
  });

  describe('when next answers later', () => {
    it('works on the answer when it comes', async () => {
      const result = after(() => Promise.resolve(answer(201)), ctx, mark);
      expect(result).toBeInstanceOf(Promise);
      expect(await result).toEqual({ status: 201, headers: { 'x-path': '/a' }, body: null });
    });

    it('waits for after-work that is asynchronous', async () => {
      const result = after(
        () => Promise.resolve(answer()),
        ctx,
        () => Promise.resolve(answer(202)),
      );
      expect(await result).toEqual(answer(202));
    });

    it('rejects where the after-work throws, past `failed`', async () => {
      await expect(after(() => Promise.resolve(answer()), ctx, throwBoom, rescue)).rejects.toBe(boom);
    });
  });

  describe('when next rejects', () => {
    const reject = (): Promise<GatewayResponse> => Promise.reject(boom);

    it('rejects with the same error without `failed`', async () => {
      await expect(after(reject, ctx, mark)).rejects.toBe(boom);
    });

    it('answers with `failed`, and skips the after-work', async () => {
      const result = await after(reject, ctx, mark, rescue);
      expect(result).toEqual({ status: 500, headers: { 'x-error': 'Error: boom', 'x-path': '/a' }, body: null });
    });

    it('rejects with what `failed` throws', async () => {
      await expect(after(reject, ctx, mark, throwBoom)).rejects.toBe(boom);
    });
  });
});
