import { allowedAddressesField, type AllowedAddresses } from '../core/address-policy.js';
import type { Clock } from '../core/clock.js';
import { HOP_BY_HOP, isFieldName, isFieldValue } from '../core/headers.js';
import {
  clockField,
  either,
  func,
  inspectBeside,
  integer,
  isPlainObject,
  member,
  milliseconds,
  object,
  oneOf,
  share,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { slowPatternReason } from '../core/slow-pattern.js';
import { targetUrlField } from '../core/target-options.js';
import { tlsField, type TlsOptions } from '../core/tls-options.js';
import { statusRangesField, type StatusRanges } from './status-ranges.js';

/**
 * How a target is asked whether it is well, and what its answers are worth. By default one that is down is noticed by
 * the third failure, and is back after the second success; to find out sooner, or to be surer, as in
 * `{ intervalMs: 10_000, healthyThreshold: 3, unhealthyIntervalMs: 5_000, unhealthyThreshold: 3 }`.
 */
export interface ActiveHealthOptions {
  /** `'http'` sends a request, over TLS where the target is `https:`; `'tcp'` connects, and sends nothing. @default 'http' */
  type?: 'http' | 'tcp';
  /**
   * Path and query of the request, from the root of the target's host: the base path of its URL is not put in front, so
   * that both `/health` and `/api/health` can be said. @default '/'
   */
  path?: string;
  /** @default 'GET' */
  method?: 'GET' | 'HEAD';
  /** Fields of the request, `host` among them. Not those of the connection itself. @default none but the usual */
  headers?: Readonly<Record<string, string>>;
  /** Statuses of a healthy target: `[200, '300-399']`. Redirects are not followed. @default ['200-399'] */
  statuses?: StatusRanges;
  /**
   * What the answer must contain: a text within its first 65536 bytes, or a regular expression that matches within its
   * first 2048 characters, short enough for it to be quick. Not with `HEAD`. @default anything
   */
  body?: string | RegExp;
  /** From the end of a check to the next one, in ms. From 1 to 86400000. @default 10000 */
  intervalMs?: number;
  /** The same, while the target is down. From 1 to 86400000. @default 5000 */
  unhealthyIntervalMs?: number;
  /** Time for a whole check, from the lookup of the name to the end of the answer, in ms. From 1 on. @default 2000 */
  timeoutMs?: number;
  /** Successes in a row that bring a target back. From 1 to 1000. @default 2 */
  healthyThreshold?: number;
  /** Failures in a row that take a target out. From 1 to 1000. @default 3 */
  unhealthyThreshold?: number;
  /**
   * Share of the interval that is added to it at random, at most, so that gateways do not check in step. The first check
   * waits for the random part alone. From 0 to 1; 0 = none. @default 0.1
   */
  jitter?: number;
  /** Port to check, in the place of the target's. From 1 to 65535. @default the target's */
  port?: number;
  /** For targets that are `https:`. */
  tls?: TlsOptions;
  /** Path of a unix socket to connect to; the target's host then only names it. */
  socketPath?: string;
  /** Addresses that may be connected to, checked after the lookup of the name. @default all */
  allowedAddresses?: AllowedAddresses;
}

/** Looks at the target once. A throw or a rejection says that it is unwell; the signal is aborted at the time limit. */
export type HealthProbe = (signal: AbortSignal) => Promise<void>;

export interface HealthCheckerOptions extends ActiveHealthOptions {
  /** `http://` or `https://` URL of the target. */
  url: string;
  /** A check of your own, say of gRPC, in the place of one by HTTP or TCP. @default one by `type` */
  probe?: HealthProbe;
  /** @default systemClock */
  clock?: Clock;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

const A_DAY_MS = 86_400_000;

const interval = integer({ min: 1, max: A_DAY_MS });
const threshold = integer({ min: 1, max: 1_000 });

/** How the message is framed and carried is not the user's. */
function isReserved(name: string): boolean {
  return HOP_BY_HOP.has(name) || name === 'content-length' || name === 'expect';
}

const headers: Schema = {
  expected: 'an object of names of header fields to texts',
  accepts: isPlainObject,
  inspect(fields: Readonly<Record<string, unknown>>, at, faults) {
    const seen = new Set<string>();
    for (const [name, value] of Object.entries(fields)) {
      const lower = name.toLowerCase();
      const path = member(at, name);
      if (!isFieldName(name)) faults.push({ path, message: 'is no name of a header field' });
      else if (isReserved(lower)) faults.push({ path, message: 'is a field that the check writes itself' });
      else if (seen.has(lower)) faults.push({ path, message: 'is there in another spelling already; keep one' });
      // Without the value, which can be a credential.
      if (typeof value !== 'string' || !isFieldValue(value))
        faults.push({ path, message: 'has a value that no header field can have, expected a text' });
      seen.add(lower);
    }
  },
};

const pattern: Schema = {
  expected: 'a regular expression',
  accepts: (value) => value instanceof RegExp,
  inspect({ source }: RegExp, path, faults) {
    const slow = slowPatternReason(source);
    if (slow !== null)
      faults.push({ path, message: `an answer could make it slow (${slow}); write a simpler pattern or a text` });
  },
};

const activeHealthFields = {
  type: oneOf('http', 'tcp'),
  path: string("a path from '/' on, without spaces and fragment", (text) => /^\/[!"$-~]*$/.test(text)),
  method: oneOf('GET', 'HEAD'),
  headers,
  statuses: statusRangesField,
  body: either(string(), pattern),
  intervalMs: interval,
  unhealthyIntervalMs: interval,
  timeoutMs: milliseconds(),
  healthyThreshold: threshold,
  unhealthyThreshold: threshold,
  jitter: share,
  port: integer({ min: 1, max: 65_535 }),
  tls: tlsField,
  socketPath: string(),
  allowedAddresses: allowedAddressesField,
} satisfies Record<keyof ActiveHealthOptions, Schema>;

const OF_HTTP = ['path', 'method', 'headers', 'statuses', 'body', 'tls'] as const;
const OF_ADDRESSES = ['port', 'allowedAddresses'] as const;

const fields = object(activeHealthFields);

/** Adds everything that is wrong with the options. */
export function inspectActiveHealthOptions(options: ActiveHealthOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  inspectConflicts(options, at, faults);
}

function inspectConflicts(options: ActiveHealthOptions, at: string, faults: Fault[]): void {
  function inspectUseless(names: readonly (keyof ActiveHealthOptions)[], message: string): void {
    for (const name of names) if (options[name] !== undefined) faults.push({ path: member(at, name), message });
  }
  if (options.type === 'tcp') inspectUseless(OF_HTTP, "has no effect with type: 'tcp'");
  else if (options.method === 'HEAD') inspectUseless(['body'], "has no effect with method: 'HEAD'");
  if (options.socketPath !== undefined) inspectUseless(OF_ADDRESSES, 'has no effect with socketPath');
}

const checkerFields = object(
  { ...activeHealthFields, url: targetUrlField, probe: func, clock: clockField, random: func } satisfies Record<
    keyof HealthCheckerOptions,
    Schema
  >,
  { required: ['url'] },
);

export const healthCheckerSchema: Schema = {
  ...checkerFields,
  inspect(options: HealthCheckerOptions, at, faults) {
    checkerFields.inspect?.(options as never, at, faults);
    if (options.probe === undefined) inspectConflicts(options, at, faults);
    else inspectBeside('probe', ['type', ...OF_HTTP, ...OF_ADDRESSES, 'socketPath'], options, at, faults);
  },
};
