import { hash } from 'node:crypto';
import type { Context } from '../core/context.js';
import { hasField } from '../core/headers.js';
import { ipBlock } from '../core/ip.js';
import type { GatewayRequest, MaybePromise } from '../core/types.js';
import { warnOnce } from '../core/warn.js';
import { compileBodyMember } from './body-member.js';

/**
 * Who shares a limit. Where a request has no such value, its address is the key.
 *
 * - `'ip'`: the client's address, IPv6 by its block; the key `unix` for all who come through a unix socket.
 * - `'identity'`: the id that authentication has proven.
 * - `'api-key'`: the `X-Api-Key` header field. It is not verified here, and a client may send another one each time.
 * - `{ header }`: a header field, name in lower case.
 * - `{ body }`: a member of a JSON or form body, such as `email` or `user.email`; case does not matter. In front of
 *   a host's own handlers it needs the host's body parser ahead of it: what is read here, they cannot read again.
 * - a function: its own text; `null` = the address.
 *
 * To a limiter and its store, what is no address stands behind one character, so that nobody can name himself like
 * another's address: `@` identity, `=` header, `~` body, `+` function, and `#` for the SHA-256 (base64url) of a secret:
 * an API key, or the fields `Authorization`, `Proxy-Authorization`, `Cookie` and `X-Api-Key`.
 */
export type RateLimitKey =
  | 'ip'
  | 'identity'
  | 'api-key'
  | { readonly header: string; readonly body?: never }
  | { readonly body: string; readonly header?: never }
  | ((ctx: Context) => MaybePromise<string | null | undefined>);

export interface RateLimitKeyOptions {
  /** Who shares a limit, see {@link RateLimitKey}. @default 'ip' */
  key?: RateLimitKey;
  /**
   * Bits of an IPv6 address that count, since a subscriber has a whole block to walk through. From 32 to 128; `false` =
   * 128, every address for itself. @default 56
   */
  ipv6Subnet?: number | false;
  /**
   * Bytes of a body that are read for the key `{ body }`. From 1 on; with a longer body the address is the key.
   * @default 65536
   */
  maxBodyBytes?: number;
}

/** True where a key needs to know who is calling: `'identity'`, or a function that may ask for it. */
export function isKeyedLate({ key }: RateLimitKeyOptions): boolean {
  return key === 'identity' || typeof key === 'function';
}

/** Where a value comes from, and the character that it stands behind. */
interface Source {
  readonly prefix: string;
  readonly valueOf: (ctx: Context) => MaybePromise<string | null | undefined>;
}

const SECRET_FIELDS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key']);

/** Compiles the options once. The key of an address costs no promise, nor does any value that is here already. */
export function compileKey({
  key = 'ip',
  ipv6Subnet = 56,
  maxBodyBytes = 65_536,
}: RateLimitKeyOptions): (ctx: Context) => MaybePromise<string> {
  const addressOf = compileAddress(ipv6Subnet === false ? 128 : ipv6Subnet);
  if (key === 'ip') return addressOf;
  const { prefix, valueOf } = sourceOf(key, maxBodyBytes);

  function keyFrom(value: string | null | undefined, ctx: Context): string {
    if (value === null || value === undefined) return addressOf(ctx);
    if (typeof value === 'string' && value !== '') return prefix + value;
    throw new TypeError('a rate limit key must be a text that is not empty, or null for the address');
  }

  return function keyOf(ctx) {
    const value = valueOf(ctx);
    return value instanceof Promise ? value.then((late) => keyFrom(late, ctx)) : keyFrom(value, ctx);
  };
}

function sourceOf(key: Exclude<RateLimitKey, 'ip'>, maxBodyBytes: number): Source {
  if (typeof key === 'function') return { prefix: '+', valueOf: key };
  if (key === 'identity') return { prefix: '@', valueOf: (ctx) => ctx.identity?.id };
  if (key === 'api-key') return headerSource('x-api-key');
  if (key.header !== undefined) return headerSource(key.header);
  return { prefix: '~', valueOf: compileBodyMember(key.body, maxBodyBytes) };
}

function headerSource(name: string): Source {
  if (!hasField(SECRET_FIELDS, name)) return { prefix: '=', valueOf: (ctx) => fieldText(ctx, name) };
  return {
    prefix: '#',
    valueOf(ctx) {
      const secret = fieldText(ctx, name);
      return secret === null ? null : hash('sha256', secret, 'base64url');
    },
  };
}

function fieldText({ request }: Context, name: string): string | null {
  const value = request.headers[name];
  return (Array.isArray(value) ? value.join(', ') : value) || null;
}

function compileAddress(prefixLength: number): (ctx: Context) => string {
  return function addressOf({ request }) {
    if (isBehindUnknownProxy(request)) warnOfProxy(request.clientIp);
    return request.clientIp === '' ? 'unix' : ipBlock(request.clientIp, prefixLength);
  };
}

/** A proxy that is trusted has put the client's address into the field, even where it has no address of its own. */
function isBehindUnknownProxy({ headers, clientIp, forwardedFor }: GatewayRequest): boolean {
  const claimed = headers['x-forwarded-for'];
  if (claimed === undefined || forwardedFor !== clientIp) return false;
  return clientIp === '' || !String(claimed).includes(clientIp);
}

function warnOfProxy(peer: string): void {
  const name = peer === '' ? 'a unix socket' : peer;
  const advice = peer === '' ? 'trustProxy: 1' : `trustProxy: '${peer}', or the number of proxies, trustProxy: 1`;
  warnOnce(
    'ERR_GATEWAY_FORWARDED_FOR',
    `X-Forwarded-For arrived from ${name}, which trustProxy does not cover, so everybody behind it shares one limit; ` +
      `if that is a proxy of yours, write ${advice}`,
  );
}
