import type { CompiledRoute } from './compiled-route.js';
import type { MethodMismatch, RouterRequest, RouterResult } from './types.js';

type Routes<Value> = CompiledRoute<Value>[];

/** The routes of one path, in the order in which they are asked, by method. */
export class RouteGroup<Value> {
  /** Also holds the routes without methods, each in its place; `null` until a route names a method. */
  #byMethod: Map<string, Routes<Value>> | null = null;
  /** For methods that nobody names. */
  readonly #anyMethod: Routes<Value> = [];
  readonly #all: Routes<Value> = [];
  /** The answer to a wrong method where it is always the same. */
  #mismatch: MethodMismatch | null = null;

  add(route: CompiledRoute<Value>): void {
    insert(this.#all, route, '');
    if (route.methods === null) {
      insert(this.#anyMethod, route, '');
      this.#byMethod?.forEach((routes, method) => {
        insert(routes, route, method);
      });
    } else {
      this.#byMethod ??= new Map();
      for (const method of route.methods) {
        let routes = this.#byMethod.get(method);
        if (routes === undefined) this.#byMethod.set(method, (routes = [...this.#anyMethod]));
        insert(routes, route, method);
      }
    }
    this.#mismatch = this.#anyMethod.length === 0 && this.#all.every(isUnconditional) ? mismatch(this.#all) : null;
  }

  /**
   * The first route whose conditions hold. `null` sends the search on to less specific paths.
   *
   * A wrong method ends the search here instead: if it went on, `POST /admin` would miss a route for `GET /admin`
   * and reach the catch-all `/`, that is an upstream without the policy of `/admin`.
   *
   * @param end Where the matched segments end in the path.
   */
  pick(request: RouterRequest, end: number): RouterResult<Value> {
    const routes = this.#byMethod?.get(request.method ?? 'GET') ?? this.#anyMethod;
    for (const route of routes) {
      if (route.conditions === null || route.conditions.hold(request)) return route.found(request, end);
    }
    if (this.#mismatch !== null || this.#byMethod === null) return this.#mismatch;
    const holding = this.#all.filter(({ conditions }) => conditions === null || conditions.hold(request));
    return holding.length === 0 ? null : mismatch(holding);
  }

  /** All routes in the order in which a method asks them, then those for other methods. */
  list(method: string): readonly CompiledRoute<Value>[] {
    return [...new Set([...(this.#byMethod?.get(method) ?? this.#anyMethod), ...this.#all])];
  }
}

function isUnconditional({ conditions }: CompiledRoute<unknown>): boolean {
  return conditions === null;
}

function mismatch(routes: readonly CompiledRoute<unknown>[]): MethodMismatch {
  const methods = new Set(routes.flatMap((route) => [...(route.methods ?? [])]));
  return { kind: 'method-not-allowed', allow: Object.freeze([...methods].sort()) };
}

/** Binary search: a path with thousands of conditional routes must not be sorted anew for each of them. */
function insert<Value>(routes: Routes<Value>, route: CompiledRoute<Value>, method: string): void {
  let low = 0;
  let high = routes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (route.compare(routes[middle] as CompiledRoute<Value>, method) < 0) high = middle;
    else low = middle + 1;
  }
  routes.splice(low, 0, route);
}
