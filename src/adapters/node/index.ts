export { gateway, toNode, type GatewayListener, type NodeListener } from './listener.js';
export type { ListenerOptions } from './mount.js';
export { routeTable } from './route-table.js';
export { serve, type RunningServer, type ServeOptions } from './serve.js';
