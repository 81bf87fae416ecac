export type { GatewayConfig, RouteConfig, RoutePolicies } from './config.js';
export type { Explanation } from './explain.js';
export { createGateway, toGateway, type CloseOptions, type Gateway } from './gateway.js';
