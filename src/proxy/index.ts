export type { Dispatcher } from './dispatcher.js';
export { HttpProxy, type HttpProxyContext } from './http-proxy.js';
export { proxy, type ProxyHandler } from './middleware.js';
export type { ProxyOptions, Timeouts } from './options.js';
export type { CookieRewrite } from './response-rewrite.js';
export type { PathRewriter, UpstreamPathOptions } from './upstream-path.js';
export type { UpstreamOptions } from './upstream.js';
export { Upstreams } from './upstreams.js';
