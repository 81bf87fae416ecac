/** The nouns of the router. Only types: this file costs nothing at run time. */
import type { HeaderMap, RouteMatch } from '../core/types.js';

/** What the router reads of a request; every `GatewayRequest` is one. */
export interface RouterRequest {
  /**
   * Upper case.
   * @default 'GET'
   */
  readonly method?: string;
  /** Canonical, as `parseTarget` gives it: the router compares, it does not normalise. */
  readonly path: string;
  /**
   * The wire form, which may carry `;parameters` that {@link path} does not.
   * @default the path
   */
  readonly rawPath?: string;
  /**
   * Authority that the client asked for, with or without a port.
   * @default ''
   */
  readonly host?: string;
  /**
   * `''` or `'?a=b'`.
   * @default ''
   */
  readonly query?: string;
  /**
   * By lower-case name.
   * @default none
   */
  readonly headers?: Readonly<HeaderMap>;
}

/**
 * What a header or a query parameter must be: this text, one of these, there at all (`true`) or not there (`false`).
 */
export type ValueCondition = string | readonly string[] | boolean;

/** Which requests a route takes. All conditions must hold. */
export interface RoutePattern<Request extends RouterRequest = RouterRequest> {
  /**
   * A prefix on segment boundaries: `/api/users` takes `/api/users/42`, never `/api/users-admin`. A slash at the end
   * means nothing.
   *
   * - `:id` takes one segment and names it; names and literals mix in one segment: `/:name.json`, `/v:version`,
   * `/:from-:to`.
   * - `*` takes one segment without a name.
   * - `/*` at the end is the long spelling of a prefix and names what follows `*`.
   */
  readonly path: string;
  /**
   * Takes the whole path only, with or without one slash at the end. Says nothing about a path that ends in `/*`.
   * @default false
   */
  readonly exact?: boolean;
  /**
   * Upper-case methods; `GET` brings `HEAD` where no route of the path names `HEAD` itself.
   * @default every method
   */
  readonly methods?: readonly string[];
  /**
   * `api.example.com`, or `*.example.com` for its subdomains at any depth. The port counts only where one is written.
   * @default every host
   */
  readonly host?: string | readonly string[];
  /**
   * Conditions by field name, whose case means nothing; of a field that comes several times the first counts.
   * @default none
   */
  readonly headers?: Readonly<Record<string, ValueCondition>>;
  /**
   * Conditions by decoded name; of a parameter that comes several times the first counts.
   * @default none
   */
  readonly query?: Readonly<Record<string, ValueCondition>>;
  /** A condition of your own. Only `true` counts as met, so a promise never does. */
  readonly when?: (request: Request) => boolean;
  /**
   * Stable name for logs and metrics.
   * @default the path
   */
  readonly id?: string;
}

export interface RouterOptions {
  /**
   * Compares literals of a path with their case. Off as in Express, because an upstream that ignores case
   * would serve `/ADMIN` without the policy of `/admin`.
   * @default false
   */
  readonly caseSensitive?: boolean;
}

/** A route took the request. */
export interface FoundRoute<Value> extends RouteMatch {
  readonly kind: 'found';
  /** What was added with the pattern. */
  readonly value: Value;
}

/** The path is known, the method is not. */
export interface MethodMismatch {
  readonly kind: 'method-not-allowed';
  /** The methods of the path, sorted: the value of `Allow` (RFC 9110 10.2.1). */
  readonly allow: readonly string[];
}

/** `null` where no route takes the path. */
export type RouterResult<Value> = FoundRoute<Value> | MethodMismatch | null;

/** A route that no request can reach. */
export interface UnreachableRoute {
  /** Its place in the order of adding, from 0. */
  readonly index: number;
  /** The routes that take all of its requests. */
  readonly by: readonly number[];
  readonly message: string;
}

/** Why one route took the request, or did not. */
export interface ConsideredRoute {
  readonly id: string;
  readonly path: string;
  readonly reason: string;
}

export interface RouteExplanation<Value> {
  /** What `match` answers. */
  readonly matched: RouterResult<Value>;
  /** The routes whose host and path fit, the most specific first. */
  readonly considered: readonly ConsideredRoute[];
}
