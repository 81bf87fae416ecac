import type { Context } from '../core/context.js';
import { compileHook } from '../core/hook.js';
import type { TracingOptions } from './options.js';
import { parseTraceparent, type Traceparent } from './traceparent.js';
import { parseTracestate } from './tracestate.js';

/** The span of the client that an exchange continues. */
export interface RemoteParent extends Traceparent {
  /** `''` = none. */
  readonly tracestate: string;
}

/** Compiles the option once: what gives the span that an exchange continues, `null` where it starts a trace. */
export function compileRemoteParent(incoming: TracingOptions['incoming']): (ctx: Context) => RemoteParent | null {
  if (incoming === 'restart') return () => null;
  if (typeof incoming !== 'function') return remoteParent;
  const guarded = compileHook('The function of tracing.incoming');

  return function askedParent(ctx) {
    const parent = remoteParent(ctx);
    if (parent === null) return null;
    let answer: unknown = false;
    guarded(() => (answer = incoming(ctx)));
    return answer === true ? parent : null;
  };
}

/** A `traceparent` that was sent twice is none, and without one `tracestate` says nothing. */
function remoteParent({ request }: Context): RemoteParent | null {
  const { traceparent, tracestate } = request.headers;
  if (typeof traceparent !== 'string') return null;
  const parent = parseTraceparent(traceparent);
  if (parent === null) return null;
  const { traceId, parentId, sampled } = parent;
  return { traceId, parentId, sampled, tracestate: parseTracestate(tracestate) };
}
