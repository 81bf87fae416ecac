/** Options that every source over the HTTP API of a registry has. */
import type { Clock } from '../core/clock.js';
import { clockField, func, member, milliseconds, string, type Fault, type Schema } from '../core/options.js';
import { isTargetUrl } from '../core/target-options.js';
import { tlsField, type TlsOptions } from '../core/tls-options.js';
import { unshown } from '../core/unshown.js';

export interface ApiSourceOptions {
  /** Towards a registry at an https:// URL. @default what the system trusts */
  tls?: TlsOptions;
  /** Of silence, in ms, after which a request has failed. From 1 on. @default 10000 */
  timeoutMs?: number;
  /** Ceiling of the wait after the first failure, in ms. From 1 on. @default 500 */
  backoffMs?: number;
  /** Ceiling of every wait after a failure, in ms. From `backoffMs` on. @default 30000 */
  maxBackoffMs?: number;
  /** @default systemClock */
  clock?: Clock;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

export const apiUrlField = string(
  "an http:// or https:// URL without user, query and fragment, such as 'http://127.0.0.1:8500'",
  isTargetUrl,
);

/** A credential that stands in a header field. */
export const apiTokenField = unshown(string('a token of visible ASCII characters', (text) => /^[!-~]+$/.test(text)));

/** Schemas of {@link ApiSourceOptions}, by name. */
export const apiSourceFields = {
  tls: tlsField,
  timeoutMs: milliseconds(),
  backoffMs: milliseconds(),
  maxBackoffMs: milliseconds(),
  clock: clockField,
  random: func,
} satisfies Record<keyof ApiSourceOptions, Schema>;

/** Adds what is wrong between options that are right one by one. */
export function inspectApiSource(options: ApiSourceOptions, at: string, faults: Fault[]): void {
  const { tls, backoffMs = 500, maxBackoffMs = 30_000 } = options;
  if (maxBackoffMs < backoffMs)
    faults.push({ path: member(at, 'maxBackoffMs'), message: `is ${maxBackoffMs}, below backoffMs, ${backoffMs}` });
  if ((tls?.cert === undefined) !== (tls?.key === undefined))
    faults.push({ path: member(at, 'tls'), message: 'has one of cert and key; give both, or neither' });
}
