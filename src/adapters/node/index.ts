export { gateway, toNode, type GatewayListener, type ListenerOptions, type NodeListener } from './listener.js';
export { routeTable } from './route-table.js';
export { serve, type RunningServer, type ServeOptions } from './serve.js';
