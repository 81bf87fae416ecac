import { either, list, string, type Schema } from '../core/options.js';
import type { Identity } from '../core/types.js';

/**
 * Which claims say what of a caller. A name with dots that no claim has is a way through objects, as in
 * `realm_access.roles`; of a list of names the first that the claims have counts.
 */
export interface ClaimNames {
  /** Of the id: a text of 1 to 255 characters, or a whole number. @default ['sub', 'userId', 'client_id'] */
  idClaim?: string | readonly string[];
  /** Of the scopes: a list of texts, or one text with spaces. @default ['scope', 'scp', 'scopes'] */
  scopesClaim?: string | readonly string[];
  /** Of the roles: a list of texts, or one text that is a single role. @default ['roles', 'role'] */
  rolesClaim?: string | readonly string[];
  /** Of the tenant, a text. @default ['tenant', 'tid'] */
  tenantClaim?: string | readonly string[];
  /** Of the application that calls, a text. @default ['azp', 'client_id'] */
  consumerClaim?: string | readonly string[];
}

const names = either(string(), list(string()));

export const claimNameFields = {
  idClaim: names,
  scopesClaim: names,
  rolesClaim: names,
  tenantClaim: names,
  consumerClaim: names,
} satisfies Record<keyof ClaimNames, Schema>;

export type Claims = Readonly<Record<string, unknown>>;

/** Compiles the names once: the identity that claims speak of, `null` where they have no id. It is frozen. */
export function compileIdentity(scheme: string, given: ClaimNames): (claims: Claims) => Identity | null {
  const ids = [given.idClaim ?? ['sub', 'userId', 'client_id']].flat();
  const scopes = [given.scopesClaim ?? ['scope', 'scp', 'scopes']].flat();
  const roles = [given.rolesClaim ?? ['roles', 'role']].flat();
  const tenants = [given.tenantClaim ?? ['tenant', 'tid']].flat();
  const consumers = [given.consumerClaim ?? ['azp', 'client_id']].flat();

  return function identityOf(claims) {
    const id = idText(firstClaim(claims, ids));
    if (id === null) return null;
    const tenant = idText(firstClaim(claims, tenants));
    const consumer = idText(firstClaim(claims, consumers));
    return Object.freeze({
      id,
      scheme,
      claims,
      scopes: texts(firstClaim(claims, scopes), /\s+/),
      roles: texts(firstClaim(claims, roles), null),
      ...(tenant === null ? undefined : { tenant }),
      ...(consumer === null ? undefined : { consumer }),
    });
  };
}

function firstClaim(claims: Claims, candidates: readonly string[]): unknown {
  for (const name of candidates) {
    const value = claim(claims, name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Only what the claims say themselves counts, never what every object inherits. */
export function claim(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  if (!name.includes('.')) return undefined;
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function idText(value: unknown): string | null {
  if (Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' && value.length <= 255 ? value : null;
}

const NONE: readonly string[] = Object.freeze([]);

function texts(value: unknown, separator: RegExp | null): readonly string[] {
  const items: unknown[] = typeof value === 'string' ? (separator === null ? [value] : value.split(separator)) : [];
  const found = (Array.isArray(value) ? (value as unknown[]) : items).filter(
    (item): item is string => typeof item === 'string' && item !== '',
  );
  return found.length === 0 ? NONE : Object.freeze(found);
}

/** Freezes claims that are nobody else's: whoever gets an identity that is kept gets the same one. */
export function freezeDeep(value: Readonly<Record<string, unknown>>): void {
  for (const name in value) {
    const inner = value[name];
    if (typeof inner === 'object' && inner !== null) freezeDeep(inner as typeof value);
  }
  Object.freeze(value);
}
