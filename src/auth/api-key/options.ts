import type { Clock } from '../../core/clock.js';
import {
  clockField,
  func,
  integer,
  list,
  member,
  milliseconds,
  object,
  type Fault,
  type Schema,
} from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { credentialSourcesField, type CredentialSource } from '../credentials.js';
import { callerFields, type Caller } from '../caller.js';
import { apiKeyEntryField, digestOf, type ApiKeyEntry } from './key-entry.js';
import { momentField, type Moment } from './moment.js';
import { inspectUnique } from '../inspect-unique.js';
import { unshown } from '../../core/unshown.js';

/** An application that calls with keys of its own. */
export interface ApiKeyConsumer extends Caller {
  /** One or more. Several overlap while one replaces the other. */
  readonly keys: readonly ApiKeyEntry[];
}

/** What a lookup says of a key. */
export interface FoundConsumer extends Caller {
  /** The key counts until here, and no more at this moment. @default for ever */
  readonly expiresAt?: Moment;
}

/** Who holds the key of this SHA-256 (64 hex digits, lower case); `null` = nobody. */
export type ApiKeyLookup = (sha256: string) => MaybePromise<FoundConsumer | null | undefined>;

/** `consumers`, or `lookup`, or both: then `lookup` is asked for keys that no consumer has. */
export interface ApiKeyOptions {
  /**
   * Where a request carries its key; of several places the first that has something counts.
   *
   * @default { header: 'x-api-key' }
   */
  keyFrom?: CredentialSource | readonly CredentialSource[];
  /** Every id, and every key, is there once. */
  consumers?: readonly ApiKeyConsumer[];
  /**
   * Asks a database, which needs to know hashes only. What it answers holds for all who bring the key, so it gets
   * nothing of a single request. An answer with members of another kind is a fault of yours (500); a failure is 503, and
   * so is none within 5 seconds.
   */
  lookup?: ApiKeyLookup;
  /**
   * How long an answer of `lookup` is kept, in ms, but not past its `expiresAt`; for so long a key that was withdrawn
   * still counts. That a key is unknown or expired is kept for 5 seconds at most. From 0 on; 0 = every request asks.
   *
   * @default 60000
   */
  cacheTtlMs?: number;
  /** Answers of `lookup` that are kept, the latest ones. From 1 on. @default 10000 */
  cacheSize?: number;
  /** @default systemClock */
  clock?: Clock;
}

const { id: _id, ...grants } = callerFields;

const consumerField = object(
  { id: callerFields.id, keys: unshown(list(apiKeyEntryField)), ...grants } satisfies Record<
    keyof ApiKeyConsumer,
    Schema
  >,
  { required: ['id', 'keys'] },
);

/** Schema of what `lookup` answers. */
export const foundConsumerSchema = object(
  { ...callerFields, expiresAt: momentField } satisfies Record<keyof FoundConsumer, Schema>,
  { required: ['id'] },
);

const apiKeyFields = {
  keyFrom: credentialSourcesField,
  consumers: unshown(list(unshown(consumerField))),
  lookup: func,
  cacheTtlMs: milliseconds({ min: 0 }),
  cacheSize: integer({ min: 1 }),
  clock: clockField,
} satisfies Record<keyof ApiKeyOptions, Schema>;

const fields = object(apiKeyFields);

/** Adds everything that is wrong with the options. No fault shows a key. */
export function inspectApiKeyOptions(options: ApiKeyOptions, at: string, faults: Fault[]): void {
  const own: Fault[] = [];
  fields.inspect?.(options as never, at, own);
  const { consumers, lookup, cacheTtlMs, cacheSize } = options;
  if (consumers === undefined && lookup === undefined)
    own.push({ path: at || 'options', message: 'needs consumers or lookup: nobody would ever pass' });
  for (const [name, value] of Object.entries({ cacheTtlMs, cacheSize })) {
    if (value !== undefined && lookup === undefined)
      own.push({ path: member(at, name), message: 'has no effect without lookup' });
  }
  if (own.length === 0) inspectDuplicates(consumers ?? [], member(at, 'consumers'), own);
  faults.push(...own);
}

export const apiKeySchema = unshown({ ...fields, inspect: inspectApiKeyOptions });

/** Of two who share an id or a key, one would be taken for the other. */
function inspectDuplicates(consumers: readonly ApiKeyConsumer[], at: string, faults: Fault[]): void {
  const places = consumers.flatMap(({ id, keys }, index) => [
    [`${at}[${index}].id`, `id ${id}`] as const,
    ...keys.map((entry, position) => {
      return [`${at}[${index}].keys[${position}]`, `key ${digestOf(entry).toString('hex')}`] as const;
    }),
  ]);
  inspectUnique(places, faults);
}
