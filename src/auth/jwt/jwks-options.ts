import type { Clock } from '../../core/clock.js';
import {
  boolean,
  clockField,
  func,
  integer,
  list,
  member,
  object,
  oneOf,
  string,
  type Fault,
  type Schema,
} from '../../core/options.js';
import { fetchLimitFields, isSecureUrl, secureUrlField, type FetchLimits } from '../fetch-json.js';
import { JWT_ALGORITHMS, type JwtAlgorithm } from './algorithms.js';

/** Keys can no longer be fetched, or can be again. */
export interface JwksOutage {
  /** Of `uri` or `discoverFrom`. */
  readonly origin: string;
  readonly state: 'down' | 'up';
  /** What the fetch failed with; `null` when keys are there again. */
  readonly error: unknown;
}

/** `uri` or `discoverFrom`, and how keys are fetched. Times are in ms, whole numbers from 1 on. */
export interface JwksOptions extends FetchLimits {
  /** Where the key set is (RFC 7517 5): an https URL, or http on loopback. */
  uri?: string;
  /**
   * The issuer whose configuration says where its key set is (OpenID Connect Discovery 1.0, section 4), exactly as its
   * tokens spell it: an https URL, or http on loopback, without query and fragment. It is asked before each fetch of the
   * keys.
   */
  discoverFrom?: string;
  /** Algorithms that keys may be used with; never one of HS. @default all that fit the key */
  algorithms?: readonly JwtAlgorithm[];
  /** Keys of a set; one with more is refused as a whole. From 1 on. @default 100 */
  maxKeys?: number;
  /**
   * Age at which keys are due to be fetched again. The first use after 90 % of it starts that in the background. A
   * `Cache-Control: max-age` of the key set shortens it, never below `cooldownMs`. From `cooldownMs` on.
   * @default 600000
   */
  refreshMs?: number;
  /** Time from one fetch to the next at the least, be it for a key that nobody knows or after a failure. @default 30000 */
  cooldownMs?: number;
  /** How long the last good keys count while none can be fetched. From `refreshMs` on. @default 86400000 */
  staleMs?: number;
  /** Takes http beyond loopback too: only for a network that keeps others out by itself. @default false */
  allowHttp?: boolean;
  /** Told once when keys can no longer be fetched, and once when they can. @default a warning of the process */
  onOutage?: (outage: JwksOutage) => void;
  /** @default systemClock */
  clock?: Clock;
}

/** A secret has no place in a set that everybody can read. */
export const PUBLIC_KEY_ALGORITHMS: readonly JwtAlgorithm[] = JWT_ALGORITHMS.filter((name) => !name.startsWith('HS'));

const keyUrl = string(secureUrlField.expected, (url) => isSecureUrl(url, true));
const issuerUrl = string(
  `${secureUrlField.expected}, query and fragment`,
  (url) => isSecureUrl(url, true) && !/[?#]/.test(url),
);
const wholeFromOne = integer({ min: 1 });

const jwksFields = {
  ...fetchLimitFields,
  uri: keyUrl,
  discoverFrom: issuerUrl,
  algorithms: list(oneOf(...PUBLIC_KEY_ALGORITHMS)),
  maxKeys: wholeFromOne,
  refreshMs: wholeFromOne,
  cooldownMs: wholeFromOne,
  staleMs: wholeFromOne,
  allowHttp: boolean,
  onOutage: func,
  clock: clockField,
} satisfies Record<keyof JwksOptions, Schema>;

/** The times, with the defaults of those that are left out. */
export function jwksTimes({ refreshMs = 600_000, cooldownMs = 30_000, staleMs = 86_400_000 }: JwksOptions): {
  refreshMs: number;
  cooldownMs: number;
  staleMs: number;
} {
  return { refreshMs, cooldownMs, staleMs };
}

const fields = object(jwksFields);

/** Adds everything that is wrong with the options. */
export function inspectJwksOptions(options: JwksOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  inspectSource(options, at, faults);
  const { refreshMs, cooldownMs, staleMs } = jwksTimes(options);
  if (refreshMs < cooldownMs)
    faults.push({ path: member(at, 'refreshMs'), message: `is ${refreshMs}, below cooldownMs, ${cooldownMs}` });
  if (staleMs < refreshMs)
    faults.push({ path: member(at, 'staleMs'), message: `is ${staleMs}, below refreshMs, ${refreshMs}` });
}

function inspectSource(options: JwksOptions, at: string, faults: Fault[]): void {
  const given = (['uri', 'discoverFrom'] as const).filter((name) => options[name] !== undefined);
  if (given.length === 0)
    faults.push({ path: member(at, 'uri'), message: `missing, expected ${keyUrl.expected}; or give discoverFrom` });
  if (given.length > 1)
    faults.push({ path: at || 'options', message: 'uri and discoverFrom both say where the keys are; keep one' });
  if (options.allowHttp === true) return;
  for (const name of given) {
    const url = options[name] as string;
    if (jwksFields[name].accepts(url) && !isSecureUrl(url))
      faults.push({ path: member(at, name), message: 'is http beyond loopback; use https, or set allowHttp' });
  }
}

export const jwksSchema: Schema = { ...fields, inspect: inspectJwksOptions };
