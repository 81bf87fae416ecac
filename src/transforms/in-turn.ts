import type { Context } from '../core/context.js';
import type { MaybePromise } from '../core/types.js';

export type Step<Value> = (value: Value, ctx: Context) => MaybePromise<Value>;

/** Runs steps one after the other, each on what the one before it returned; what is synchronous stays so. */
export function inTurn<Value>(steps: readonly Step<Value>[]): Step<Value> {
  function runFrom(index: number, given: Value, ctx: Context): MaybePromise<Value> {
    let value = given;
    for (let i = index; i < steps.length; i++) {
      const result = (steps[i] as Step<Value>)(value, ctx);
      if (result instanceof Promise) return result.then((late) => runFrom(i + 1, late, ctx));
      value = result;
    }
    return value;
  }
  return (value, ctx) => runFrom(0, value, ctx);
}
