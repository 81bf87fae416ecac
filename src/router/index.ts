/** Routing: `Router` finds the route of a request, `route` hands the request to its handler. */
export { Router } from './router.js';
export { route, type RouteTarget } from './middleware.js';
export { routePattern, routePatternFields } from './pattern-schema.js';
export { routePath } from './path-schema.js';
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
