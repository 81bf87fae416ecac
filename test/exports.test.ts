import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { entries } from '../tsup.config.js';

/**
 * The names that users may import: a promise, kept by hand. A name that goes away or changes its place is a breaking change;
 * a new one is written here first.
 */
const PUBLIC: Record<string, { values: string[]; types: string[] }> = {
  '.': {
    values: [
      'CircuitBreaker',
      'CircuitOpenError',
      'ConcurrencyLimiter',
      'ConfigError',
      'Context',
      'Gateway',
      'GatewayError',
      'Health',
      'HttpProxy',
      'JWT_ALGORITHMS',
      'LoadMonitor',
      'MemoryRefreshTokenStore',
      'MemoryStore',
      'RateLimiter',
      'RedisRefreshTokenStore',
      'RedisStore',
      'RetryBudget',
      'Router',
      'TokenSigner',
      'accessLog',
      'after',
      'apiKey',
      'authenticate',
      'authorize',
      'basic',
      'bodyLimit',
      'circuitBreaker',
      'compose',
      'concurrency',
      'cors',
      'createGateway',
      'errorBoundary',
      'eventLog',
      'fallback',
      'fromExpressRateLimitStore',
      'hashApiKey',
      'hashPassword',
      'health',
      'identityRateLimit',
      'introspection',
      'invalid',
      'ipFilter',
      'isCircuitOpenError',
      'isGatewayError',
      'jwks',
      'jwt',
      'loadShedding',
      'login',
      'proxy',
      'rateLimit',
      'refuse',
      'requestGuard',
      'requestId',
      'retry',
      'route',
      'securityHeaders',
      'session',
      'systemClock',
      'unavailable',
      'verifyPassword',
    ],
    types: [
      'AccessLogOptions',
      'ApiKeyConsumer',
      'ApiKeyEntry',
      'ApiKeyLookup',
      'ApiKeyOptions',
      'AuthFailure',
      'AuthMode',
      'AuthOption',
      'AuthResult',
      'AuthStrategies',
      'AuthStrategy',
      'AuthenticateMiddleware',
      'AuthenticateOptions',
      'AuthenticationRules',
      'AuthorizationRules',
      'AuthorizeOptions',
      'BasicOptions',
      'BasicUser',
      'Body',
      'ByteStream',
      'Caller',
      'CallerGrants',
      'CircuitBreakerMiddleware',
      'CircuitBreakerMiddlewareOptions',
      'CircuitBreakerOptions',
      'CircuitPermit',
      'CircuitSnapshot',
      'CircuitState',
      'CircuitStateChange',
      'CircuitStateListener',
      'ClaimNames',
      'Claims',
      'Clock',
      'CloseOptions',
      'ConcurrencyLimiterOptions',
      'ConcurrencyOptions',
      'ConsideredRoute',
      'ContextOptions',
      'CookieRewrite',
      'CorsNames',
      'CorsOptions',
      'CorsOrigin',
      'CredentialSource',
      'Dispatcher',
      'Draft',
      'EventLog',
      'ExecuteOptions',
      'Explanation',
      'ExpressRateLimitHits',
      'ExpressRateLimitStore',
      'ExpressStoreOptions',
      'FallbackAnswer',
      'FallbackFailure',
      'FallbackFunction',
      'FallbackOptions',
      'Fault',
      'FetchLimits',
      'FinishListener',
      'FixedAnswer',
      'FoundConsumer',
      'FoundRoute',
      'GatewayConfig',
      'GatewayErrorCode',
      'GatewayErrorOptions',
      'GatewayRequest',
      'GatewayResponse',
      'GivenKey',
      'Handler',
      'HashPasswordOptions',
      'HeaderMap',
      'HealthDetails',
      'HealthOptions',
      'HealthReport',
      'Identity',
      'IdentityHeadersOptions',
      'IdentityRateLimit',
      'IdentityRateLimitMiddleware',
      'IdentityRateLimitOptions',
      'InternalTokenOptions',
      'IntrospectionOptions',
      'IpFilterOptions',
      'JwksOptions',
      'JwksOutage',
      'JwtAlgorithm',
      'JwtKey',
      'JwtOptions',
      'KeyMaterial',
      'KeySource',
      'LineSink',
      'LoadMonitorOptions',
      'LoadShedding',
      'LoadSheddingOptions',
      'LoadSnapshot',
      'LoginCredentials',
      'LoginHandler',
      'LoginOptions',
      'LookupSessionOptions',
      'MaybePromise',
      'MemoryRefreshTokenStoreOptions',
      'MemoryStoreOptions',
      'MethodMismatch',
      'Middleware',
      'Outcome',
      'PathRewriter',
      'Priority',
      'ProxyHandler',
      'ProxyOptions',
      'RateLimitAlgorithm',
      'RateLimitCounter',
      'RateLimitDecision',
      'RateLimitDraft',
      'RateLimitKey',
      'RateLimitMiddleware',
      'RateLimitOptions',
      'RateLimitPolicy',
      'RateLimitStore',
      'RateLimitWindow',
      'RateLimiterOptions',
      'RedisRefreshTokenStoreOptions',
      'RedisStoreOptions',
      'ReferrerPolicy',
      'RefreshOptions',
      'RefreshRotation',
      'RefreshTokenStore',
      'RefusalCode',
      'RefuseOptions',
      'RequestFault',
      'RequestIdOptions',
      'Requirement',
      'RetryBudgetOptions',
      'RetryBudgetSnapshot',
      'RetryOptions',
      'RouteAuth',
      'RouteCircuitBreaker',
      'RouteConcurrency',
      'RouteConfig',
      'RouteExplanation',
      'RouteMatch',
      'RoutePattern',
      'RoutePolicies',
      'RouteRateLimit',
      'RouteTarget',
      'RouterOptions',
      'RouterRequest',
      'RouterResult',
      'SecurityHeadersOptions',
      'SendRedisCommand',
      'SessionOptions',
      'SessionStrategy',
      'SignedSessionOptions',
      'StoreErrorPolicy',
      'StoreOutage',
      'Timeouts',
      'Timer',
      'TokenSignerOptions',
      'TrustFunction',
      'TrustProxy',
      'UnreachableRoute',
      'ValueCondition',
      'VerificationKey',
      'VerifyUser',
      'Waiting',
    ],
  },
  './express': { values: ['gateway', 'toExpress'], types: ['GatewayListener', 'ListenerOptions', 'NodeListener'] },
  './koa': { values: ['gateway', 'toKoa'], types: ['KoaGateway', 'KoaMiddleware'] },
  './node': {
    values: ['gateway', 'routeTable', 'serve', 'toNode'],
    types: ['GatewayListener', 'ListenerOptions', 'NodeListener', 'RunningServer', 'ServeOptions'],
  },
  './core': {
    values: [
      'ConfigError',
      'Context',
      'GatewayError',
      'after',
      'compose',
      'errorBoundary',
      'isGatewayError',
      'refuse',
      'requestGuard',
      'systemClock',
    ],
    types: [
      'Body',
      'ByteStream',
      'Clock',
      'ContextOptions',
      'Draft',
      'Fault',
      'FinishListener',
      'FixedAnswer',
      'GatewayErrorCode',
      'GatewayErrorOptions',
      'GatewayRequest',
      'GatewayResponse',
      'Handler',
      'HeaderMap',
      'Identity',
      'IdentityRateLimit',
      'MaybePromise',
      'Middleware',
      'Outcome',
      'RefusalCode',
      'RefuseOptions',
      'RequestFault',
      'RouteMatch',
      'Timer',
      'TrustFunction',
      'TrustProxy',
    ],
  },
  './router': {
    values: ['Router', 'route'],
    types: [
      'ConsideredRoute',
      'FoundRoute',
      'MethodMismatch',
      'RouteExplanation',
      'RoutePattern',
      'RouteTarget',
      'RouterOptions',
      'RouterRequest',
      'RouterResult',
      'UnreachableRoute',
      'ValueCondition',
    ],
  },
  './proxy': {
    values: ['HttpProxy', 'Upstreams', 'proxy'],
    types: [
      'CookieRewrite',
      'Dispatcher',
      'HttpProxyContext',
      'PathRewriter',
      'ProxyHandler',
      'ProxyOptions',
      'Timeouts',
      'UpstreamOptions',
      'UpstreamPathOptions',
      'UpstreamTls',
    ],
  },
  './body-limit': { values: ['bodyLimit'], types: [] },
  './health': { values: ['Health', 'health'], types: ['HealthDetails', 'HealthOptions', 'HealthReport'] },
  './logger': { values: ['accessLog', 'eventLog'], types: ['AccessLogOptions', 'EventLog', 'LineSink'] },
  './request-id': { values: ['requestId'], types: ['RequestIdOptions'] },
  './rate-limiter': {
    values: ['MemoryStore', 'RateLimiter', 'RedisStore', 'fromExpressRateLimitStore', 'identityRateLimit', 'rateLimit'],
    types: [
      'ExpressRateLimitHits',
      'ExpressRateLimitStore',
      'ExpressStoreOptions',
      'IdentityRateLimitMiddleware',
      'IdentityRateLimitOptions',
      'MemoryStoreOptions',
      'RateLimitAlgorithm',
      'RateLimitCounter',
      'RateLimitDecision',
      'RateLimitDraft',
      'RateLimitKey',
      'RateLimitMiddleware',
      'RateLimitOptions',
      'RateLimitPolicy',
      'RateLimitStore',
      'RateLimitWindow',
      'RateLimiterOptions',
      'RedisStoreOptions',
      'SendRedisCommand',
      'StoreErrorPolicy',
      'StoreOutage',
    ],
  },
  './circuit-breaker': {
    values: ['CircuitBreaker', 'CircuitOpenError', 'circuitBreaker', 'fallback', 'isCircuitOpenError'],
    types: [
      'CircuitBreakerMiddleware',
      'CircuitBreakerMiddlewareOptions',
      'CircuitBreakerOptions',
      'CircuitPermit',
      'CircuitSnapshot',
      'CircuitState',
      'CircuitStateChange',
      'CircuitStateListener',
      'ExecuteOptions',
      'FallbackAnswer',
      'FallbackFailure',
      'FallbackFunction',
      'FallbackOptions',
    ],
  },
  './retry': { values: ['RetryBudget', 'retry'], types: ['RetryBudgetOptions', 'RetryBudgetSnapshot', 'RetryOptions'] },
  './concurrency': {
    values: ['ConcurrencyLimiter', 'concurrency'],
    types: ['ConcurrencyLimiterOptions', 'ConcurrencyOptions', 'Waiting'],
  },
  './auth': {
    values: [
      'JWT_ALGORITHMS',
      'MemoryRefreshTokenStore',
      'RedisRefreshTokenStore',
      'TokenSigner',
      'apiKey',
      'authenticate',
      'authorize',
      'basic',
      'hashApiKey',
      'hashPassword',
      'introspection',
      'invalid',
      'jwks',
      'jwt',
      'login',
      'session',
      'unavailable',
      'verifyPassword',
    ],
    types: [
      'ApiKeyConsumer',
      'ApiKeyEntry',
      'ApiKeyLookup',
      'ApiKeyOptions',
      'AuthFailure',
      'AuthResult',
      'AuthStrategy',
      'AuthenticateMiddleware',
      'AuthenticateOptions',
      'AuthenticationRules',
      'AuthorizationRules',
      'AuthorizeOptions',
      'BasicOptions',
      'BasicUser',
      'Caller',
      'CallerGrants',
      'ClaimNames',
      'Claims',
      'CredentialSource',
      'FetchLimits',
      'FoundConsumer',
      'GivenKey',
      'HashPasswordOptions',
      'IdentityHeadersOptions',
      'InternalTokenOptions',
      'IntrospectionOptions',
      'JwksOptions',
      'JwksOutage',
      'JwtAlgorithm',
      'JwtKey',
      'JwtOptions',
      'KeyMaterial',
      'KeySource',
      'LoginCredentials',
      'LoginHandler',
      'LoginOptions',
      'LookupSessionOptions',
      'MemoryRefreshTokenStoreOptions',
      'RedisRefreshTokenStoreOptions',
      'RefreshOptions',
      'RefreshRotation',
      'RefreshTokenStore',
      'Requirement',
      'SessionOptions',
      'SessionStrategy',
      'SignedSessionOptions',
      'TokenSignerOptions',
      'VerificationKey',
      'VerifyUser',
    ],
  },
  './cors': { values: ['cors'], types: ['CorsNames', 'CorsOptions', 'CorsOrigin'] },
  './security-headers': { values: ['securityHeaders'], types: ['ReferrerPolicy', 'SecurityHeadersOptions'] },
  './ip-filter': { values: ['ipFilter'], types: ['IpFilterOptions'] },
  './load-shedding': {
    values: ['LoadMonitor', 'loadShedding'],
    types: ['LoadMonitorOptions', 'LoadShedding', 'LoadSheddingOptions', 'LoadSnapshot', 'Priority'],
  },
};

const root = fileURLToPath(new URL('../', import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { exports: Record<string, unknown> };
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
const declared = declaredNames();

describe.each(subpaths)('the entry %s', (subpath) => {
  const promised = PUBLIC[subpath] ?? { values: [], types: [] };

  it('exports the promised values and nothing else', async () => {
    const specifier = subpath.replace('.', 'innergate');
    const namespace = (await import(/* @vite-ignore */ specifier)) as object;
    expect(Object.keys(namespace).sort()).toEqual(promised.values);
  });

  it('exports the promised types and nothing else', () => {
    expect(declared[subpath]?.types).toEqual(promised.types);
  });

  it('declares a type for every value', () => {
    expect(declared[subpath]?.values).toEqual(promised.values);
  });

  it('has its files for ESM and CommonJS, the types first', () => {
    const name = subpath === '.' ? 'index' : subpath.slice(2);
    expect(JSON.stringify(manifest.exports[subpath])).toBe(
      JSON.stringify({
        import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
        require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
      }),
    );
  });
});

describe('package.json', () => {
  it('exports every piece and every adapter', () => {
    const pieces = readdirSync(`${root}src`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !['adapters', 'gateway'].includes(entry.name))
      .map((entry) => entry.name);
    const adapters = readdirSync(`${root}src/adapters`).map((file) => file.replace(/\.ts$/, ''));
    const expected = ['.', ...[...pieces, ...adapters].map((name) => `./${name}`)];
    expect(subpaths.toSorted()).toEqual(expected.sort());
  });

  it('promises names for every entry', () => {
    expect(Object.keys(PUBLIC).sort()).toEqual(subpaths.toSorted());
  });

  it('is what the build reads its entries from', () => {
    expect(Object.keys(entries())).toEqual(subpaths.map((subpath) => (subpath === '.' ? 'index' : subpath.slice(2))));
    expect(Object.values(entries()).filter((path) => !existsSync(root + path))).toEqual([]);
  });
});

/** What each entry exports, as the compiler sees it. */
function declaredNames(): typeof PUBLIC {
  const sources = Object.values(entries()).map((path) => root + path);
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(sources, options);
  const checker = program.getTypeChecker();

  const names = sources.map((path) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(path) as ts.SourceFile);
    const exported = (module === undefined ? [] : checker.getExportsOfModule(module)).map((symbol) => ({
      name: symbol.name,
      isValue: isValue(symbol, checker),
    }));
    const sorted = (isValue: boolean) =>
      exported
        .filter((one) => one.isValue === isValue)
        .map((one) => one.name)
        .sort();
    return { values: sorted(true), types: sorted(false) };
  });
  return Object.fromEntries(subpaths.map((subpath, index) => [subpath, names[index] as (typeof PUBLIC)[string]]));
}

/** False for a name that exists for the compiler only, be it so by nature or by `export type`. */
function isValue(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  const target = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
  return (
    (target.flags & ts.SymbolFlags.Value) !== 0 &&
    !(symbol.declarations ?? []).some(ts.isTypeOnlyImportOrExportDeclaration)
  );
}
