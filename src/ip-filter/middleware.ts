import { inBlocks, type AddressBlock } from '../core/ip.js';
import { validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import { parseTrustedBlocks } from '../core/trust.js';
import type { Middleware } from '../core/types.js';
import { ipFilterSchema, UNIX, type IpFilterOptions } from './options.js';

/**
 * Lets clients pass by their address, and refuses the others with 403. The address is the one that the trust rule has
 * found (`trustProxy`): behind a proxy that is not trusted it is the proxy's.
 *
 * A client without an address passes where `allow` has `'unix'`, and nowhere else: a TCP connection that is reset in
 * its first moment has none either, and must not slip past `deny`.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const internal = ipFilter({ allow: ['uniquelocal'], deny: ['10.0.0.66'] });
 * const handler = compose([internal], proxy({ target: 'http://admin:3001' }));
 */
export function ipFilter(options: IpFilterOptions): Middleware {
  validate('ipFilter', options, ipFilterSchema);
  const { allow, deny = [] } = options;
  const denied = blocksOf(deny);
  const allowed = allow === undefined ? null : blocksOf(allow);
  const allowsUnix = allow?.includes(UNIX) ?? false;

  function whyRefused(address: string): string | null {
    if (address === '') return allowsUnix ? null : 'the client has no address';
    if (inBlocks(address, denied)) return 'the address is in deny';
    return allowed === null || inBlocks(address, allowed) ? null : 'the address is not in allow';
  }

  return function ipFilterMiddleware(ctx, next) {
    const reason = whyRefused(ctx.request.clientIp);
    return reason === null ? next(ctx) : refuse(ctx, 'ERR_GATEWAY_ADDRESS_DENIED', { reason });
  };
}

/** `'unix'` is no block. */
function blocksOf(texts: readonly string[]): AddressBlock[] {
  return texts.flatMap((text) => parseTrustedBlocks(text) ?? []);
}
