/**
 * Finds the route of a request. It speaks no HTTP and keeps nothing between requests.
 * The cost is that of the path's segments, whatever the number of routes; a match allocates its result and no more.
 */
import { boolean, either, inspect, object, validate, ConfigError, type Fault } from '../core/options.js';
import { CompiledRoute } from './compiled-route.js';
import { explainMatch } from './explain.js';
import { HostTable } from './host-table.js';
import type { PathNode } from './path-tree.js';
import { routePath } from './path-schema.js';
import { routePattern } from './pattern-schema.js';
import type { RouteGroup } from './route-group.js';
import type {
  RouteExplanation,
  RoutePattern,
  RouterOptions,
  RouterRequest,
  RouterResult,
  UnreachableRoute,
} from './types.js';
import { findUnreachable } from './unreachable.js';

const optionsSchema = object({ caseSensitive: boolean });
const patternSchema = either(routePath, routePattern);

/**
 * Maps requests to values; the most specific route wins, whatever the order of adding.
 *
 * Precedence, as in the Kubernetes Gateway API: the host (a name, then the longest suffix, then any), the path (each
 * segment from the left: a literal, then a mix, then a name or `*`; the whole path before a prefix, the longer prefix
 * before the shorter), then whether it names methods, the number of headers, the number of query parameters, a
 * function, and then the earlier. Conditions that do not hold pass the request on to less specific routes; a wrong
 * method does not leave its path.
 *
 * @example
 * const router = new Router<string>()
 *   .add('/api/users', 'users')
 *   .add({ path: '/api/users/:id', methods: ['GET'] }, 'one user');
 * router.match({ method: 'GET', path: '/api/users/42' }); // { kind: 'found', value: 'one user', params: { id: '42' },
 * ... }
 */
export class Router<Value, Request extends RouterRequest = RouterRequest> {
  readonly #caseSensitive: boolean;
  readonly #hosts = new HostTable<Value>();
  readonly #routes: CompiledRoute<Value>[] = [];
  /** Made once: a request costs no closure. */
  readonly #look: (tree: PathNode<Value>, request: RouterRequest) => RouterResult<Value>;

  /** @throws {ConfigError} when an option is wrong. */
  constructor(options: RouterOptions = {}) {
    validate('router', options, optionsSchema);
    const { caseSensitive = false } = options;
    this.#caseSensitive = caseSensitive;
    this.#look = function lookIntoTree(tree, request) {
      return tree.search(request, caseSensitive, pickRoute);
    };
  }

  /**
   * Adds a route; a path alone is a prefix for every method and host.
   *
   * @throws {ConfigError} when the pattern can never match or holds an unknown option.
   */
  add(pattern: string | RoutePattern<Request>, value: Value): this {
    const index = this.#routes.length;
    const faults: Fault[] = [];
    inspect(patternSchema, pattern, `routes[${index}]`, faults);
    if (faults.length > 0) throw new ConfigError('router', faults);
    const fields = (typeof pattern === 'string' ? { path: pattern } : pattern) as RoutePattern;
    const route = new CompiledRoute(index, fields, value, this.#caseSensitive);
    this.#routes.push(route);
    this.#hosts.add(route);
    return this;
  }

  /** Finds the route of a request, the methods of its path, or `null`. */
  match(request: Request): RouterResult<Value> {
    return this.#hosts.search<RouterRequest, FoundOrMismatch<Value>>(request.host ?? '', request, this.#look);
  }

  /** The routes that no request can reach, because others take all of theirs. */
  unreachable(): UnreachableRoute[] {
    return findUnreachable(this.#routes);
  }

  /**
   * Says for each route whose host and path fit why it took the request or did not. For people, not for every request.
   */
  explain(request: Request): RouteExplanation<Value> {
    return explainMatch(this.#hosts, request, this.#caseSensitive);
  }
}

type FoundOrMismatch<Value> = Exclude<RouterResult<Value>, null>;

function pickRoute<Value>(group: RouteGroup<Value>, request: RouterRequest, end: number): RouterResult<Value> {
  return group.pick(request, end);
}
