import { Context } from '../core/context.js';
import { parseTarget } from '../core/path.js';
import type { GatewayRequest, HeaderMap } from '../core/types.js';
import type { ConsideredRoute, Router } from '../router/index.js';
import type { AssembledRoute } from './assemble-route.js';

/** What the gateway would do with a request, and why. */
export interface Explanation {
  /** `null` where no route takes it. */
  readonly route: { readonly id: string; readonly path: string } | null;
  /** What a request without a route gets: 400, 404 or 405; `null` where one is found. */
  readonly refusal: 'malformed' | 'not found' | 'method not allowed' | null;
  /** Methods that the path would take, where this one is the fault. */
  readonly allow: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  /** The URL sent upstream; `null` where the route answers by itself. */
  readonly upstreamUrl: string | null;
  /** Names of the layers that the request passes, the outermost first. */
  readonly policies: readonly string[];
  /** Every route that was looked at, in the order of precedence, with what came of it. */
  readonly considered: readonly ConsideredRoute[];
}

const NOTHING = { route: null, allow: [], params: {}, upstreamUrl: null, considered: [] } as const;

/** @param stages Names of the layers around every route. */
export function explainRequest(
  router: Router<AssembledRoute, GatewayRequest>,
  stages: readonly string[],
  healthPath: string | null,
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
): Explanation {
  const request = requestOf(method, url, headers);
  if (request === null) return { ...NOTHING, refusal: 'malformed', policies: stages };
  if (request.path === healthPath && (request.method === 'GET' || request.method === 'HEAD')) {
    return { ...NOTHING, route: { id: 'health', path: healthPath }, refusal: null, policies: stages };
  }
  const { matched, considered } = router.explain(request);
  if (matched === null) return { ...NOTHING, refusal: 'not found', policies: stages, considered };
  if (matched.kind === 'method-not-allowed') {
    return { ...NOTHING, refusal: 'method not allowed', allow: matched.allow, policies: stages, considered };
  }
  const { value, id, path, params } = matched;
  const ctx = new Context(request);
  ctx.route = matched;
  ctx.params = params;
  return {
    route: { id, path },
    refusal: null,
    allow: [],
    params,
    upstreamUrl: value.proxy?.urlFor(ctx) ?? null,
    policies: [...stages, ...value.policies],
    considered,
  };
}

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
