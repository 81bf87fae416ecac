import { describe, expect, it } from 'vitest';
import { compose } from '../../src/core/compose.js';
import type { GatewayResponse, Middleware } from '../../src/core/types.js';
import { fakeContext } from '../support/request.js';

function answer(): GatewayResponse {
  return { status: 200, headers: {}, body: null };
}

describe('compose', () => {
  it('is the handler itself where there is no middleware', () => {
    expect(compose([], answer)).toBe(answer);
  });

  it('runs the first listed as the outermost', () => {
    const steps: string[] = [];
    const trace =
      (name: string): Middleware =>
      (ctx, next) => {
        steps.push(`${name} in`);
        const response = next(ctx);
        steps.push(`${name} out`);
        return response;
      };
    const handle = compose([trace('a'), trace('b')], () => {
      steps.push('handler');
      return answer();
    });
    void handle(fakeContext());
    expect(steps).toEqual(['a in', 'b in', 'handler', 'b out', 'a out']);
  });

  it('passes one context to every layer', () => {
    const ctx = fakeContext();
    const seen: unknown[] = [];
    const look: Middleware = (given, next) => {
      seen.push(given);
      return next(given);
    };
    void compose([look, look], answer)(ctx);
    expect(seen).toEqual([ctx, ctx]);
    expect(seen[0]).toBe(ctx);
  });

  it('stays synchronous where every layer is', () => {
    const pass: Middleware = (ctx, next) => next(ctx);
    const result = compose([pass, pass, pass], answer)(fakeContext());
    expect(result).not.toBeInstanceOf(Promise);
    expect(result).toEqual(answer());
  });

  it('throws synchronously where a layer does', () => {
    const fail: Middleware = () => {
      throw new Error('boom');
    };
    expect(() => compose([fail], answer)(fakeContext())).toThrow('boom');
  });

  it('lets a layer call next twice, and everything inside runs twice', async () => {
    let inner = 0;
    let calls = 0;
    const retry: Middleware = async (ctx, next) => {
      await next(ctx);
      return next(ctx);
    };
    const count: Middleware = (ctx, next) => {
      inner++;
      return next(ctx);
    };
    const handle = compose([retry, count], () => ({ ...answer(), status: 200 + ++calls }));
    expect(await handle(fakeContext())).toEqual({ status: 202, headers: {}, body: null });
    expect(inner).toBe(2);
  });

  it('does not reach the handler where a layer answers itself', () => {
    let reached = false;
    const gate: Middleware = () => ({ ...answer(), status: 403 });
    const result = compose([gate], () => {
      reached = true;
      return answer();
    })(fakeContext());
    expect(result).toEqual({ status: 403, headers: {}, body: null });
    expect(reached).toBe(false);
  });

  it('is not changed by later changes of the list', () => {
    const list: Middleware[] = [(ctx, next) => next(ctx)];
    const handle = compose(list, answer);
    list[0] = () => ({ ...answer(), status: 500 });
    expect(handle(fakeContext())).toEqual(answer());
  });
});
