import { boolean, either, integer, list, literal, string, type Schema } from '../../core/options.js';
import { claim, type Claims } from '../claims-identity.js';
import { invalid, type AuthFailure } from '../strategy.js';

/** What the claims of a token must say (RFC 7519 4.1). */
export interface ClaimRules {
  /** Who may have issued it: `iss` is this, or one of these. @default anybody who has the key */
  issuer?: string | readonly string[];
  /**
   * Whom it must be for: `aud` is this, or has one of these. `false` = for anybody, so that tokens that were made for
   * other services pass here too. @default anybody, with a warning where others make the tokens
   */
  audience?: string | readonly string[] | false;
  /** The only `sub` that passes. @default every one */
  subject?: string;
  /** How far the clock of the issuer may be off, in ms. From 0 on. @default 0 */
  clockToleranceMs?: number;
  /** Claims that must be there and not `null`, by name, or by way as in `realm_access.roles`. @default none */
  requiredClaims?: readonly string[];
  /** Age in ms, by `iat`, at which a token is refused, however long it is good for. From 1 on. @default no such age */
  maxTokenAgeMs?: number;
  /** `false` = a token without `exp` passes: then nothing ends it. @default true */
  expiring?: boolean;
}

const texts = either(string(), list(string()));

export const claimRuleFields = {
  issuer: texts,
  audience: either(literal(false), texts),
  subject: string(),
  clockToleranceMs: integer(),
  requiredClaims: list(string()),
  maxTokenAgeMs: integer({ min: 1 }),
  expiring: boolean,
} satisfies Record<keyof ClaimRules, Schema>;

/** When a token is good, in ms of wall time: from the one on, and before the other. */
export interface TokenPeriod {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Compiles the rules once: when a token with these claims is good, or why it never is. */
export function compileClaimRules(rules: ClaimRules): (claims: Claims) => TokenPeriod | AuthFailure {
  const { subject, clockToleranceMs = 0, requiredClaims = [], maxTokenAgeMs, expiring = true } = rules;
  const issuers = textsOf(rules.issuer);
  const audiences = textsOf(rules.audience);

  return function periodOf(claims) {
    if (issuers !== null && !issuers.includes(own(claims, 'iss'))) return invalid('the token is of another issuer');
    if (audiences !== null && !isFor(audiences, own(claims, 'aud')))
      return invalid('the token is for another audience');
    if (subject !== undefined && own(claims, 'sub') !== subject) return invalid('the token is of another subject');
    for (const name of requiredClaims) {
      if ((claim(claims, name) ?? null) === null) return invalid(`the token has no claim ${name}`);
    }

    const [expiresAt, notBefore, issuedAt] = [dateMs(claims, 'exp'), dateMs(claims, 'nbf'), dateMs(claims, 'iat')];
    if (expiresAt === null || notBefore === null || issuedAt === null)
      return invalid('the token has an exp, nbf or iat that is no date');
    if (expiring && expiresAt === undefined) return invalid('the token has no exp');
    let fromMs = notBefore ?? -Infinity;
    let untilMs = expiresAt ?? Infinity;
    if (maxTokenAgeMs !== undefined) {
      if (issuedAt === undefined) return invalid('the token has no iat, which tells its age');
      fromMs = Math.max(fromMs, issuedAt);
      untilMs = Math.min(untilMs, issuedAt + maxTokenAgeMs);
    }
    return { fromMs: fromMs - clockToleranceMs, untilMs: untilMs + clockToleranceMs };
  };
}

/** True at a time at which the token is good. At `exp` itself it is over (RFC 7519 4.1.4). */
export function isWithin({ fromMs, untilMs }: TokenPeriod, wallMs: number): boolean {
  return wallMs >= fromMs && wallMs < untilMs;
}

function textsOf(given: string | readonly string[] | false | undefined): readonly unknown[] | null {
  return given === undefined || given === false ? null : [given].flat();
}

function isFor(audiences: readonly unknown[], aud: unknown): boolean {
  return Array.isArray(aud) ? aud.some((one) => audiences.includes(one)) : audiences.includes(aud);
}

/** A NumericDate (RFC 7519 2) in ms; `undefined` where the claim is not there, `null` where it is none. */
function dateMs(claims: Claims, name: string): number | null | undefined {
  const date = own(claims, name);
  if (date === undefined) return undefined;
  return typeof date === 'number' && Number.isFinite(date) && date >= 0 ? date * 1_000 : null;
}

/** Registered claims have plain names, so there is no way through objects to look for. */
function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
