import type { Context } from '../core/context.js';
import {
  either,
  func,
  isPlainObject,
  list,
  object,
  string,
  validate,
  type Fault,
  type Schema,
} from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { GatewayRequest, GatewayResponse, Handler, Identity, MaybePromise, Middleware } from '../core/types.js';
import { DEFAULT_REALM, insufficientScope, realmField, scopeField } from './challenge.js';

/** What an identity must have: any of a list, or `anyOf` and `allOf`, of which both must hold. */
export type Requirement =
  readonly string[] | { readonly anyOf?: readonly string[]; readonly allOf?: readonly string[] };

/** What a proven identity may do. All that is given must hold. */
export interface AuthorizationRules {
  /** Scopes (RFC 6749 3.3). @default none is needed */
  scopes?: Requirement;
  /** @default none is needed */
  roles?: Requirement;
  /**
   * A rule of your own. Only `true` lets in; what it throws is answered with 500, and the upstream is not asked.
   * @default everybody who is known
   */
  allow?: (identity: Identity, request: GatewayRequest, ctx: Context) => MaybePromise<boolean>;
}

export interface AuthorizeOptions extends AuthorizationRules {
  /** See `authenticate`. @default 'api' */
  realm?: string;
}

function requirement(name: Schema): Schema {
  const names = list(name);
  const parts = object({ anyOf: names, allOf: names });
  const both: Schema = {
    ...parts,
    accepts: isPlainObject,
    inspect(given: { readonly anyOf?: unknown; readonly allOf?: unknown }, at, faults) {
      parts.inspect?.(given as never, at, faults);
      if (given.anyOf === undefined && given.allOf === undefined)
        faults.push({ path: at, message: 'needs anyOf, allOf, or both' });
    },
  };
  return either(names, both);
}

/** Schemas of the rules, by name. */
export const authorizationRuleFields = {
  scopes: requirement(scopeField),
  roles: requirement(string('the name of a role', (name) => /^[^\0]+$/.test(name))),
  allow: func,
} satisfies Record<keyof AuthorizationRules, Schema>;

const fields = object({ ...authorizationRuleFields, realm: realmField } satisfies Record<
  keyof AuthorizeOptions,
  Schema
>);

const schema: Schema = {
  ...fields,
  inspect(options: AuthorizeOptions, at, faults) {
    fields.inspect?.(options as never, at, faults);
    inspectRules(options, at, faults);
  },
};

function inspectRules({ scopes, roles, allow }: AuthorizationRules, at: string, faults: Fault[]): void {
  if (scopes === undefined && roles === undefined && allow === undefined)
    faults.push({ path: at || 'options', message: 'asks for nothing; write scopes, roles or allow' });
}

/**
 * Lets in who may do this: 403 for an identity without the scopes, the roles, or the word of your own rule, and 401
 * where nobody has proven who is calling. It belongs behind `authenticate`.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const guard = [authenticate(jwt({ secret })), authorize({ scopes: ['users:read', 'users:write'] })];
 */
export function authorize(options: AuthorizeOptions): Middleware {
  validate('authorize', options, schema);
  const { allow, realm = DEFAULT_REALM } = options;
  const scopes = compileRequirement(options.scopes);
  const roles = compileRequirement(options.roles);

  function decide(allowed: unknown, ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    return allowed === true ? next(ctx) : refuseCaller(ctx, 'refused by allow');
  }

  return function authorizeMiddleware(ctx, next) {
    const { identity, request } = ctx;
    if (identity === null) return refuseUnknown(ctx, realm);
    if (!scopes.isMet(identity.scopes)) return refuseScope(ctx, identity, realm, scopes);
    if (!roles.isMet(identity.roles)) return refuseCaller(ctx, `needs ${roles.text}`);
    if (allow === undefined) return next(ctx);
    const allowed = allow(identity, request, ctx);
    return allowed instanceof Promise ? allowed.then((late) => decide(late, ctx, next)) : decide(allowed, ctx, next);
  };
}

interface CompiledRequirement {
  readonly isMet: (has: readonly string[]) => boolean;
  readonly names: readonly string[];
  /** In words: `one of a, b`. */
  readonly text: string;
}

function compileRequirement(given: Requirement = {}): CompiledRequirement {
  const { anyOf = [], allOf = [] } = isList(given) ? { anyOf: given } : given;
  const texts = [
    ...(anyOf.length === 0 ? [] : [`one of ${anyOf.join(', ')}`]),
    ...(allOf.length === 0 ? [] : [`all of ${allOf.join(', ')}`]),
  ];
  return {
    isMet: (has) =>
      (anyOf.length === 0 || anyOf.some((name) => has.includes(name))) && allOf.every((name) => has.includes(name)),
    names: [...new Set([...anyOf, ...allOf])],
    text: texts.join(' and '),
  };
}

function isList(given: Requirement): given is readonly string[] {
  return Array.isArray(given);
}

function refuseUnknown(ctx: Context, realm: string): GatewayResponse {
  const headers = { 'www-authenticate': `Bearer realm="${realm}"` };
  return refuse(ctx, 'ERR_GATEWAY_CREDENTIALS_MISSING', { headers, reason: 'no identity to authorize' });
}

function refuseScope(
  ctx: Context,
  { scheme }: Identity,
  realm: string,
  { names, text }: CompiledRequirement,
): GatewayResponse {
  const isToken = scheme === 'jwt' || scheme === 'introspection';
  const headers = isToken ? { 'www-authenticate': insufficientScope(realm, names) } : {};
  return refuse(ctx, 'ERR_GATEWAY_SCOPE_INSUFFICIENT', { detail: `This needs the scope: ${text}.`, headers });
}

function refuseCaller(ctx: Context, reason: string): GatewayResponse {
  return refuse(ctx, 'ERR_GATEWAY_FORBIDDEN', { detail: 'The caller may not do this.', reason });
}
