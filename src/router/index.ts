/** Routing: `Router` finds the route of a request, `route` hands the request to its handler. */
export { Router } from './router.js';
export { route, type RouteTarget } from './middleware.js';
export type {
  ConsideredRoute,
  FoundRoute,
  MethodMismatch,
  RouteExplanation,
  RoutePattern,
  RouterOptions,
  RouterRequest,
  RouterResult,
  UnreachableRoute,
  ValueCondition,
} from './types.js';
