import { Context } from '../core/context.js';
import { parseTarget } from '../core/path.js';
import type { GatewayRequest, HeaderMap } from '../core/types.js';
import type { ConsideredRoute, Router } from '../router/index.js';
import type { AssembledRoute } from './assemble-route.js';
import type { Layer } from './order.js';

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
  /** What layers hold to, in words, by name: `{ 'rate-limit': '100 in 60000 ms by ip, sliding-window' }`. */
  readonly settings: Readonly<Record<string, string>>;
  /** Every route that was looked at, in the order of precedence, with what came of it. */
  readonly considered: readonly ConsideredRoute[];
}

const NOTHING = { route: null, allow: [], params: {}, upstreamUrl: null, considered: [] } as const;

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
  return {
    route: { id, path },
    refusal: null,
    allow: [],
    params,
    upstreamUrl: value.proxy?.urlFor(ctx) ?? null,
    ...passed([...outer, ...value.layers]),
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
