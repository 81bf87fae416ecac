import { list, object, string, type Fault, type Schema } from '../core/options.js';
import { parseTrustedBlocks } from '../core/trust.js';

/** At least one of the two. What is on both lists is denied. */
export interface IpFilterOptions {
  /**
   * Addresses and blocks that may pass, and nobody else: `'203.0.113.7'`, `'10.0.0.0/8'` (RFC 4632), `'fd00::/8'`,
   * `'loopback'`, `'linklocal'`, `'uniquelocal'`, or `'unix'` = clients without an address, as on a unix socket.
   *
   * @default everybody with an address that `deny` does not have
   */
  allow?: readonly string[];
  /** Addresses and blocks that may not pass, written in the same way; `'unix'` is not for here. @default nobody */
  deny?: readonly string[];
}

/** In a list of those who may pass: clients without an address. */
export const UNIX = 'unix';

const BLOCK = "an address, a block such as '10.0.0.0/8', 'loopback', 'linklocal' or 'uniquelocal'";

function isBlock(text: string): boolean {
  return parseTrustedBlocks(text) !== null;
}

const ipFilterFields = {
  allow: list(string(`${BLOCK}, or 'unix'`, (text) => text === UNIX || isBlock(text))),
  deny: list(string(BLOCK, isBlock)),
} satisfies Record<keyof IpFilterOptions, Schema>;

const fields = object(ipFilterFields);

/** Adds everything that is wrong with the options. */
export function inspectIpFilterOptions(options: IpFilterOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  if (options.allow === undefined && options.deny === undefined)
    faults.push({ path: at || 'options', message: 'needs allow, deny or both' });
}

export const ipFilterSchema: Schema = { ...fields, inspect: inspectIpFilterOptions };

/** A filter in a few words, such as `2 allowed, 1 denied`. */
export function describeIpFilter({ allow, deny }: IpFilterOptions): string {
  const allowed = allow === undefined ? [] : [`${allow.length} allowed`];
  return [...allowed, ...(deny === undefined ? [] : [`${deny.length} denied`])].join(', ');
}
