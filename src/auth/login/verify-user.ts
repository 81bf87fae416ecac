import { systemClock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import { GatewayError, isGatewayError } from '../../core/errors.js';
import { isPlainObject } from '../../core/options.js';
import { failureName } from '../ask-caller.js';
import { fetchJson } from '../fetch-json.js';
import { authUnavailable } from './auth-unavailable.js';
import { credentialNames, type LoginCredentials, type LoginOptions } from './options.js';

/** Compiles the options once: the user whom the credentials prove, `null` where they prove nobody. */
export function compileVerify<User extends object>(
  options: LoginOptions<User>,
): (credentials: LoginCredentials, ctx: Context) => Promise<User | null> {
  const { verify, upstream } = options;
  if (upstream !== undefined) return compileUpstream(upstream, options);

  return async function verifyUser(credentials, ctx) {
    const user = await callVerify(verify, credentials, ctx);
    if (user === null || user === undefined) return null;
    // A `true` names nobody.
    if (typeof user === 'object') return user;
    throw new GatewayError('ERR_GATEWAY_INTERNAL', 'login: verify must return a user, or null');
  };
}

/** What the function throws may name what it was asked. @throws {GatewayError} where it fails. */
async function callVerify<User extends object>(
  verify: LoginOptions<User>['verify'],
  credentials: LoginCredentials,
  ctx: Context,
): Promise<User | null | undefined> {
  try {
    return await verify?.(credentials, ctx);
  } catch (error) {
    if (isGatewayError(error)) throw error;
    throw new GatewayError('ERR_GATEWAY_INTERNAL', `login: verify failed: ${failureName(error)}`, { cause: error });
  }
}

/** The statuses with which a service says that nobody has these credentials. */
const NOBODY: ReadonlySet<number> = new Set([401, 403, 404]);

function compileUpstream<User extends object>(
  url: string,
  options: LoginOptions<User>,
): (credentials: LoginCredentials, ctx: Context) => Promise<User | null> {
  const names = credentialNames(options);
  const { clock = systemClock } = options;
  const what = 'the service that checks credentials';

  return async function askUpstream({ user, password }, { requestId }) {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(requestId === '' ? undefined : { 'x-request-id': requestId }),
    };
    const body = JSON.stringify({ [names.user]: user, [names.password]: password });
    const answer = await fetchJson(url, { method: 'POST', headers, body }, clock, options).catch((error: unknown) => {
      throw authUnavailable(what, error);
    });
    if (NOBODY.has(answer.status)) return null;
    const found = answer.status === 200 ? userOf(answer.json) : null;
    if (found !== null) return found as User;
    throw authUnavailable(what, new Error(`status ${answer.status}, without a user`));
  };
}

/** The user is the whole answer, or its member `user`. */
function userOf(json: unknown): object | null {
  if (!isPlainObject(json)) return null;
  const user: unknown = Object.hasOwn(json, 'user') ? (json as { user?: unknown }).user : json;
  return isPlainObject(user) ? user : null;
}
