import type { Context } from './context.js';
import { inBlocks } from './ip.js';
import { boolean, either, func, list, string } from './options.js';
import { parseTrustedBlocks } from './trust.js';

/**
 * Who may see what is meant for operators: everybody, nobody, the clients of these address blocks (`'loopback'`,
 * `'linklocal'`, `'uniquelocal'`, `'10.0.0.0/8'`), or whomever a function says.
 */
export type Viewers = boolean | readonly string[] | ((ctx: Context) => boolean);

const block = string(
  "an address, a block such as '10.0.0.0/8', 'loopback', 'linklocal' or 'uniquelocal'",
  (text) => parseTrustedBlocks(text) !== null,
);

export const viewersField = either(boolean, list(block), func);

/**
 * Compiles the option once. Whoever comes through a proxy that `trustProxy` does not name is not in any block: the
 * address is that of the proxy, and whoever is behind it may be anybody.
 */
export function compileViewers(viewers: Viewers): (ctx: Context) => boolean {
  if (typeof viewers === 'boolean') return () => viewers;
  // A promise, say, is no yes.
  if (typeof viewers === 'function') return (ctx) => viewers(ctx) === true;
  const blocks = viewers.flatMap((text) => parseTrustedBlocks(text) ?? []);
  return ({ request }) => !isForwardedByStranger(request) && inBlocks(request.clientIp, blocks);
}

/** What proxies add to a request. */
const OF_PROXIES = [
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
  'via',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
] as const;

/** A chain that the trust rule vouches for has more than the peer in it. */
function isForwardedByStranger({ headers, forwardedFor, clientIp }: Context['request']): boolean {
  return forwardedFor === clientIp && OF_PROXIES.some((name) => headers[name] !== undefined);
}
