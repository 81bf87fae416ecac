import { systemClock, type Clock } from '../../core/clock.js';
import type { Context } from '../../core/context.js';
import { GatewayError } from '../../core/errors.js';
import { isPlainObject } from '../../core/options.js';
import type { GatewayResponse, HeaderMap } from '../../core/types.js';
import type { Claims } from '../claims-identity.js';
import { TokenSigner } from '../jwt/token-signer.js';
import type { LoginOptions, SignFunction } from './options.js';
import type { RefreshToken } from './refresh-tokens.js';

/** What claims come to: an access token, and the cookie of a session where there are any. */
export interface Grant {
  readonly token: string;
  readonly expiresInMs: number;
  readonly cookie: string | null;
}

/** Compiles the options once: a grant for claims. */
export function compileGrant<User extends object>({
  sign,
  session,
  refresh = false,
  expiresInMs = refresh === false ? 86_400_000 : 900_000,
  clock = systemClock,
}: LoginOptions<User>): (claims: Claims, ctx: Context) => Promise<Grant> {
  const makeToken = compileSign(sign, expiresInMs, clock);

  return async function grant(claims, ctx) {
    if (!isPlainObject(claims)) throw fault('claims must be an object');
    const token: unknown = await makeToken(claims, ctx);
    if (typeof token !== 'string' || token === '') throw fault('sign must return a text that is not empty');
    return { token, expiresInMs, cookie: session?.create(claims) ?? null };
  };
}

function compileSign(sign: LoginOptions['sign'], expiresInMs: number, clock: Clock): SignFunction {
  if (typeof sign === 'function') return sign;
  const signer = new TokenSigner({ ...sign, expiresInMs, clock });
  return (claims) => signer.sign(claims);
}

function fault(message: string): GatewayError {
  return new GatewayError('ERR_GATEWAY_INTERNAL', `login: ${message}`);
}

/** The answer to a login or a refresh. Nobody on the way may keep it (RFC 6749 5.1). */
export function grantAnswer(
  { token, expiresInMs, cookie }: Grant,
  refresh: RefreshToken | null,
  user?: object,
): GatewayResponse {
  const tokens = { token, expiresIn: seconds(expiresInMs), user };
  const body = JSON.stringify(
    refresh === null
      ? tokens
      : { ...tokens, refreshToken: refresh.token, refreshExpiresIn: seconds(refresh.expiresInMs) },
  );
  const headers: HeaderMap = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
  };
  if (cookie !== null) headers['set-cookie'] = cookie;
  return { status: 200, headers, body };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
