import { createHmac, randomBytes } from 'node:crypto';
import { systemClock, type Clock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import { validate } from '../../core/options.js';
import type { Identity, MaybePromise } from '../../core/types.js';
import { askCaller } from '../ask-caller.js';
import { identityOf } from '../caller.js';
import { compileCredentials, type CredentialSource } from '../credentials.js';
import { SharedLookup, type Found } from '../shared-lookup.js';
import {
  invalid,
  isAuthFailure,
  unavailable,
  type AuthFailure,
  type AuthResult,
  type AuthStrategy,
} from '../strategy.js';
import { matchesPassword } from './hash-password.js';
import { basicSchema, verifiedUserSchema, type BasicOptions, type BasicUser, type VerifyUser } from './options.js';
import { parsePasswordHash, type PasswordHash } from './password-hash.js';
import { TaskGate } from './task-gate.js';
import { parseUserPass, type UserPass } from './user-pass.js';

const NAME = 'basic';
const SCHEME = 'Basic';

const MALFORMED = Object.freeze(invalid('not base64 of a user name, a colon and a password'));
const WRONG = Object.freeze(invalid('a wrong user name or password'));
const BUSY = Object.freeze(unavailable('too many passwords wait to be checked'));

/** Says who logs in, slowly. */
type Prove = (login: UserPass) => Promise<Identity | AuthFailure>;

/**
 * Proves who is calling by a user name and a password (RFC 7617). They cross the wire as they are: let clients in by
 * TLS alone.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const passwordHash = await hashPassword(password);
 * const strategy = basic({ users: [{ username: 'ada', passwordHash, roles: ['admin'] }] });
 */
export function basic(options: BasicOptions): AuthStrategy {
  validate('basic', options, basicSchema);
  const { users = [], verify, cacheTtlMs = 60_000, cacheSize = 10_000, clock = systemClock } = options;
  const { maxConcurrent = 2, maxQueue = 50 } = options;
  const sources: readonly CredentialSource[] = [{ header: 'authorization' }];
  const credentialOf = compileCredentials(sources, SCHEME);
  const secret = randomBytes(32);
  const prove = verify === undefined ? compileUsers(users, secret) : compileVerify(verify, clock);
  const gate = new TaskGate(maxConcurrent, maxQueue);
  const logins = new SharedLookup<Identity | AuthFailure>(clock, cacheTtlMs === 0 ? 0 : cacheSize);

  function authenticate(ctx: Context): MaybePromise<AuthResult> {
    const credential = credentialOf(ctx);
    if (typeof credential !== 'string') return credential;
    const login = parseUserPass(credential);
    if (login === null) return MALFORMED;
    // A plain hash would be fast to guess for who reads the memory. Neither name nor password can hold the NUL.
    const key = mac(secret, `${login.username}\0${login.password}`).toString('base64');
    return logins.find(key, () => check(login));
  }

  async function check(login: UserPass): Promise<Found<Identity | AuthFailure>> {
    const value = (await gate.run(() => prove(login))) ?? BUSY;
    return { value, ttlMs: isAuthFailure(value) ? 0 : cacheTtlMs };
  }

  return { name: NAME, scheme: SCHEME, sources, authenticate };
}

function compileVerify(verify: VerifyUser, clock: Clock): Prove {
  return async function proveByFunction({ username, password }) {
    const caller = await askCaller('verify', verifiedUserSchema, () => verify(username, password), clock);
    if (caller === null) return WRONG;
    return isAuthFailure(caller) ? caller : identityOf(caller, NAME);
  };
}

interface KnownUser {
  readonly identity: Identity;
  readonly passwordHash: PasswordHash;
}

function compileUsers(users: readonly BasicUser[], secret: Buffer): Prove {
  const known = users.map(knownUser);
  const byName = new Map(known.map((user) => [user.identity.id, user]));

  /** An unknown name takes as long as somebody's, and always as long as the same one's. */
  function decoyFor(username: string): KnownUser {
    const number = mac(secret, username).readUInt32BE();
    return known[number % known.length] as KnownUser;
  }

  return async function proveByHash({ username, password }) {
    const user = byName.get(username);
    const { identity, passwordHash } = user ?? decoyFor(username);
    const matches = await matchesPassword(passwordHash, password);
    return matches && user !== undefined ? identity : WRONG;
  };
}

function mac(secret: Buffer, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

/** @param user Is valid. */
function knownUser(user: BasicUser): KnownUser {
  const passwordHash = parsePasswordHash(user.passwordHash) as PasswordHash;
  return { identity: identityOf({ ...user, id: user.username }, NAME), passwordHash };
}
