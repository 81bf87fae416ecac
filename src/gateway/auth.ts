/** Who may call a route: from the short and the long forms of its config to the layers that hold to it. */
import {
  apiKey,
  authenticate,
  authorize,
  basic,
  introspection,
  jwt,
  session,
  type ApiKeyOptions,
  type AuthenticationRules,
  type AuthorizationRules,
  type AuthStrategy,
  type BasicOptions,
  type IntrospectionOptions,
  type JwksOutage,
  type JwtOptions,
  type SessionOptions,
} from '../auth/index.js';
import { identityHeaderNames } from '../auth/identity-headers.js';
import { jwksOptionsOf } from '../auth/jwt/options.js';
import type { Fault } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { absentFields } from '../core/upstream-fields.js';
import type { GatewayConfig, RouteConfig } from './config.js';
import type { Engines } from './engines.js';
import type { Part } from './protect.js';

/** How callers prove who they are. Several are asked in the order in which they are written. */
export interface AuthStrategies {
  /** JSON Web Tokens. */
  jwt?: JwtOptions;
  apiKey?: ApiKeyOptions;
  /** User and password (RFC 7617). */
  basic?: BasicOptions;
  /** Tokens that their issuer is asked about (RFC 7662). */
  introspection?: IntrospectionOptions;
  /** A cookie. */
  session?: SessionOptions;
  /** Made in code, by `jwt()` say, or of your own. */
  strategies?: readonly AuthStrategy[];
}

/** Who may call, and what the upstream is told of them. */
export interface RouteAuth extends AuthStrategies, AuthenticationRules, AuthorizationRules {
  /**
   * `required` = who proves nothing is refused; `optional` = who sends no credentials passes without an identity;
   * `none` = nobody is asked. @default 'required'
   */
  mode?: AuthMode;
  /** Another name: `true` = mode `required`, `false` = mode `none`. */
  required?: boolean;
  /** Another name for `scopes`: any one of them is enough. */
  requiredScopes?: readonly string[];
}

export type AuthMode = 'required' | 'optional' | 'none';

/** The forms of the option. A mode alone, or `true` = `required` and `false` = `none`, leaves the rest to `defaults`. */
export type AuthOption = RouteAuth | AuthMode | boolean;

/** What holds for one route: short forms written out, `defaults` filled in. */
export interface ResolvedAuth {
  readonly mode: 'required' | 'optional';
  readonly strategies: readonly PlannedStrategy[];
  readonly rules: AuthenticationRules;
  /** `null` where whoever is known may call. */
  readonly authorization: AuthorizationRules | null;
}

type Kind = Exclude<keyof AuthStrategies, 'strategies'>;
type PlannedStrategy = { readonly kind: Kind; readonly options: object } | AuthStrategy;

/** Makers of strategies, by the name of their option. */
const STRATEGIES = { jwt, apiKey, basic, introspection, session } as unknown as Readonly<
  Record<Kind, (options: object) => AuthStrategy>
>;

type AuthPolicies = Pick<RouteConfig, 'auth' | 'requiresAuth'>;

/** The authentication of a route; `null` where nobody is asked. */
export function authOf(route: AuthPolicies, { defaults = {}, jwtSecret }: Partial<GatewayConfig>): ResolvedAuth | null {
  const own = written(route);
  const shared = written(defaults);
  const merged = { ...shared, ...own };
  const { mode = 'required', realm, invalidTokenStatus, forwardCredentials, identityHeaders } = merged;
  const { scopes, roles, allow } = merged;
  if ((own === null && shared === null) || mode === 'none') return null;
  const planned = [own, shared, jwtSecret === undefined ? null : { jwt: { secret: jwtSecret } }]
    .map(plannedStrategies)
    .find((found) => found.length > 0);
  return {
    mode,
    strategies: planned ?? [],
    rules: given({ realm, invalidTokenStatus, forwardCredentials, identityHeaders }),
    authorization:
      scopes === undefined && roles === undefined && allow === undefined ? null : given({ scopes, roles, allow }),
  };
}

type Given<Options> = { [Name in keyof Options]?: Exclude<Options[Name], undefined> };

function given<Options extends object>(options: Options): Given<Options> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given<Options>;
}

/** The long form of what a route or `defaults` say; `null` where they say nothing. */
function written({ auth, requiresAuth }: AuthPolicies): Omit<RouteAuth, 'required' | 'requiredScopes'> | null {
  const option = auth ?? requiresAuth;
  if (option === undefined) return null;
  if (typeof option === 'boolean') return { mode: modeOf(option) };
  if (typeof option === 'string') return { mode: option };
  const { required, requiredScopes, ...rest } = option;
  return {
    ...rest,
    ...(required === undefined ? undefined : { mode: modeOf(required) }),
    ...(requiredScopes === undefined ? undefined : { scopes: requiredScopes }),
  };
}

function modeOf(isRequired: boolean): AuthMode {
  return isRequired ? 'required' : 'none';
}

function plannedStrategies(auth: AuthStrategies | null): PlannedStrategy[] {
  const entries = Object.entries(auth ?? {}) as [name: string, value: object | undefined][];
  return entries.flatMap(([name, value]): readonly PlannedStrategy[] => {
    if (value === undefined) return [];
    if (name === 'strategies') return value as readonly AuthStrategy[];
    return Object.hasOwn(STRATEGIES, name) ? [{ kind: name as Kind, options: value }] : [];
  });
}

/** Adds what contradicts itself in the authentication of a route. */
export function inspectAuthEffect(
  route: AuthPolicies,
  config: Partial<GatewayConfig>,
  at: string,
  faults: Fault[],
): void {
  const auth = authOf(route, config);
  const path = `${at}.${route.requiresAuth === undefined ? 'auth' : 'requiresAuth'}`;
  if (auth === null) return;
  if (auth.strategies.length === 0)
    faults.push({
      path,
      message: `nobody could prove anything; write ${WAYS}, here or in defaults.auth, or jwtSecret`,
    });
  if (auth.mode === 'optional' && auth.authorization !== null)
    faults.push({ path, message: 'scopes, roles and allow refuse whoever has no identity; write mode required' });
}

const WAYS = `${Object.keys(STRATEGIES).join(', ')} or strategies`;

/** The layer that keeps clients from sending the fields in which some route tells its service who is calling. */
export function identityFieldsParts(config: GatewayConfig): Part[] {
  const names = config.routes.flatMap((route) => {
    const { identityHeaders } = authOf(route, config)?.rules ?? {};
    return typeof identityHeaders === 'object' ? identityHeaderNames(identityHeaders) : [];
  });
  if (names.length === 0) return [];
  const nobody = absentFields(names);
  const middleware: Middleware = function identityFieldsMiddleware(ctx, next) {
    ctx.setUpstreamFields(nobody);
    return next(ctx);
  };
  return [{ middleware, setting: () => Object.keys(nobody.fields).join(', ') }];
}

/** The layers of a route that ask who is calling. */
export function authenticateParts(auth: ResolvedAuth | null, engines: Engines): Part[] {
  if (auth === null) return [];
  const { mode, rules } = auth;
  const strategies = strategiesOf(auth, engines);
  const middleware = authenticate({ strategies, mode, ...withClock(rules, engines) });
  return [{ middleware, setting: () => `${mode}, by ${strategies.map(({ name }) => name).join(' or ')}` }];
}

function strategiesOf(auth: ResolvedAuth, engines: Engines): AuthStrategy[] {
  return auth.strategies.map((planned) => ('kind' in planned ? strategyOf(planned, engines) : planned));
}

/** Names of the header fields and query parameters that carry credentials: their values are written down nowhere. */
export function credentialNames(auth: ResolvedAuth | null, engines: Engines): string[] {
  if (auth === null) return [];
  const sources = strategiesOf(auth, engines).flatMap((strategy) => strategy.sources);
  return sources.flatMap(({ header, query }) => header ?? query ?? []);
}

function strategyOf({ kind, options }: { kind: Kind; options: object }, engines: Engines): AuthStrategy {
  return engines.share(`auth ${kind}`, options, () => {
    const told = kind === 'jwt' ? withOutageLog(options, engines) : options;
    const strategy = STRATEGIES[kind]({ clock: engines.clock, ...told });
    engines.onClose(() => strategy.close?.());
    return strategy;
  });
}

/** Keys that can no longer be fetched are told in the log of the gateway, where it keeps one. */
function withOutageLog(options: JwtOptions, engines: Engines): JwtOptions {
  const fetched = jwksOptionsOf(options);
  if (fetched === null || engines.log === null) return options;
  function onOutage(outage: JwksOutage): void {
    engines.logOutage('keys of tokens are', outage, { origin: outage.origin });
  }
  const { oidc, issuer = oidc, ...rest } = options;
  return { ...rest, ...(issuer === undefined ? undefined : { issuer }), jwks: { onOutage, ...fetched } };
}

function withClock(rules: AuthenticationRules, { clock }: Engines): AuthenticationRules {
  const { identityHeaders } = rules;
  if (typeof identityHeaders !== 'object' || identityHeaders.internalToken === undefined) return rules;
  const internalToken = { clock, ...identityHeaders.internalToken };
  return { ...rules, identityHeaders: { ...identityHeaders, internalToken } };
}

/** The layers of a route that ask what a known caller may do. */
export function authorizeParts(auth: ResolvedAuth | null): Part[] {
  if (auth?.authorization == null) return [];
  const { realm } = auth.rules;
  const { authorization } = auth;
  const middleware = authorize({ ...authorization, ...(realm === undefined ? undefined : { realm }) });
  return [{ middleware, setting: () => `by ${Object.keys(authorization).join(', ')}` }];
}
