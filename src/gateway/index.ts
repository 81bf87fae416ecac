export type { GatewayConfig, RouteConfig, RoutePolicies } from './config.js';
export type { Explanation } from './explain.js';
export { createGateway, Gateway, toGateway, type CloseOptions } from './gateway.js';
