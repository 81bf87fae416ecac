import type { Context } from '../core/context.js';
import { isJsonObject, setMember, type JsonObject } from './body-path.js';
import { compileTemplate, textFor } from './template.js';

/** A value of JSON for an exchange, which the caller owns; `undefined` where it is a text without a value. */
export type JsonTemplate = (ctx: Context) => unknown;

/** Compiles a value whose texts are templates. A member without a value is left out. */
export function compileJsonTemplate(value: unknown): JsonTemplate {
  if (typeof value === 'string') {
    const text = compileTemplate(value);
    return (ctx) => textFor(text, ctx);
  }
  if (Array.isArray(value)) {
    const items = value.map(compileJsonTemplate);
    return (ctx) => items.map((item) => item(ctx)).filter((item) => item !== undefined);
  }
  if (!isJsonObject(value)) return () => value;
  const members = Object.entries(value).map(([name, member]) => [name, compileJsonTemplate(member)] as const);
  return function fillMembers(ctx) {
    const filled: JsonObject = {};
    for (const [name, member] of members) {
      const given = member(ctx);
      if (given !== undefined) setMember(filled, name, given);
    }
    return filled;
  };
}
