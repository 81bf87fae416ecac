/** Which addresses may be connected to, where the name of an upstream comes from outside of the configuration. */
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { GatewayError } from './errors.js';
import { inBlocks, normalizeIp, parseBlock, type AddressBlock } from './ip.js';
import { list, string, type Schema } from './options.js';
import { parseTrustedBlocks } from './trust.js';

/**
 * Addresses that may be connected to: `'public'` for all that are on the internet (RFC 6890, RFC 8190), `'uniquelocal'`
 * for private networks, `'loopback'`, `'linklocal'`, or blocks such as `'10.1.0.0/16'`.
 */
export type AllowedAddresses = readonly string[];

/** IANA's registries of addresses for special purposes, and what nobody has been given: none is on the internet. */
const SPECIAL: readonly AddressBlock[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/3',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '4000::/2',
  '8000::/1',
].map((text) => parseBlock(text) as AddressBlock);

/** IPv4 inside of IPv6 (RFC 6052): where a network translates, it leads to the IPv4 address. */
const TRANSLATED = parseBlock('64:ff9b::/96') as AddressBlock;

const addresses: Schema = {
  expected: "'public', 'uniquelocal', 'loopback', 'linklocal', or an address block such as '10.0.0.0/8'",
  accepts: (value) => value === 'public' || (typeof value === 'string' && parseTrustedBlocks(value) !== null),
};

/** Schema of {@link AllowedAddresses}. */
export const allowedAddressesField: Schema = list(addresses);

/** Schema of names of hosts, without a dot at their end; `*.` in front stands for any name below. */
export const allowedHostsField: Schema = list(
  string("a host such as 'users.internal' or '*.internal'", (text) => /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*$/.test(text)),
);

/** Compiles the option once. What is no address is not allowed. */
export function compileAddresses(allowed: AllowedAddresses): (address: string) => boolean {
  const allowsPublic = allowed.includes('public');
  const blocks = allowed.flatMap((text) => (text === 'public' ? [] : (parseTrustedBlocks(text) ?? [])));
  return function isAllowed(text) {
    const address = normalizeIp(text);
    if (address === null) return false;
    const real = inBlocks(address, [TRANSLATED]) ? translated(address) : address;
    return inBlocks(real, blocks) || (allowsPublic && !inBlocks(real, SPECIAL));
  };
}

function translated(address: string): string {
  const groups = address.split(':');
  const [high = 0, low = 0] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16));
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** Compiles names of hosts once; the test wants lower case. */
export function compileHosts(allowed: readonly string[]): (host: string) => boolean {
  const exact = new Set(allowed.map((host) => host.toLowerCase()));
  return function isAllowedHost(host) {
    if (exact.has(host)) return true;
    // No name is longer (RFC 1035 2.3.4), and the work grows with the square of its labels.
    return host.length <= 255 && host.split('.').some((_, index, labels) => isBelow(labels.slice(index), index));
  };

  function isBelow(labels: readonly string[], index: number): boolean {
    return index > 0 && exact.has(`*.${labels.join('.')}`);
  }
}

/** A connection was refused because of the address that it would have gone to. */
export function deniedAddress(host: string): GatewayError {
  return new GatewayError(
    'ERR_GATEWAY_UPSTREAM_UNREACHABLE',
    `upstream ${host} has no address that allowedAddresses lets be connected to`,
  );
}

/**
 * Resolves names as Node does, and leaves out what is not allowed: the address that is checked is the one that is
 * connected to, whatever the name leads to a moment later.
 */
export function guardedLookup(isAllowed: (address: string) => boolean): LookupFunction {
  return function lookup(hostname, options, callback) {
    systemLookup(hostname, { ...options, all: true }, (error, found) => {
      const allowed = error === null ? found.filter(({ address }) => isAllowed(address)) : [];
      const [first] = allowed;
      if (error !== null) callback(error, []);
      else if (first === undefined) callback(deniedAddress(hostname), []);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
