import type { Context } from '../core/context.js';
import type { GatewayResponse } from '../core/types.js';
import { locate, type ValidationFault } from './check-fields.js';
import { compileCheck } from './compile-check.js';
import type { ValidationOptions } from './options.js';
import { readBody } from './read-body.js';

/** Methods whose requests usually have no body (RFC 9110 9.3). */
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE']);

/** In a longer body, to look for every fault would hold up all other requests for tenths of a second. */
const LONG_BODY_BYTES = 65_536;

const REQUIRED: readonly ValidationFault[] = [{ in: 'body', path: '', message: 'a body is required' }];

/** Compiles the check of the body; `null` where none is asked for. It gives a refusal where there is nothing to check. */
export function compileBodyCheck({
  body: schema,
  maxBodyBytes = 1_048_576,
  maxErrors = 100,
}: ValidationOptions): ((ctx: Context) => Promise<readonly ValidationFault[] | GatewayResponse>) | null {
  if (schema === undefined) return null;
  const checkAll = compileCheck(schema, { coerce: false, maxErrors });
  const checkFirst = compileCheck(schema, { coerce: false, maxErrors: 1 });

  return async function checkBody(ctx) {
    const read = await readBody(ctx, maxBodyBytes);
    if ('status' in read) return read;
    const isMissing = read.value === undefined;
    if (isMissing && needsNone(ctx)) return [];
    const check = read.bytes > LONG_BODY_BYTES ? checkFirst : checkAll;
    const faults = await check(read.value, ctx.clock);
    return isMissing && faults.length > 0 ? REQUIRED : locate('body', faults);
  };
}

/** True where a request is complete without a body, and has none. */
export function lacksBody(ctx: Context): boolean {
  const { body } = ctx.drafted ?? ctx.request;
  return body === null && ctx.request.bodyFault === null && needsNone(ctx);
}

function needsNone({ drafted, request }: Context): boolean {
  return WITHOUT_BODY.has((drafted ?? request).method);
}
