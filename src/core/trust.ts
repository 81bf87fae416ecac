/**
 * Who the client is: one walk along `X-Forwarded-For` decides address, protocol and host for everything that comes
 * later. A header counts only as far back as trusted peers vouch for it; from an untrusted peer nothing counts.
 */
import { headerValue, isHost } from './headers.js';
import { inBlocks, normalizeIp, parseBlock, type AddressBlock } from './ip.js';
import type { GatewayRequest, HeaderMap } from './types.js';

/** True where the peer at `hop` (0 = the one that holds the connection) may speak for the one behind it. */
export type TrustFunction = (address: string, hop: number) => boolean;

/**
 * Whose `X-Forwarded-*` count: how many proxies stand in front (0 = none), the address blocks they live in
 * (`'10.0.0.0/8'`, `'loopback'`, `'linklocal'`, `'uniquelocal'`), or a function.
 */
export type TrustProxy = false | number | string | readonly string[] | TrustFunction;

const NAMED_BLOCKS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** The blocks that a `trustProxy` text names; `null` where it names none. */
export function parseTrustedBlocks(text: string): AddressBlock[] | null {
  const blocks = (Object.hasOwn(NAMED_BLOCKS, text) ? (NAMED_BLOCKS[text] as readonly string[]) : [text]).map(
    parseBlock,
  );
  return blocks.every((block) => block !== null) ? blocks : null;
}

const TRUST_NOBODY: TrustFunction = () => false;

/** Compiles the option once; each call of the result is a comparison of numbers. */
export function compileTrust(option: TrustProxy): TrustFunction {
  if (option === false || option === 0) return TRUST_NOBODY;
  if (typeof option === 'function') return option;
  if (typeof option === 'number') return (_address, hop) => hop < option;
  const blocks = [option].flat().flatMap((text) => parseTrustedBlocks(text) ?? []);
  return (address) => inBlocks(address, blocks);
}

export type ClientFacts = Pick<GatewayRequest, 'clientIp' | 'forwardedFor' | 'protocol' | 'host'>;

/** What the connection itself says, before any header is believed. */
export interface Peer {
  /** Normal form, see `normalizeIp`; `''` where the connection has none, as on a unix socket. */
  readonly address: string;
  readonly protocol: 'http' | 'https';
  readonly host: string;
}

/** The walk. Entries left of the first untrusted address are the client's own claims and are dropped. */
export function resolveClient(peer: Peer, headers: Readonly<HeaderMap>, trust: TrustFunction): ClientFacts {
  const { address, protocol, host } = peer;
  if (!trust(address, 0)) return { clientIp: address, forwardedFor: address, protocol, host };

  const entries = listEntries(headers, 'x-forwarded-for');
  const chain = [address];
  while (chain.length <= entries.length) {
    const hop = chain.length - 1;
    if (hop > 0 && !trust(chain[hop] as string, hop)) break;
    const next = normalizeIp(withoutPort(entries[entries.length - chain.length] as string));
    if (next === null) break;
    chain.push(next);
  }
  const hops = Math.max(1, chain.length - 1);
  const claimedProtocol = entryAt(headers, 'x-forwarded-proto', hops)?.toLowerCase();
  const claimedHost = entryAt(headers, 'x-forwarded-host', hops);
  return {
    clientIp: chain[chain.length - 1] as string,
    forwardedFor: chain.reverse().filter(Boolean).join(', '),
    protocol: claimedProtocol === 'https' || claimedProtocol === 'http' ? claimedProtocol : protocol,
    host: claimedHost !== undefined && isHost(claimedHost) ? claimedHost : host,
  };
}

function listEntries(headers: Readonly<HeaderMap>, name: string): string[] {
  const value = headerValue(headers, name);
  return value === undefined ? [] : value.split(',').map((entry) => entry.trim());
}

/** The entry that the trusted hop nearest to the client wrote; the first where fewer hops wrote one. */
function entryAt(headers: Readonly<HeaderMap>, name: string, hops: number): string | undefined {
  const entries = listEntries(headers, name);
  return entries[Math.max(0, entries.length - hops)];
}

/** Some proxies write `1.2.3.4:5678` or `[2001:db8::1]:5678`. */
function withoutPort(entry: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(entry)?.[1];
  return bracketed ?? (/^[\d.]+:\d+$/.test(entry) ? entry.slice(0, entry.indexOf(':')) : entry);
}
