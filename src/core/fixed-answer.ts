import { either, integer, list, literal, object, record, string, type Schema } from './options.js';
import type { Body, GatewayResponse, HeaderMap } from './types.js';

/** An answer that a config writes down. */
export interface FixedAnswer {
  /** From 200 to 599. @default 200 */
  status?: number;
  headers?: HeaderMap;
  /** Text, bytes or nothing; an object or a list is sent as JSON. */
  body: string | Uint8Array | object | null;
}

const text = string('a string', () => true);

const fields = {
  status: integer({ min: 200, max: 599 }),
  headers: record(either(text, list(text))),
  body: either(text, { expected: 'bytes', accepts: (value) => value instanceof Uint8Array }, literal(null), {
    expected: 'an object or a list that JSON can carry',
    accepts: (value) => typeof value === 'object' && isJson(value),
  }),
} satisfies Record<keyof FixedAnswer, Schema>;

export const fixedAnswerField = object(fields, { required: ['body'] });

function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    return false;
  }
}

/** Compiles an answer once; each call gives one of its own, which may be changed. */
export function compileFixedAnswer({ status = 200, headers = {}, body }: FixedAnswer): () => GatewayResponse {
  const fields: HeaderMap = {};
  for (const name in headers) fields[name.toLowerCase()] = headers[name];
  const isText = typeof body === 'string' || body === null || body instanceof Uint8Array;
  if (!isText) fields['content-type'] ??= 'application/json; charset=utf-8';
  const sent: Body = isText ? body : JSON.stringify(body);
  return function fixedAnswer() {
    return { status, headers: { ...fields }, body: sent };
  };
}
