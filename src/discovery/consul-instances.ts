import { show } from '../core/options.js';
import type { TargetOptions } from '../core/target-options.js';
import { listOf, membersOf, type JsonMembers } from './json-members.js';
import { targetFault } from './target-fault.js';

/** What an answer of `/v1/health/service` says. */
export interface ConsulInstances {
  readonly targets: readonly TargetOptions[];
  /** Why others are left out, one line each. */
  readonly faults: ReadonlySet<string>;
}

/** @throws {Error} where the answer is none of Consul. */
export function readConsulInstances(json: unknown, protocol: 'http' | 'https'): ConsulInstances {
  if (!Array.isArray(json)) throw new Error('the answer is no list of instances');
  const targets: TargetOptions[] = [];
  const faults = new Set<string>();
  for (const entry of json as readonly unknown[]) {
    const { Node, Service, Checks } = membersOf(entry);
    const status = worstStatus(Checks);
    if (status === 'critical') continue;
    const service = membersOf(Service);
    const target = targetOf(service, membersOf(Node), status, protocol);
    const fault = target === null ? 'has no address and port' : targetFault(target);
    if (target !== null && fault === null) targets.push(target);
    else faults.add(`${show(service.ID)}: ${fault}`);
  }
  return { targets, faults };
}

function targetOf(service: JsonMembers, node: JsonMembers, status: string, protocol: string): TargetOptions | null {
  // An instance that was registered without an address is where its node is.
  const url = urlOf(protocol, service.Address || node.Address, service.Port);
  if (url === null) return null;
  const weight = membersOf(service.Weights)[status === 'warning' ? 'Warning' : 'Passing'] ?? 1;
  const zone = membersOf(service.Meta).zone || membersOf(node.Meta).zone;
  return { url, weight: weight as number, ...(typeof zone === 'string' && zone !== '' ? { zone } : {}) };
}

/** `null` where the address is none: one with a path in it would send requests to a place of its own choice. */
function urlOf(protocol: string, address: unknown, port: unknown): string | null {
  if (typeof address !== 'string' || address === '' || typeof port !== 'number' || port === 0) return null;
  const url = `${protocol}://${address.includes(':') ? `[${address}]` : address}:${port}`;
  return URL.canParse(url) && new URL(url).pathname === '/' ? url : null;
}

/** An instance is as well as the worst of its checks, and of those of its node. */
function worstStatus(checks: unknown): string {
  const statuses = listOf(checks).map((check) => membersOf(check).Status);
  return ['critical', 'warning'].find((status) => statuses.includes(status)) ?? 'passing';
}
