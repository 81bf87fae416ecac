/**
 * Holds the README and the pages of docs/ to the source: every program in them compiles, every table has the
 * names and numbers of the code.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { REFUSALS } from '../src/core/errors.js';
import { createGateway } from '../src/gateway/index.js';
import { GATEWAY_ORDER, ROUTE_ORDER, SERVICE_ORDER } from '../src/gateway/order.js';
import { healthPaths } from '../src/health/options.js';
import * as innergate from '../src/index.js';
import { LoadBalancer } from '../src/load-balancer/index.js';
import { transform } from '../src/transforms/index.js';
import {
  AUTH,
  blocks,
  CONFIG,
  CORS,
  DISCOVERY,
  ERRORS,
  HEADERS,
  LOGIN,
  OBSERVABILITY,
  OPERATIONS,
  pages,
  PROTECTION,
  RATE_LIMIT,
  read,
  README,
  ROOT,
  rowsWith,
  TRAFFIC,
  TRANSFORMS,
  UPSTREAMS,
} from './support/pages.js';

const manifest = JSON.parse(read('package.json')) as {
  version: string;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
};

const readme = read(README);
const programs = pages.flatMap((page) => blocks(page, 'ts'));

describe('the README', () => {
  it('has at most 180 lines and shows code before line 15', () => {
    const lines = readme.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(180);
    expect(lines.findIndex((line) => line.startsWith('```ts'))).toBeLessThan(14);
  });

  it('tells the dependencies that are installed', () => {
    const told = readme.split('\n').find((line) => line.startsWith('`npm install innergate`')) ?? '';
    const names = Object.keys(manifest.dependencies);
    expect(told).toMatch(new RegExp(` ${['no', 'one', 'two', 'three'][names.length]} dependenc`));
    for (const name of names) expect(told).toContain(name);
  });

  it('links every page of docs/', () => {
    expect(linksOf(README)).toEqual(expect.arrayContaining(pages.slice(1)));
  });

  it('keeps the place for the figures', () => {
    expect(readme).toMatch(/<!-- figures -->\n[\s\S]*<!-- \/figures -->/);
  });
});

/** What a page links to in this repository. */
function linksOf(path: string): string[] {
  const links = [...read(path).matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, link]) => link as string);
  return links.map((link) => join(dirname(path), link));
}

describe.each([...pages, 'CONTRIBUTING.md'])('%s', (path) => {
  it('names only files and scripts that exist', () => {
    // Written by `npm run bench`.
    expect(linksOf(path).filter((link) => link !== 'bench/RESULTS.md' && !existsSync(ROOT + link))).toEqual([]);
    const scripts = [...read(path).matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name]) => name as string);
    const known = [...Object.keys(manifest.scripts), 'ci', 'install'];
    expect(scripts.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('has at most 260 lines', () => {
    expect(read(path).trimEnd().split('\n').length).toBeLessThanOrEqual(260);
  });
});

describe('CONTRIBUTING.md', () => {
  it('tells the order of a request, layer by layer', () => {
    const order =
      read('CONTRIBUTING.md')
        .split('\n')
        .find((line) => line.startsWith('`diagnostics` > ')) ?? '';
    const names = (stages: readonly { name: string }[]): string[] => stages.map(({ name }) => name);
    expect([...order.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name)).toEqual([
      ...names(GATEWAY_ORDER),
      'route',
      'drain',
      ...names(ROUTE_ORDER),
      ...names(SERVICE_ORDER),
      'proxy',
      'respond',
    ]);
  });
});

describe('the changelog', () => {
  it('has the version of package.json as its newest', () => {
    const [newest] = [...read('CHANGELOG.md').matchAll(/^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$/gm)];
    expect(newest?.[1]).toBe(manifest.version);
  });
});

const compiler = compile(programs);

/** Compiles texts as if they were files in examples/, with the settings of this repository. */
function compile(texts: readonly string[]): { program: ts.Program; names: readonly string[] } {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  const names = texts.map((_, index) => `${ROOT}examples/readme-${index}.ts`);
  const host = ts.createCompilerHost(options);
  const disk = { ...host };
  const textOf = (name: string): string | undefined => texts[names.indexOf(name)];
  host.fileExists = (name) => textOf(name) !== undefined || disk.fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const text = textOf(name);
    return text === undefined
      ? disk.getSourceFile(name, ...rest)
      : ts.createSourceFile(name, text, {
          languageVersion: ts.ScriptTarget.ES2022,
          impliedNodeFormat: ts.ModuleKind.ESNext,
        });
  };
  const sources = ['src/index.ts', 'src/adapters/node/serve.ts'];
  return { program: ts.createProgram([...names, ...sources.map((path) => ROOT + path)], options, host), names };
}

/** The options of an interface, and where `@default` is a number, a boolean or a name in quotes, that. */
function optionsOf(file: string, name: string): Map<string, string | null> {
  const { program } = compiler;
  const checker = program.getTypeChecker();
  const declaration = program
    .getSourceFile(ROOT + file)
    ?.statements.find(
      (node): node is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(node) && node.name.text === name,
    );
  if (declaration === undefined) throw new Error(`${file} declares no interface ${name}`);
  return new Map(
    checker.getPropertiesOfType(checker.getTypeAtLocation(declaration)).map((property) => {
      const tag = property.getJsDocTags(checker).find((entry) => entry.name === 'default');
      const text = ts.displayPartsToString(tag?.text);
      return [property.name, /^(?:true|false|Infinity|'[^']+'|\d+(?:\.\d+)?)/.exec(text)?.[0] ?? null];
    }),
  );
}

/** The same of a table: names in the first cell, their defaults in the second, one for all or one for each. */
function optionsIn(rows: readonly string[][]): Map<string, string | null> {
  return new Map(
    rows.flatMap(([names = '', cell = '']) => {
      const defaults = cell.startsWith('`') ? [...cell.matchAll(/`([^`]+)`/g)].map(([, value]) => value as string) : [];
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name], index): [string, string | null] => [
        name as string,
        defaults[index] ?? defaults[0] ?? null,
      ]);
    }),
  );
}

function sorted(map: Map<string, string | null>): [string, string | null][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

interface OptionTable {
  readonly page: string;
  /** An option that no other table of the page has. */
  readonly option: string;
  /** File and name of the interfaces whose options it tells. */
  readonly of: readonly string[];
  /** Told in the text, once for all. */
  readonly elsewhere?: string;
  /** The rest of the table: other pages, each with an option of its own. */
  readonly rest?: readonly (readonly [page: string, option: string])[];
}

const TABLES: readonly OptionTable[] = [
  {
    page: README,
    option: 'methods',
    of: ['gateway/config.ts RouteConfig'],
    rest: [
      [HEADERS, 'changeOrigin'],
      [CONFIG, 'socketPath'],
    ],
  },
  { page: CONFIG, option: 'trustProxy', of: ['gateway/config.ts GatewayConfig'], elsewhere: 'routes' },
  { page: ERRORS, option: 'connectMs', of: ['proxy/options.ts Timeouts'] },
  { page: RATE_LIMIT, option: 'burst', of: ['gateway/config.ts RouteRateLimit'], elsewhere: 'clock' },
  {
    page: RATE_LIMIT,
    option: 'prefix',
    of: ['rate-limiter/redis-store.ts RedisStoreOptions', 'rate-limiter/memory-store.ts MemoryStoreOptions'],
  },
  {
    page: PROTECTION,
    option: 'failureThreshold',
    of: ['gateway/config.ts RouteCircuitBreaker', 'circuit-breaker/options.ts CircuitBreakerOptions'],
    elsewhere: 'clock',
  },
  {
    page: PROTECTION,
    option: 'body',
    of: ['core/fixed-answer.ts FixedAnswer', 'circuit-breaker/fallback.ts FallbackOptions'],
  },
  { page: PROTECTION, option: 'retries', of: ['retry/options.ts RetryOptions'], elsewhere: 'clock' },
  { page: PROTECTION, option: 'floor', of: ['retry/retry-budget.ts RetryBudgetOptions'], elsewhere: 'clock' },
  { page: PROTECTION, option: 'maxQueue', of: ['gateway/config.ts RouteConcurrency'], elsewhere: 'clock' },
  { page: PROTECTION, option: 'sampleMs', of: ['load-shedding/options.ts LoadSheddingOptions'], elsewhere: 'clock' },
  { page: AUTH, option: 'invalidTokenStatus', of: ['gateway/auth.ts RouteAuth'] },
  { page: AUTH, option: 'idClaim', of: ['auth/claims-identity.ts ClaimNames'] },
  {
    page: AUTH,
    option: 'internalToken',
    of: ['auth/identity-headers.ts IdentityHeadersOptions', 'auth/internal-token.ts InternalTokenOptions'],
    elsewhere: 'clock',
  },
  { page: AUTH, option: 'maxTokenAgeMs', of: ['auth/jwt/options.ts JwtOptions'], elsewhere: 'clock' },
  { page: AUTH, option: 'consumer', of: ['auth/jwt/jwt-key.ts JwtKey'] },
  { page: AUTH, option: 'refreshMs', of: ['auth/jwt/jwks-options.ts JwksOptions'], elsewhere: 'clock' },
  { page: AUTH, option: 'keyFrom', of: ['auth/api-key/options.ts ApiKeyOptions'], elsewhere: 'clock' },
  {
    page: AUTH,
    option: 'username',
    of: [
      'auth/api-key/options.ts ApiKeyConsumer',
      'auth/api-key/options.ts FoundConsumer',
      'auth/basic/options.ts BasicUser',
    ],
  },
  { page: AUTH, option: 'maxConcurrent', of: ['auth/basic/options.ts BasicOptions'], elsewhere: 'clock' },
  { page: AUTH, option: 'tokenTypes', of: ['auth/introspection/options.ts IntrospectionOptions'], elsewhere: 'clock' },
  { page: LOGIN, option: 'verify', of: ['auth/login/options.ts LoginOptions'], elsewhere: 'clock' },
  { page: LOGIN, option: 'reload', of: ['auth/login/options.ts RefreshOptions'] },
  {
    page: LOGIN,
    option: 'maxFamilies',
    of: [
      'auth/login/memory-refresh-token-store.ts MemoryRefreshTokenStoreOptions',
      'auth/login/redis-refresh-token-store.ts RedisRefreshTokenStoreOptions',
    ],
  },
  {
    page: LOGIN,
    option: 'trustedOrigins',
    of: ['auth/session/options.ts LookupSessionOptions', 'auth/session/options.ts SignedSessionOptions'],
    elsewhere: 'clock',
  },
  { page: LOGIN, option: 'blockSize', of: ['auth/basic/hash-password.ts HashPasswordOptions'] },
  { page: CORS, option: 'preflightContinue', of: ['cors/options.ts CorsOptions'] },
  { page: CORS, option: 'frameOptions', of: ['security-headers/options.ts SecurityHeadersOptions'] },
  {
    page: TRANSFORMS,
    option: 'append',
    of: ['transforms/types.ts RequestVerbs', 'transforms/types.ts ResponseVerbs'],
  },
  { page: TRANSFORMS, option: 'urls', of: ['transforms/urls/options.ts RewriteUrlsOptions'] },
  { page: TRANSFORMS, option: 'maxErrors', of: ['validation/options.ts ValidationOptions'] },
  { page: TRANSFORMS, option: 'minBytes', of: ['compression/options.ts CompressionOptions'] },
  { page: OBSERVABILITY, option: 'skip', of: ['logger/options.ts AccessLogOptions'] },
  { page: OBSERVABILITY, option: 'errorSink', of: ['logger/json-logger.ts JsonLoggerOptions'] },
  { page: OBSERVABILITY, option: 'durationMs', of: ['logger/access-record.ts AccessRecord'] },
  {
    page: OBSERVABILITY,
    option: 'viewers',
    of: [
      'gateway/metrics.ts GatewayMetrics',
      'metrics/usage-stats.ts UsageOptions',
      'metrics/registry.ts MetricsRegistryOptions',
    ],
  },
  { page: OBSERVABILITY, option: 'incoming', of: ['tracing/options.ts TracingOptions'] },
  {
    page: OBSERVABILITY,
    option: 'innergate:request:end',
    of: ['tracing/diagnostics.ts DiagnosticsMessages'],
  },
  { page: OPERATIONS, option: 'livePath', of: ['health/options.ts HealthOptions'] },
  { page: OPERATIONS, option: 'critical', of: ['health/options.ts HealthCheckOptions'] },
  { page: UPSTREAMS, option: 'panicThreshold', of: ['gateway/upstream-config.ts UpstreamConfig'] },
  { page: UPSTREAMS, option: 'backup', of: ['core/target-options.ts TargetOptions'] },
  { page: UPSTREAMS, option: 'maxLoad', of: ['load-balancer/balancer-options.ts BalanceOptions'] },
  { page: UPSTREAMS, option: 'secrets', of: ['load-balancer/sticky-options.ts StickyTargetOptions'] },
  { page: UPSTREAMS, option: 'statuses', of: ['health-check/options.ts ActiveHealthOptions'] },
  { page: UPSTREAMS, option: 'latencyFactor', of: ['load-balancer/outlier-options.ts OutlierOptions'] },
  { page: DISCOVERY, option: 'maxStaleMs', of: ['discovery/options.ts DiscoveryOptions'], elsewhere: 'clock' },
  { page: DISCOVERY, option: 'pollMs', of: ['discovery/file.ts FileSourceOptions'], elsewhere: 'clock' },
  { page: DISCOVERY, option: 'minTtlMs', of: ['discovery/dns-options.ts DnsSourceOptions'], elsewhere: 'clock' },
  {
    page: DISCOVERY,
    option: 'onlyPassing',
    of: ['discovery/consul-options.ts ConsulSourceOptions'],
    elsewhere: 'clock',
    rest: [[DISCOVERY, 'tls']],
  },
  {
    page: DISCOVERY,
    option: 'endpoints',
    of: ['discovery/etcd-options.ts EtcdSourceOptions'],
    elsewhere: 'clock',
    rest: [[DISCOVERY, 'tls']],
  },
  {
    page: DISCOVERY,
    option: 'serviceAccountPath',
    of: ['discovery/kubernetes-options.ts KubernetesSourceOptions'],
    elsewhere: 'clock',
    rest: [[DISCOVERY, 'tls']],
  },
  {
    page: TRAFFIC,
    option: 'variants',
    of: ['traffic-split/options.ts TrafficSplitOptions', 'traffic-split/options.ts SplitVariant'],
  },
  { page: TRAFFIC, option: 'sameSite', of: ['traffic-split/options.ts StickyVariantOptions'] },
  {
    page: TRAFFIC,
    option: 'sunset',
    of: ['api-version/options.ts ApiVersionsOptions', 'api-version/options.ts ApiVersion'],
  },
  { page: TRAFFIC, option: 'hosts', of: ['tenants/options.ts TenantsOptions', 'tenants/options.ts Tenant'] },
  { page: TRAFFIC, option: 'maxInFlight', of: ['mirror/options.ts MirrorOptions'], elsewhere: 'clock' },
  { page: OPERATIONS, option: 'announce', of: ['adapters/node/serve.ts ServeOptions'] },
];

describe('the tables', () => {
  it.each(TABLES)(
    'of $page with $option tell every option and its default',
    ({ page, option, of, elsewhere, rest }) => {
      const options = new Map(
        of.flatMap((entry) => {
          const [file, name] = entry.split(' ') as [string, string];
          return [...optionsOf(`src/${file}`, name)];
        }),
      );
      if (elsewhere !== undefined) expect(options.delete(elsewhere)).toBe(true);
      expect(options.size).toBeGreaterThan(2);
      const rows = [...rowsWith(page, option), ...(rest ?? []).flatMap((other) => rowsWith(...other))];
      expect(sorted(optionsIn(rows))).toEqual(sorted(options));
    },
  );

  it('tell every error code and its status', () => {
    const told = rowsWith(ERRORS, 'ERR_GATEWAY_INTERNAL').map(([code, status]) => [code, Number(status)]);
    expect(told).toEqual(Object.entries(REFUSALS).map(([code, { status }]) => [`\`${code}\``, status]));
  });

  it('name no option of express-rate-limit that it has not, nor one of the limiter that it has not', () => {
    const theirs = read('node_modules/express-rate-limit/dist/index.d.ts');
    const ours = [...optionsOf('src/gateway/config.ts', 'RouteRateLimit').keys(), ...Object.keys(innergate), 'draft-8'];
    const rows = rowsWith(RATE_LIMIT, 'keyGenerator');
    expect(rows.length).toBeGreaterThan(5);
    for (const [left = '', right = ''] of rows) {
      for (const name of namesIn(left)) expect(theirs).toMatch(new RegExp(`^\\t${name}\\??:`, 'm'));
      if (!right.startsWith('the same')) expect(ours).toEqual(expect.arrayContaining(namesIn(right).slice(0, 1)));
      else for (const name of namesIn(left)) expect(ours).toContain(name);
    }
  });

  it('name no option of the breaker that it has not', () => {
    const ours = [...optionsOf('src/circuit-breaker/options.ts', 'CircuitBreakerOptions').keys()];
    const rows = rowsWith(PROTECTION, 'rollingCountTimeout');
    expect(rows.length).toBeGreaterThan(5);
    for (const [left = '', right = ''] of rows) {
      const names = right.startsWith('the same') ? namesIn(left) : namesIn(right).slice(0, 1);
      expect([...ours, ...Object.keys(innergate), 'execute']).toEqual(expect.arrayContaining(names));
    }
  });

  it('and the row of timeouts tells every deadline with its default', () => {
    const [, , text = ''] = rowsWith(README, 'timeouts').find(([names]) => names === '`timeouts`') ?? [];
    for (const [name, value] of optionsOf('src/proxy/options.ts', 'Timeouts'))
      expect(text).toContain(`\`${name}\` (${String(value)})`);
  });

  it('and the text tells the defaults of close()', () => {
    const said = /`close\(\{ (\w+), (\w+) \}\)` takes (\d+) and (\d+) ms/.exec(read(OPERATIONS)) ?? [];
    const [, first = '', second = '', ...values] = said;
    const told = new Map([first, second].map((name, index) => [name, values[index] ?? null]));
    expect(sorted(told)).toEqual(sorted(optionsOf('src/gateway/gateway.ts', 'CloseOptions')));
  });

  it('tell every name that a template knows', () => {
    const message = messageOf(() =>
      transform({ request: { type: 'add-header', key: 'x', value: '{nothing.like.it}' } }),
    );
    const known = /the names are (.*)/.exec(message)?.[1]?.split(', ') ?? [];
    expect(known.length).toBeGreaterThan(5);
    const told = rowsWith(TRANSFORMS, '{method}').flatMap(([names = '']) => [...names.matchAll(/`\{([^}]+)\}`/g)]);
    expect(told.map(([, name]) => name).sort()).toEqual(known.sort());
  });

  it('tell every metric of a gateway and its labels', async () => {
    const gateway = createGateway({
      routes: [{ path: '/', respond: { body: null } }],
      accessLog: false,
      metrics: true,
    });
    const known: [string, string][] = [];
    gateway.metrics?.watch(({ name, labels }) => known.push([name, labels.join(' ')]));
    await gateway.close();
    const told = rowsWith(OBSERVABILITY, 'gateway_retries_total').flatMap(([names = '', labels = '']) =>
      codesIn(names).map((name) => [name, codesIn(labels).join(' ')]),
    );
    expect(told.sort()).toEqual(known.sort());
  });

  it('tell every strategy of a balancer', () => {
    const [, names = ''] =
      /expected one of (.*), or/.exec(messageOf(() => new LoadBalancer({ balance: 'none' as never }))) ?? [];
    const known = [...names.matchAll(/'([^']+)'/g)].map(([, name]) => name as string);
    const told = rowsWith(UPSTREAMS, 'round-robin').flatMap(([cell = '']) => codesIn(cell));
    expect(known.length).toBeGreaterThan(5);
    expect(told).toEqual(known);
  });

  it('tell where the gateway answers itself', () => {
    const told = rowsWith(OPERATIONS, '/readyz').flatMap(([paths = '']) => codesIn(paths));
    expect(told.sort()).toEqual(healthPaths().sort());
  });
});

/** What a config says that cannot be right. */
function messageOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

/** Each piece of code. */
function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code as string);
}

/** The first word of each piece of code. */
function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([\w-]+)[^`]*`/g)].map(([, name]) => name as string);
}

describe('the programs', () => {
  it('compile with the settings of this repository', () => {
    const { program, names } = compiler;
    const found = names.flatMap((name) => ts.getPreEmitDiagnostics(program, program.getSourceFile(name)));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
    expect(names.every((name) => program.getSourceFile(name) !== undefined)).toBe(true);
  });

  it('would not compile with a mistake', () => {
    const { program, names } = compile([(programs[0] ?? '').replace('target:', 'targets:')]);
    expect(ts.getPreEmitDiagnostics(program, program.getSourceFile(names[0] ?? ''))).toHaveLength(1);
  });
});
