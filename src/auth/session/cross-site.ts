import type { GatewayRequest } from '../../core/types.js';

/** They change nothing (RFC 9110 9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Compiles who may use a cookie: browsers send it along with what the pages of others make them ask for. True for a
 * request that may change something and that another origin made, unless that one is trusted. What is no browser sends
 * neither field, and nobody makes it send cookies.
 *
 * @param trustedOrigins As browsers write them.
 */
export function compileCrossSite(trustedOrigins: readonly string[]): (request: GatewayRequest) => boolean {
  const trusted = new Set<string>(trustedOrigins);

  return function isCrossSite({ method, headers, host }) {
    // The handshake of a WebSocket is a GET, and no page is kept from making one to another site.
    if (SAFE_METHODS.has(method) && headers.upgrade === undefined) return false;
    const origin = headers.origin === undefined ? null : String(headers.origin);
    if (origin !== null && trusted.has(origin)) return false;
    // Only a browser writes this one, never a page (Fetch Metadata 2.3): it counts where proxies have changed the host.
    const site = headers['sec-fetch-site'];
    if (site !== undefined) return site !== 'same-origin' && site !== 'none';
    if (origin === null) return false;
    const own = host.toLowerCase();
    return origin !== `https://${own}` && origin !== `http://${own}`;
  };
}
