/**
 * What EndpointSlices mean (https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/), as far as it
 * matters to who sends requests to a service. Hints for zones are for kube-proxy and are left alone.
 */
import { isIP } from 'node:net';
import type { TargetOptions } from '../core/target-options.js';
import { listOf, membersOf } from './json-members.js';
import type { KubernetesSourceOptions } from './kubernetes-options.js';

/** A slice, reduced to what is asked for. */
export interface ServiceSlice {
  readonly addressType: string;
  readonly endpoints: readonly ServiceEndpoint[];
  /** True where it has endpoints, and not the port that is asked for. */
  readonly lacksPort: boolean;
}

interface ServiceEndpoint {
  readonly url: string;
  /** `''` = not known. */
  readonly zone: string;
  /** False where it is terminating, and answers all the same. */
  readonly isReady: boolean;
}

interface ServicePort {
  readonly port: number;
  readonly appProtocol: unknown;
}

export type SliceOptions = Pick<KubernetesSourceOptions, 'port' | 'protocol' | 'zones'>;

/** Reads an EndpointSlice of `discovery.k8s.io/v1`; what is not as documented in it is left out. */
export function readSlice(slice: unknown, { port, protocol, zones }: SliceOptions): ServiceSlice {
  const { addressType, endpoints, ports } = membersOf(slice);
  const entries = listOf(endpoints).map(membersOf);
  const wanted = findPort(listOf(ports).map(membersOf), port);
  if (wanted === null) return { addressType: String(addressType), endpoints: [], lacksPort: entries.length > 0 };
  const scheme = protocol ?? (wanted.appProtocol === 'https' ? 'https' : 'http');
  const found: ServiceEndpoint[] = [];
  for (const { addresses, conditions, zone } of entries) {
    // Several addresses of an endpoint are one pod, and the first is as good as each other (API reference, addresses).
    const host = hostOf(listOf(addresses)[0], addressType);
    const isReady = readiness(membersOf(conditions));
    if (host === null || isReady === null) continue;
    if (zones !== undefined && !zones.includes(String(zone))) continue;
    found.push({ url: `${scheme}://${host}:${wanted.port}`, zone: typeof zone === 'string' ? zone : '', isReady });
  }
  return { addressType: String(addressType), endpoints: found, lacksPort: false };
}

/**
 * The targets of all slices of a service. An endpoint may stand in more than one of them for a moment ("Duplicate
 * endpoints"): it is one, and ready where one of them says so. Terminating endpoints that still answer are used where
 * nothing else is left, as kube-proxy does ("Conditions").
 */
export function mergeSlices(slices: Iterable<ServiceSlice>, family: 'IPv4' | 'IPv6' | undefined): TargetOptions[] {
  const all = [...slices];
  // A service of both families has slices of each, with the same pods in them. Which slices there are changes more
  // seldom than what is in them, so an empty moment of one family does not turn to the other.
  const kept = family ?? (all.some(({ addressType }) => addressType === 'IPv4') ? 'IPv4' : 'IPv6');
  const ready = new Map<string, TargetOptions>();
  const terminating = new Map<string, TargetOptions>();
  for (const { addressType, endpoints } of all) {
    if (addressType !== kept && addressType !== 'FQDN') continue;
    for (const { url, zone, isReady } of endpoints)
      (isReady ? ready : terminating).set(url, zone === '' ? { url } : { url, zone });
  }
  return [...(ready.size > 0 ? ready : terminating).values()];
}

/** A port without a number stands for all, of which none can be chosen. */
function findPort(
  ports: readonly Readonly<Record<string, unknown>>[],
  wanted: string | number | undefined,
): ServicePort | null {
  if (ports.length === 0 && typeof wanted === 'number') return { port: wanted, appProtocol: undefined };
  for (const { name, port, protocol = 'TCP', appProtocol } of ports) {
    if (typeof port !== 'number' || protocol !== 'TCP') continue;
    if (wanted === undefined || wanted === port || wanted === name) return { port, appProtocol };
  }
  return null;
}

/**
 * `null` where an endpoint is not to be used. Who does not say that it is ready is ready, unless it is terminating; a
 * service may have its endpoints called ready until their end (`publishNotReadyAddresses`).
 */
function readiness({ ready, serving, terminating }: Readonly<Record<string, unknown>>): boolean | null {
  if (ready === true || (ready !== false && terminating !== true)) return true;
  // Where `serving` is not known, `ready` says it (API reference, EndpointConditions).
  return terminating === true && (serving ?? ready) === true ? false : null;
}

function hostOf(address: unknown, addressType: unknown): string | null {
  if (typeof address !== 'string') return null;
  if (addressType === 'IPv4') return isIP(address) === 4 ? address : null;
  // A URL has no place for the zone of a link-local address.
  if (addressType === 'IPv6') return isIP(address) === 6 && !address.includes('%') ? `[${address}]` : null;
  const isName = addressType === 'FQDN' && /^(?:[\w-]+\.)*[a-z][\w-]*\.?$/i.test(address);
  return isName && URL.canParse(`http://${address}`) ? address : null;
}
