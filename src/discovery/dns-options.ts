import { isIP } from 'node:net';
import type { Clock } from '../core/clock.js';
import { loadPeer } from '../core/load-peer.js';
import {
  clockField,
  func,
  integer,
  list,
  member,
  milliseconds,
  object,
  oneOf,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { isTargetUrl } from '../core/target-options.js';
import { parseNameServer } from './name-server.js';

/** Records that are asked for. */
export type DnsRecordType = 'A' | 'AAAA' | 'A+AAAA' | 'SRV';

export interface DnsSourceOptions {
  /** A whole name such as `users.internal`, or `_http._tcp.users.internal` for SRV; no domain is searched. */
  name: string;
  /**
   * `'SRV'` (RFC 2782) tells ports, weights and priorities, too, and needs the package `dns-packet`: Node does not say
   * how long such a record lives. @default 'SRV' for a name that begins with `_`, else 'A+AAAA'
   */
  type?: DnsRecordType;
  /** Of the targets, from 1 to 65535. Needed, but for SRV, which has its own. */
  port?: number;
  /**
   * How targets are spoken to. Of A and AAAA records they have an address for a host, which few certificates are for.
   * @default 'http'
   */
  protocol?: 'http' | 'https';
  /** Base path of every target. @default none */
  path?: string;
  /**
   * Addresses of name servers, with `:port` if it is not 53; an IPv6 address stands in brackets before one. Where the
   * records of SRV name hosts, these are looked up as the system does, whoever told of them. @default the system's
   */
  servers?: readonly string[];
  /** Least time between two questions in ms, though records live shorter. From 1 on. @default 1000 */
  minTtlMs?: number;
  /** Longest time between two questions in ms, though records live longer. From `minTtlMs` on. @default 300000 */
  maxTtlMs?: number;
  /** How long one server may take to answer once, in ms. From 1 on. @default 2000 */
  timeoutMs?: number;
  /** How often each server is asked before that is an error. From 1 to 10. @default 3 */
  tries?: number;
  /** Ceiling of the wait after the first failure, in ms. From 1 on. @default 500 */
  backoffMs?: number;
  /** Ceiling of every wait after a failure, in ms. From `backoffMs` on. @default 30000 */
  maxBackoffMs?: number;
  /** @default systemClock */
  clock?: Clock;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

const LABEL = /^[\w-]{1,63}$/;

function isDnsName(text: string): boolean {
  const name = withoutRoot(text);
  return name.length <= 253 && isIP(name) === 0 && name.split('.').every((label) => LABEL.test(label));
}

/** A name without the dot that says that it is whole. */
export function withoutRoot(name: string): string {
  return name.replace(/\.$/, '');
}

const dnsSourceFields = {
  name: string("a name such as 'users.internal'", isDnsName),
  type: oneOf('A', 'AAAA', 'A+AAAA', 'SRV'),
  port: integer({ min: 1, max: 65_535 }),
  protocol: oneOf('http', 'https'),
  path: string("a path such as '/api'", (path) => path.startsWith('/') && isTargetUrl(`http://host${path}`)),
  servers: list(
    string("the address of a name server, such as '10.0.0.53' or '[fd00::53]:5353'", (text) => {
      return parseNameServer(text) !== null;
    }),
  ),
  minTtlMs: milliseconds(),
  maxTtlMs: milliseconds(),
  timeoutMs: milliseconds(),
  tries: integer({ min: 1, max: 10 }),
  backoffMs: milliseconds(),
  maxBackoffMs: milliseconds(),
  clock: clockField,
  random: func,
} satisfies Record<keyof DnsSourceOptions, Schema>;

const fields = object(dnsSourceFields, { required: ['name'] });

/** What is asked for where the option is left out. */
export function recordType({ name, type }: DnsSourceOptions): DnsRecordType {
  return type ?? (name.startsWith('_') ? 'SRV' : 'A+AAAA');
}

/** Adds everything that is wrong with the options. */
function inspectDnsSourceOptions(options: DnsSourceOptions, at: string, faults: Fault[]): void {
  const before = faults.length;
  fields.inspect?.(options as never, at, faults);
  if (faults.length > before) return;
  const { port, minTtlMs = 1_000, maxTtlMs = 300_000, backoffMs = 500, maxBackoffMs = 30_000 } = options;

  function fault(name: keyof DnsSourceOptions, message: string): void {
    faults.push({ path: member(at, name), message });
  }

  if (recordType(options) !== 'SRV') {
    if (port === undefined) fault('port', `missing, expected ${dnsSourceFields.port.expected}`);
  } else {
    if (port !== undefined) fault('port', 'has no effect on SRV records, which have their own');
    if (loadPeer('dns-packet') === null)
      fault('type', 'is SRV, which needs the package dns-packet: npm install dns-packet');
  }
  if (maxTtlMs < minTtlMs) fault('maxTtlMs', `is ${maxTtlMs}, below minTtlMs, ${minTtlMs}`);
  if (maxBackoffMs < backoffMs) fault('maxBackoffMs', `is ${maxBackoffMs}, below backoffMs, ${backoffMs}`);
}

export const dnsSourceSchema: Schema = { ...fields, inspect: inspectDnsSourceOptions };
