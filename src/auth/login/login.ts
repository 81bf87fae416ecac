import type { Context } from '../../core/context.js';
import { isPlainObject, validate } from '../../core/options.js';
import { refuse } from '../../core/refuse.js';
import type { GatewayResponse, Handler, RequestFault } from '../../core/types.js';
import { DEFAULT_REALM } from '../challenge.js';
import { isAuthFailure } from '../strategy.js';
import { compileGrant, grantAnswer } from './grant.js';
import { credentialNames, loginSchema, type LoginOptions } from './options.js';
import { postOnly } from './post-only.js';
import { readMembers } from './read-members.js';
import { RefreshTokens } from './refresh-tokens.js';
import { defaultClaims, withoutSecrets } from './user-claims.js';
import { compileVerify } from './verify-user.js';

/** Answers a login. Each of its handlers is for a route of its own. */
export interface LoginHandler extends Handler {
  /** Changes `{ refreshToken }` for new tokens; 404 without the option `refresh`. */
  readonly refresh: Handler;
  /** Ends the family of `{ refreshToken }`, where one is sent, and the session; 204, be they known or not. */
  readonly logout: Handler;
  /** Limits for a gateway to put in front of the login. */
  readonly rateLimits: readonly object[];
}

const QUARTER_MS = 900_000;

/**
 * Checks credentials and hands out tokens: `POST` with `{ email, password }` as JSON or as a form is answered with
 * `{ token, expiresIn, user }`, and `refreshToken` and `refreshExpiresIn` where they are switched on; times are in
 * seconds (RFC 6749 5.1). An unknown user and a wrong password get the same 401.
 *
 * A refresh token is good once. Its `refresh` answers with the next one; when an earlier one comes again, two parties
 * hold the tokens of one login, and all of them are void (RFC 9700 4.14.2). That includes a client that sends the same
 * one twice at a time.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const auth = login({ upstream: 'http://users:3001/users/validate', sign: { secret }, refresh: true });
 * const routes = [
 *   { path: '/api/auth/login', respond: auth },
 *   { path: '/api/auth/refresh', respond: auth.refresh },
 *   { path: '/api/auth/logout', respond: auth.logout },
 * ];
 */
export function login<User extends object = Record<string, unknown>>(options: LoginOptions<User>): LoginHandler {
  validate('login', options, loginSchema);
  const { claimsOf = defaultClaims, userView = withoutSecrets, session, maxBodyBytes = 8_192 } = options;
  const { realm = DEFAULT_REALM, rateLimits } = options;
  const names = credentialNames(options);
  const verify = compileVerify(options);
  const grant = compileGrant(options);
  const tokens = refreshTokensOf(options);
  const reload = isPlainObject(options.refresh) ? options.refresh.reload : undefined;

  async function logIn(ctx: Context): Promise<GatewayResponse> {
    const member = await readMembers(ctx, maxBodyBytes);
    if (typeof member !== 'function') return refuseFault(ctx, member);
    const user = member(names.user);
    const password = member(names.password);
    if (user === null || password === null) return refuseMembers(ctx, `${names.user} and ${names.password}`);
    const found = await verify({ user, password }, ctx);
    if (found === null) return refuseCredentials(ctx, 'no such user, or a wrong password');
    const claims = claimsOf(found);
    const granted = await grant(claims, ctx);
    const view = userView(found);
    // Last, so that what fails before leaves no family behind that nobody knows.
    const refreshToken = tokens === null ? null : await tokens.issue(claims);
    return grantAnswer(granted, refreshToken, view);
  }

  async function refresh(ctx: Context): Promise<GatewayResponse> {
    if (tokens === null) return refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND', { reason: 'login has no option refresh' });
    const member = await readMembers(ctx, maxBodyBytes);
    if (typeof member !== 'function') return refuseFault(ctx, member);
    const token = member('refreshToken');
    if (token === null) return refuseMembers(ctx, 'refreshToken');
    const next = await tokens.rotate(token);
    if (isAuthFailure(next)) return refuseCredentials(ctx, next.reason);
    try {
      const claims = reload === undefined ? next.claims : await reload(next.claims, ctx);
      if (claims !== null && claims !== undefined) return grantAnswer(await grant(claims, ctx), next);
      await tokens.revoke(token);
      return refuseCredentials(ctx, 'reload does not let the user in any more');
    } catch (error) {
      await tokens.takeBack(token, next);
      throw error;
    }
  }

  async function logOut(ctx: Context): Promise<GatewayResponse> {
    const { body, bodyFault } = ctx.request;
    if (tokens !== null && (body ?? bodyFault) !== null) {
      const member = await readMembers(ctx, maxBodyBytes);
      if (typeof member !== 'function') return refuseFault(ctx, member);
      await tokens.revoke(member('refreshToken') ?? '');
    }
    const headers = session === undefined ? {} : { 'set-cookie': session.clear() };
    return { status: 204, headers, body: null };
  }

  function refuseCredentials(ctx: Context, reason: string): GatewayResponse {
    return refuse(ctx, 'ERR_GATEWAY_CREDENTIALS_INVALID', {
      detail: 'Log in with valid credentials.',
      reason,
      headers: { 'www-authenticate': `Bearer realm="${realm}"` },
    });
  }

  const setsCookie = session !== undefined;
  return Object.assign(postOnly(logIn, setsCookie), {
    refresh: postOnly(refresh, setsCookie),
    logout: postOnly(logOut, setsCookie),
    rateLimits: rateLimits === false ? [] : (rateLimits ?? defaultLimits(names.user)),
  });
}

function refreshTokensOf<User extends object>({ refresh = false, clock, randomBytes }: LoginOptions<User>) {
  if (refresh === false) return null;
  const shared = { ...(clock && { clock }), ...(randomBytes && { randomBytes }) };
  return new RefreshTokens({ ...(refresh === true ? {} : refresh), ...shared });
}

function refuseFault(ctx: Context, { code, detail }: RequestFault): GatewayResponse {
  return refuse(ctx, code, { detail });
}

function refuseMembers(ctx: Context, names: string): GatewayResponse {
  const detail = `The body needs ${names}: texts that are neither empty nor longer than 1 KiB.`;
  return refuse(ctx, 'ERR_GATEWAY_REQUEST_MALFORMED', { detail });
}

/** By user too: one account must not be guessed from many addresses. */
function defaultLimits(user: string): readonly object[] {
  return [
    { limit: 20, windowMs: QUARTER_MS, key: 'ip' },
    { limit: 5, windowMs: QUARTER_MS, key: { body: user }, skipSuccessfulRequests: true },
  ];
}
