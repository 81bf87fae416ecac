import type { Identity } from '../../core/types.js';
import { claim, compileIdentity, freezeDeep, type Claims } from '../claims-identity.js';
import { invalid, type AuthFailure } from '../strategy.js';
import type { IntrospectionOptions } from './options.js';

/** An active token that fits, and when it counts, in ms since 1970. */
export interface ActiveToken {
  readonly identity: Identity;
  readonly notBefore: number;
  readonly expiresAt: number;
}

export type TokenVerdict = ActiveToken | AuthFailure;

/** Compiles what an answer must say (RFC 7662 2.2): what it means for its token, at whatever time. */
export function compileVerdict(options: IntrospectionOptions): (answer: Claims) => TokenVerdict {
  const issuers = setOf(options.issuer);
  const audiences = setOf(options.audience);
  const { requiredClaims = [] } = options;
  const isAccessToken = compileTypeCheck(options.tokenTypes);
  const identityOf = compileIdentity('introspection', options);

  return function verdictOf(answer) {
    if (answer.active !== true) return invalid('the token is not active');
    if (!isAccessToken(answer)) return invalid('the token is of a type that is not accepted');
    if (issuers?.has(claim(answer, 'iss')) === false) return invalid('the token is of another issuer');
    if (audiences !== null && ![claim(answer, 'aud')].flat().some((audience) => audiences.has(audience)))
      return invalid('the token is for another audience');
    const missing = requiredClaims.find((name) => (claim(answer, name) ?? null) === null);
    if (missing !== undefined) return invalid(`the token has no claim ${missing}`);
    const notBefore = timeOf(answer, 'nbf', -Infinity);
    const expiresAt = timeOf(answer, 'exp', Infinity);
    if (Number.isNaN(notBefore) || Number.isNaN(expiresAt))
      return invalid('the token has an exp or an nbf that is no time');
    const identity = identityOf(answer);
    freezeDeep(answer);
    return identity === null ? invalid('the token has no claim that can be an id') : { identity, notBefore, expiresAt };
  };
}

function setOf(names: string | readonly string[] | undefined): ReadonlySet<unknown> | null {
  return names === undefined ? null : new Set([names].flat());
}

/** What servers say, in members of their own, of tokens that are no access tokens. */
const OTHER_USES: ReadonlySet<unknown> = new Set(['refresh', 'refresh_token', 'offline', 'id', 'id_token']);

function compileTypeCheck(
  given: readonly (string | undefined)[] = ['bearer', 'access_token', undefined],
): (answer: Claims) => boolean {
  const types = new Set<unknown>(given.map(lowerCase));
  return function isAccessToken(answer) {
    if (!types.has(lowerCase(claim(answer, 'token_type')))) return false;
    // RFC 7662 knows no member that tells a refresh token: Hydra has `token_use`, Keycloak `typ`.
    return ![claim(answer, 'token_use'), claim(answer, 'typ')].some((use) => OTHER_USES.has(lowerCase(use)));
  };
}

function lowerCase(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value;
}

/** From seconds (RFC 7519 2) to ms; `NaN` for what is no number. */
function timeOf(answer: Claims, name: string, otherwise: number): number {
  const seconds = claim(answer, name);
  if (seconds === undefined) return otherwise;
  return Number.isFinite(seconds) ? (seconds as number) * 1000 : NaN;
}
