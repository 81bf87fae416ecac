export { HttpProxy } from './http-proxy.js';
export { proxy, type ProxyHandler } from './middleware.js';
export { proxyFields, proxySchema, inspectPathRules, type ProxyOptions, type Timeouts } from './options.js';
export type { CookieRewrite } from './response-rewrite.js';
export type { Dispatcher } from './dispatcher.js';
export { rewriteParams, type PathRewriter, type UpstreamPathOptions } from './upstream-path.js';
export { Upstreams, type UpstreamOptions, type UpstreamTls } from './upstream.js';
