import { getServers } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { systemClock } from '../core/clock.js';
import { validate } from '../core/options.js';
import type { TargetOptions } from '../core/target-options.js';
import { dnsSourceSchema, recordType, withoutRoot, type DnsSourceOptions } from './dns-options.js';
import { querySrv, type SrvAnswer } from './dns-query.js';
import { parseNameServer } from './name-server.js';
import type { DiscoverySource } from './source.js';
import { watchLoop } from './watch-loop.js';

/** How long it holds that there is nothing, where a name server does not say. */
const EMPTY_TTL_SECONDS = 10;

/** Of requests that a record of weight 0 gets beside others, which is to be little and yet not none (RFC 2782). */
const LITTLE_WEIGHT = 0.01;

/**
 * Targets that name servers know, asked again whenever what they said has expired. A name that does not exist has no
 * targets; a name server that fails or is silent is an error.
 *
 * @throws {ConfigError} when an option is wrong, or the package is missing that SRV needs.
 *
 * @example
 * const addresses = dnsSource({ name: 'users.internal', port: 3001 });
 * const services = dnsSource({ name: '_http._tcp.users.internal' });
 */
export function dnsSource(options: DnsSourceOptions): DiscoverySource {
  validate('dnsSource', options, dnsSourceSchema);
  const { minTtlMs = 1_000, maxTtlMs = 300_000, backoffMs = 500, maxBackoffMs = 30_000 } = options;
  const { clock = systemClock, random = Math.random } = options;
  const find = recordType(options) === 'SRV' ? findServices : findAddresses;
  return {
    name: 'dns',
    subscribe(onTargets, onError) {
      async function round(signal: AbortSignal): Promise<number> {
        const { targets, ttlSeconds } = await find(options, signal);
        if (!signal.aborted) onTargets(targets);
        return Math.min(Math.max((ttlSeconds ?? EMPTY_TTL_SECONDS) * 1_000, minTtlMs), maxTtlMs);
      }
      return watchLoop(round, onError, { backoffMs, maxBackoffMs, clock, random });
    },
  };
}

interface Found {
  readonly targets: readonly TargetOptions[];
  /** How long that holds; `null` = unknown. */
  readonly ttlSeconds: number | null;
}

/** Where one family cannot be asked for, both count as failed: half of a set would be taken for the whole. */
async function findAddresses(options: DnsSourceOptions, signal: AbortSignal): Promise<Found> {
  const { name, servers, port = 0, timeoutMs = 2_000, tries = 3 } = options;
  const type = recordType(options);
  const resolver = new Resolver({ timeout: timeoutMs, tries });
  if (servers !== undefined) resolver.setServers(servers);
  function stop(): void {
    resolver.cancel();
  }
  signal.addEventListener('abort', stop, { once: true });
  try {
    const answers = await Promise.all([
      type === 'AAAA' ? [] : orNone(resolver.resolve4(name, { ttl: true })),
      type === 'A' ? [] : orNone(resolver.resolve6(name, { ttl: true })),
    ]);
    const records = answers.flat();
    const targets = records.map(({ address }) => ({ url: targetUrl(options, address, port) }));
    return { targets, ttlSeconds: records.length === 0 ? null : Math.min(...records.map(({ ttl }) => ttl)) };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** No such name, and no such record, are answers. */
async function orNone<Answer>(answer: Promise<Answer[]>): Promise<Answer[]> {
  try {
    return await answer;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}

async function findServices(options: DnsSourceOptions, signal: AbortSignal): Promise<Found> {
  const { name, servers = getServers(), timeoutMs = 2_000, tries = 3, clock = systemClock } = options;
  const { records, ttlSeconds } = await querySrv(withoutRoot(name), {
    servers: servers.flatMap((server) => parseNameServer(server) ?? []),
    timeoutMs,
    tries,
    clock,
    signal,
  });
  return { targets: serviceTargets(records, options), ttlSeconds };
}

function serviceTargets(records: SrvAnswer['records'], options: DnsSourceOptions): TargetOptions[] {
  const weighted = new Set(records.map(({ priority, weight }) => (weight === 0 ? undefined : priority)));
  return (
    records
      .map(({ target, port, priority = 0, weight = 0 }) => ({
        host: withoutRoot(target),
        port,
        priority,
        weight: weight || (weighted.has(priority) ? LITTLE_WEIGHT : 1),
      }))
      // A root for a target says that there is decidedly no such service (RFC 2782).
      .filter(({ host }) => host !== '')
      .map(({ host, port, ...place }) => ({ url: targetUrl(options, host, port), ...place }))
  );
}

/** What is no part of a host is encoded, so that a record with a path in its name makes no URL at all. */
function targetUrl({ protocol = 'http', path = '' }: DnsSourceOptions, host: string, port: number): string {
  return `${protocol}://${isIPv6(host) ? `[${host}]` : encodeURIComponent(host)}:${port}${path}`;
}
