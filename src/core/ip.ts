/** Addresses as numbers: normal form, and membership in address blocks. */
import { isIPv4, isIPv6 } from 'node:net';

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The normal text of an address: no zone, no port, IPv4-mapped IPv6 (RFC 4291 2.5.5.2) as IPv4. `null` where it is no
 * address.
 */
export function normalizeIp(text: string): string | null {
  if (isIPv4(text)) return text;
  const mapped = MAPPED.exec(text)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  const zone = text.indexOf('%');
  const bare = zone === -1 ? text : text.slice(0, zone);
  if (!isIPv6(bare)) return isIPv4(bare) ? bare : null;
  const groups = ipv6Groups(bare);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (!isMapped) return ipv6Text(groups);
  const [high, low] = groups.slice(6) as [number, number];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The one text of an address (RFC 5952): the longest run of zero groups, the first of equals, is `::`. */
function ipv6Text(groups: readonly number[]): string {
  const text = groups.map((group) => group.toString(16)).join(':');
  const runs = text.match(/\b0(?::0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return text;
  const start = text.search(new RegExp(`\\b${longest}\\b`));
  return `${text.slice(0, start).replace(/:$/, '')}::${text.slice(start + longest.length).replace(/^:/, '')}`;
}

/**
 * The address as a key for limits: IPv4 as it is, IPv6 as its block of `prefixLength` bits, since a subscriber has a
 * whole block to walk through. It is a key and no address: `2001:db8:0:ff00/56`.
 *
 * @param address In its normal form, see {@link normalizeIp}.
 */
export function ipBlock(address: string, prefixLength: number): string {
  if (!address.includes(':')) return address;
  const whole = prefixLength >> 4;
  const groups = ipv6Groups(address);
  let block = '';
  for (let i = 0; i < whole; i++) block += `${(groups[i] as number).toString(16)}:`;
  const bits = prefixLength & 15;
  const last = bits === 0 ? '' : (((groups[whole] as number) >> (16 - bits)) << (16 - bits)).toString(16);
  return `${block}${last}/${prefixLength}`;
}

/** One address block (RFC 4632, RFC 4291 2.3). */
export interface AddressBlock {
  readonly groups: readonly number[];
  readonly prefixLength: number;
}

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; `null` where it is neither. */
export function parseBlock(text: string): AddressBlock | null {
  const slash = text.indexOf('/');
  const address = normalizeIp(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return null;
  const groups = addressGroups(address);
  const bits = groups.length * 16;
  const digits = slash === -1 ? String(bits) : text.slice(slash + 1);
  const prefixLength = /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN;
  return prefixLength <= bits ? { groups, prefixLength } : null;
}

/** True where the address, in its normal form, lies in one of the blocks. */
export function inBlocks(address: string, blocks: readonly AddressBlock[]): boolean {
  if (address === '') return false;
  const groups = addressGroups(address);
  return blocks.some((block) => contains(block, groups));
}

function contains({ groups, prefixLength }: AddressBlock, address: readonly number[]): boolean {
  if (groups.length !== address.length) return false;
  let bits = prefixLength;
  for (let i = 0; bits > 0; i++, bits -= 16) {
    const shift = Math.max(0, 16 - bits);
    if ((groups[i] as number) >> shift !== (address[i] as number) >> shift) return false;
  }
  return true;
}

/** Two groups of 16 bits for IPv4, eight for IPv6. */
function addressGroups(address: string): number[] {
  return address.includes(':') ? ipv6Groups(address) : ipv4Groups(address);
}

function ipv4Groups(address: string): number[] {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
  return [(a << 8) | b, (c << 8) | d];
}

function ipv6Groups(address: string): number[] {
  const [head, tail] = address.split('::') as [string, string?];
  const left = textGroups(head);
  const right = textGroups(tail ?? '');
  const gap = new Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...gap, ...right];
}

function textGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => (group.includes('.') ? ipv4Groups(group) : [Number.parseInt(group, 16)]));
}
