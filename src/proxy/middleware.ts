import type { Handler } from '../core/types.js';
import { HttpProxy } from './http-proxy.js';
import type { ProxyOptions } from './options.js';

/** A handler that forwards to an upstream, and ends its connections with `close`. */
export type ProxyHandler = Handler & { close(): Promise<void> };

/**
 * The innermost layer: forwards the request and returns the upstream's answer.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * http.createServer(toNode(proxy({ target: 'http://users:3001' }))).listen(3000);
 */
export function proxy(options: ProxyOptions | HttpProxy = {}): ProxyHandler {
  const engine = options instanceof HttpProxy ? options : new HttpProxy(options);
  const forward: Handler = (ctx) => engine.forward(ctx);
  return Object.assign(forward, { close: () => engine.close() });
}
