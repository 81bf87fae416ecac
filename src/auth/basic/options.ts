import type { Clock } from '../../core/clock.js';
import {
  clockField,
  func,
  integer,
  list,
  member,
  milliseconds,
  object,
  string,
  type Fault,
  type Schema,
} from '../../core/options.js';
import type { MaybePromise } from '../../core/types.js';
import { callerFields, callerGrantFields, type Caller, type CallerGrants } from '../caller.js';
import { inspectUnique } from '../inspect-unique.js';
import { unshown } from '../../core/unshown.js';
import { parsePasswordHash } from './password-hash.js';
import { hasControl } from './user-pass.js';

/** Somebody who logs in with a password. */
export interface BasicUser extends CallerGrants {
  /** Not empty, without a colon and control characters (RFC 7617 2). It becomes the id. */
  readonly username: string;
  /** What `hashPassword(password)` gives. There is no way to write the password itself. */
  readonly passwordHash: string;
}

/** Who logs in with this name and password; `null` = nobody. */
export type VerifyUser = (username: string, password: string) => MaybePromise<Caller | null | undefined>;

/** `users` or `verify`. */
export interface BasicOptions {
  /** Every name is there once. */
  users?: readonly BasicUser[];
  /**
   * Asks a directory or a database. What it answers holds for all who bring the same name and password, so it gets
   * nothing of a single request. An answer with members of another kind is a fault of yours (500); a failure is 503, and
   * so is none within 5 seconds.
   * Let it take as long for an unknown name as for a wrong password, or the time tells who is known.
   */
  verify?: VerifyUser;
  /**
   * How long a login that was right is kept, in ms; for so long a password that was changed still counts. Checking one
   * takes long on purpose, so without this every request does. From 0 on; 0 = nothing is kept. @default 60000
   */
  cacheTtlMs?: number;
  /** Logins that are kept, the latest ones. From 1 on. @default 10000 */
  cacheSize?: number;
  /**
   * Passwords that are checked at a time. Each takes a thread of the pool that also looks up hosts and reads files, one
   * of 4 unless `UV_THREADPOOL_SIZE` says otherwise: leave some. From 1 on. @default 2
   */
  maxConcurrent?: number;
  /** Logins that wait for their check; those that come on top get 503. From 0 on. @default 50 */
  maxQueue?: number;
  /** @default systemClock */
  clock?: Clock;
}

const username = string('a user name without a colon and control characters', (text) => {
  return text !== '' && !text.includes(':') && !hasControl(text);
});
const passwordHash = string('the text that hashPassword(password) gives, $scrypt$...', (text) => {
  return parsePasswordHash(text) !== null;
});

const userField = object(
  { username: unshown(username), passwordHash: unshown(passwordHash), ...callerGrantFields } satisfies Record<
    keyof BasicUser,
    Schema
  >,
  { required: ['username', 'passwordHash'] },
);

/** Schema of what `verify` answers. */
export const verifiedUserSchema = object(callerFields, { required: ['id'] });

const basicFields = {
  users: unshown(list(unshown(userField))),
  verify: func,
  cacheTtlMs: milliseconds({ min: 0 }),
  cacheSize: integer({ min: 1 }),
  maxConcurrent: integer({ min: 1 }),
  maxQueue: integer(),
  clock: clockField,
} satisfies Record<keyof BasicOptions, Schema>;

const fields = object(basicFields);

/** Adds everything that is wrong with the options. No fault shows a password, be it where a name belongs. */
export function inspectBasicOptions(options: BasicOptions, at: string, faults: Fault[]): void {
  const own: Fault[] = [];
  fields.inspect?.(options as never, at, own);
  const { users, verify } = options;
  if ((users === undefined) === (verify === undefined))
    own.push({ path: at || 'options', message: 'needs users or verify, and only one of them' });
  if (own.length === 0) {
    const names = (users ?? []).map(
      ({ username }, index) => [`${member(at, 'users')}[${index}].username`, username] as const,
    );
    inspectUnique(names, own);
  }
  faults.push(...own);
}

export const basicSchema = unshown({ ...fields, inspect: inspectBasicOptions });
