import { boolean, either, inspect, isPlainObject, list, member, object, oneOf, type Schema } from '../core/options.js';
import { realmField } from './challenge.js';
import { credentialSourceField } from './credentials.js';
import { inspectIdentityHeaders, type IdentityHeadersOptions } from './identity-headers.js';
import type { AuthStrategy } from './strategy.js';
import { unshown } from '../core/unshown.js';

/** What holds for every strategy of a route. */
export interface AuthenticationRules {
  /** Who is to be called in `WWW-Authenticate`: printable ASCII without quotes. @default 'api' */
  realm?: string;
  /** Status for credentials that prove nothing; without any it is 401. @default 401 */
  invalidTokenStatus?: 401 | 403;
  /** Let the upstream see the credentials too: field, cookie or parameter, as they came. @default true */
  forwardCredentials?: boolean;
  /** Which fields tell the upstream who is calling; `false` = none. @default true, without claims */
  identityHeaders?: IdentityHeadersOptions | boolean;
}

export interface AuthenticateOptions extends AuthenticationRules {
  /** Asked in this order, until one knows who is calling. */
  strategies: readonly AuthStrategy[];
  /**
   * `required` = who proves nothing is refused; `optional` = who sends no credentials at all passes without an identity,
   * while bad ones are still refused. @default 'required'
   */
  mode?: 'required' | 'optional';
}

const identityHeaders: Schema = {
  expected: 'an object with claims, internalToken',
  accepts: isPlainObject,
  inspect: inspectIdentityHeaders,
};

const status: Schema = { expected: '401 or 403', accepts: (value) => value === 401 || value === 403 };

/** Schemas of the rules, by name. */
export const authenticationRuleFields = {
  realm: realmField,
  invalidTokenStatus: status,
  forwardCredentials: boolean,
  identityHeaders: unshown(either(boolean, identityHeaders)),
} satisfies Record<keyof AuthenticationRules, Schema>;

const sources = list(credentialSourceField, { min: 0 });

/** Schema of a strategy made in code. A source that nobody understands would let its credentials through. */
export const strategyField: Schema = {
  expected: 'a strategy: { name, scheme, sources, authenticate }',
  accepts(value) {
    const strategy = Object(value) as Partial<Record<keyof AuthStrategy, unknown>>;
    const { name, scheme, authenticate, close } = strategy;
    if (typeof name !== 'string' || typeof scheme !== 'string' || !/^[\w-]+$/.test(scheme)) return false;
    if (close !== undefined && typeof close !== 'function') return false;
    return Array.isArray(strategy.sources) && typeof authenticate === 'function';
  },
  inspect(strategy: AuthStrategy, at, faults) {
    inspect(sources, strategy.sources, member(at, 'sources'), faults);
  },
};

/** Schema of all options. */
export const authenticateSchema = object(
  {
    ...authenticationRuleFields,
    strategies: list(strategyField),
    mode: oneOf('required', 'optional'),
  } satisfies Record<keyof AuthenticateOptions, Schema>,
  { required: ['strategies'] },
);
