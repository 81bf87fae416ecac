/** What `WWW-Authenticate` says (RFC 9110 11.6.1, RFC 6750 3, RFC 7617 2). */
import { string } from '../core/options.js';
import type { AuthStrategy } from './strategy.js';

/** Schema of a realm: what can stand between quotes. */
export const realmField = string('a text of printable ASCII without quotes and backslashes', (realm) =>
  /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm),
);

/** Schema of a scope (RFC 6749 3.3): it can stand in a list with spaces, and between quotes. */
export const scopeField = string('a scope (RFC 6749 3.3: visible ASCII without quotes and backslashes)', (scope) =>
  /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope),
);

export const DEFAULT_REALM = 'api';

/** One challenge for each scheme of the strategies. @param error Of RFC 6750 3.1, for tokens that were sent. */
export function challenges(strategies: readonly AuthStrategy[], realm: string, error?: 'invalid_token'): string[] {
  const schemes = [...new Set(strategies.map(({ scheme }) => scheme))];
  return schemes.map((scheme) => {
    const challenge = `${scheme} realm="${realm}"`;
    if (scheme === 'Basic') return `${challenge}, charset="UTF-8"`;
    return scheme === 'Bearer' && error !== undefined ? `${challenge}, error="${error}"` : challenge;
  });
}

/** For a token that proves who is calling but may not do this. */
export function insufficientScope(realm: string, scopes: readonly string[]): string {
  return `Bearer realm="${realm}", error="insufficient_scope", scope="${scopes.join(' ')}"`;
}
