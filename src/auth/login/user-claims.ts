import { GatewayError } from '../../core/errors.js';
import type { Claims } from '../claims-identity.js';

/** What else of a user goes into a token as it is. */
const COPIED = ['email', 'role', 'roles', 'scope', 'scopes', 'tenant'] as const;

/** What a token says of a user, unless `claimsOf` is given. Only what the user has itself counts. */
export function defaultClaims(user: object): Claims {
  const claims: Record<string, unknown> = { sub: idOf(user) };
  for (const name of COPIED) {
    const value = own(user, name);
    if (value !== null && value !== undefined) claims[name] = value;
  }
  return claims;
}

/** @throws {GatewayError} where the id is none: two users whose ids came to the same text would be one. */
function idOf(user: object): string {
  const id = own(user, 'id') ?? own(user, 'userId') ?? own(user, 'sub');
  if (Number.isSafeInteger(id)) return String(id);
  if (typeof id === 'string' && id !== '') return id;
  const message = 'login: a user has no id, userId or sub that is a text or a whole number; give claimsOf';
  throw new GatewayError('ERR_GATEWAY_INTERNAL', message);
}

function own(user: object, name: string): unknown {
  return Object.hasOwn(user, name) ? (user as Record<string, unknown>)[name] : undefined;
}

const SECRET_NAME = /passw|pwd|secret|hash|salt|token|(?:api|private)_?key/i;

/** A user without what looks like a secret, at any depth: what the answer shows unless `userView` is given. */
export function withoutSecrets(user: object): object {
  return JSON.parse(
    JSON.stringify(user, (name, value: unknown) => (SECRET_NAME.test(name) ? undefined : value)),
  ) as object;
}
