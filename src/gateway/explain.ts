import { Context } from '../core/context.js';
import { parseTarget } from '../core/path.js';
import type { GatewayRequest, HeaderMap } from '../core/types.js';
import type { UpstreamReport } from '../core/upstream-report.js';
import type { ConsideredRoute, Router } from '../router/index.js';
import type { AssembledRoute } from './assemble-route.js';
import { explainService } from './assemble-service.js';
import type { Layer } from './layers.js';

/** What the gateway would do with a request, and why. */
export interface Explanation {
  /** `null` where no route takes it. */
  readonly route: { readonly id: string; readonly path: string } | null;
  /**
   * What a request gets that goes nowhere: 400, 404 or 405 without a route, 404 where its route has no such version or
   * tenant; `null` where it has a way.
   */
  readonly refusal: 'malformed' | 'not found' | 'method not allowed' | 'no such version' | 'no such tenant' | null;
  /** Methods that the path would take, where this one is the fault. */
  readonly allow: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  /** The URL sent upstream, or one of them; `null` where the route answers by itself, or no target is known. */
  readonly upstreamUrl: string | null;
  /** Where the targets of the upstream are, and why some are out; `null` where it is one fixed target, or none. */
  readonly upstream: UpstreamReport | null;
  /** Names of the layers that the request passes, the outermost first. */
  readonly policies: readonly string[];
  /** What layers hold to, in words, by name: `{ 'rate-limit': '100 in 60000 ms by ip, sliding-window' }`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Every route that was looked at, in the order of precedence, with what came of it. */
  readonly considered: readonly ConsideredRoute[];
}

const NOTHING = { route: null, allow: [], params: {}, upstreamUrl: null, upstream: null, considered: [] } as const;

type Passed = Pick<Explanation, 'policies' | 'settings'>;

function passed(layers: readonly Layer[]): Passed {
  const settings: Record<string, string> = {};
  for (const { name, setting } of layers) {
    if (setting !== undefined) settings[name] = name in settings ? `${settings[name]}; ${setting()}` : setting();
  }
  return { policies: layers.map(({ name }) => name), settings };
}

/** @param outer The layers around every route. */
export function explainRequest(
  router: Router<AssembledRoute, GatewayRequest>,
  outer: readonly Layer[],
  ownPaths: ReadonlyMap<string, string>,
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
): Explanation {
  const request = requestOf(method, url, headers);
  if (request === null) return { ...NOTHING, refusal: 'malformed', ...passed(outer) };
  const owner = request.method === 'GET' || request.method === 'HEAD' ? ownPaths.get(request.path) : undefined;
  if (owner !== undefined) {
    return { ...NOTHING, route: { id: owner, path: request.path }, refusal: null, ...passed(outer) };
  }
  const { matched, considered } = router.explain(request);
  if (matched === null) return { ...NOTHING, refusal: 'not found', ...passed(outer), considered };
  if (matched.kind === 'method-not-allowed') {
    return { ...NOTHING, refusal: 'method not allowed', allow: matched.allow, ...passed(outer), considered };
  }
  const { value, id, path, params } = matched;
  const ctx = new Context(request);
  ctx.route = matched;
  ctx.params = params;
  const { layers, url: upstreamUrl, upstream } = explainService(value.service, ctx);
  return {
    route: { id, path },
    refusal: REFUSED[ctx.refusal ?? ''] ?? null,
    allow: [],
    params,
    upstreamUrl,
    upstream,
    ...passed([...outer, ...value.layers, ...layers]),
    considered,
  };
}

const REFUSED: Readonly<Record<string, Explanation['refusal']>> = {
  ERR_GATEWAY_VERSION_UNKNOWN: 'no such version',
  ERR_GATEWAY_TENANT_UNKNOWN: 'no such tenant',
};

function requestOf(method: string, url: string, given: Readonly<Record<string, string>>): GatewayRequest | null {
  const target = parseTarget(url, method);
  if (target === null) return null;
  const headers = Object.create(null) as HeaderMap;
  for (const [name, value] of Object.entries(given)) headers[name.toLowerCase()] = value;
  const { path, rawPath, query, authority } = target;
  return {
    method: method.toUpperCase(),
    path,
    rawPath,
    query,
    headers,
    body: null,
    clientIp: '',
    forwardedFor: '',
    protocol: /^https:/i.test(url) ? 'https' : 'http',
    host: authority || String(headers.host ?? ''),
    httpVersion: '1.1',
    fault: null,
    bodyFault: null,
    raw: null,
  };
}
