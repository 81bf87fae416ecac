import { flatText } from '../core/flat-text.js';

/** What a `traceparent` says (W3C Trace Context Level 1, "Traceparent Header"). */
export interface Traceparent {
  /** 32 hex digits, not all of them 0. */
  readonly traceId: string;
  /** Of the caller's span: 16 hex digits, not all of them 0. */
  readonly parentId: string;
  /** The caller may have recorded its part of the trace. */
  readonly sampled: boolean;
}

/** Neither version ff nor an id of zeros is valid; what follows the flags is for versions to come. */
const PATTERN = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:$|-)/;
const LENGTH = 55;

/**
 * Reads a `traceparent`; `null` where it is not valid, and the trace is to be started anew. A version above 00 is read
 * as far as it is like 00 ("Versioning of traceparent").
 */
export function parseTraceparent(value: string): Traceparent | null {
  const text = value.trim();
  if (!PATTERN.test(text) || (text.length > LENGTH && text.startsWith('00'))) return null;
  return { traceId: text.slice(3, 35), parentId: text.slice(36, 52), sampled: isSampled(text.slice(53, LENGTH)) };
}

/** The lowest of the eight flags; the others mean nothing here. */
function isSampled(flags: string): boolean {
  return (Number.parseInt(flags, 16) & 1) === 1;
}

/** Writes a `traceparent`, or a `traceresponse`, of version 00. */
export function formatTraceparent(traceId: string, spanId: string, sampled: boolean): string {
  return flatText('00-', traceId, '-', spanId, sampled ? '-01' : '-00');
}
