import type { AttemptObserver } from '../core/attempt.js';
import type { TraceContext } from '../core/trace-context.js';
import type { TraceIds } from './trace-ids.js';
import { formatTraceparent } from './traceparent.js';
import type { RemoteParent } from './remote-parent.js';

/** The place of an exchange in a trace of which nothing is recorded here: it only passes the trace on. */
export class OwnTrace implements TraceContext, AttemptObserver {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  readonly tracestate: string;
  traceparent: string;
  readonly #ids: TraceIds;

  /** @param sampleRate Share of the traces that start here whose flag says that they are sampled. */
  constructor(parent: RemoteParent | null, ids: TraceIds, sampleRate: number) {
    this.traceId = parent?.traceId ?? ids.traceId();
    this.spanId = ids.spanId();
    this.sampled = parent?.sampled ?? isChosen(this.traceId, sampleRate);
    this.tracestate = parent?.tracestate ?? '';
    this.traceparent = formatTraceparent(this.traceId, this.spanId, this.sampled);
    this.#ids = ids;
  }

  /** Each call of an upstream has a span of its own: a service can then tell a retry from its first try. */
  onAttemptStart(): void {
    this.traceparent = formatTraceparent(this.traceId, this.#ids.spanId(), this.sampled);
  }
}

/** The id is random already; its last digits decide, so that whoever knows the rate comes to the same result. */
function isChosen(traceId: string, sampleRate: number): boolean {
  return sampleRate === 1 || Number.parseInt(traceId.slice(-8), 16) < sampleRate * 2 ** 32;
}
