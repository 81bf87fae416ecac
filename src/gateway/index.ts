export type { GatewayConfig, RouteConfig, RoutePolicies } from './config.js';
export type { Explanation } from './explain.js';
export { createGateway, Gateway, type CloseOptions } from './gateway.js';
