import { compileAddresses, compileHosts } from '../core/address-policy.js';
import { normalizeIp } from '../core/ip.js';
import { inspect, isPlainObject, show, type Fault } from '../core/options.js';
import { resolveTarget, targetField, type ResolvedTarget, type TargetEntry } from '../core/target-options.js';
import type { DiscoveryOptions } from './options.js';

/** What is left of what a source told. */
export interface CheckedTargets {
  /** Each URL once. */
  readonly targets: readonly ResolvedTarget[];
  /** How many were left out. Those that were told twice are not among them. */
  readonly refused: number;
  /** Why the first of them was; `null` where none was. */
  readonly reason: string | null;
}

/** Characters of a URL and of a zone: each of them is in logs, stats and metrics, the path also in every request. */
const MAX_TEXT = 2_048;
/** Characters of a name that can be resolved (RFC 1035 2.3.4). */
const MAX_HOST = 255;

/**
 * Makes the judge of what sources tell: whatever is no target, or leads where it must not, is left out.
 *
 * @returns A function that throws where it is given no list at all.
 */
export function compileTargetCheck({
  allowedHosts,
  allowedAddresses = ['public'],
  maxTargets = 10_000,
}: Pick<DiscoveryOptions, 'allowedHosts' | 'allowedAddresses' | 'maxTargets'>): (told: unknown) => CheckedTargets {
  const isAllowedHost = allowedHosts === undefined ? null : compileHosts(allowedHosts);
  const isAllowedAddress = compileAddresses(allowedAddresses);

  function hostFault(url: string): string | null {
    const { hostname } = new URL(url);
    if (hostname.length > MAX_HOST) return `${show(hostname)} is longer than a host can be`;
    if (isAllowedHost?.(hostname) === false) return `${show(hostname)} is not among allowedHosts`;
    const address = normalizeIp(hostname.replace(/^\[|\]$/g, ''));
    if (address === null || isAllowedAddress(address)) return null;
    return `${address} is not among allowedAddresses`;
  }

  return function checkTargets(told) {
    if (!Array.isArray(told)) throw new TypeError(`it told ${show(told)} in the place of a list of targets`);
    const entries: readonly unknown[] = told.length > maxTargets ? told.slice(0, maxTargets) : told;
    const byUrl = new Map<string, ResolvedTarget>();
    let refused = told.length - entries.length;
    let reason: string | null = refused === 0 ? null : `${told.length} targets are more than maxTargets, ${maxTargets}`;
    for (const [index, entry] of entries.entries()) {
      const result = readEntry(entry, index);
      const fault = typeof result === 'string' ? result : hostFault(result.url);
      if (fault !== null) {
        refused++;
        reason ??= fault;
      } else if (typeof result !== 'string' && !byUrl.has(result.url)) byUrl.set(result.url, result);
    }
    return { targets: [...byUrl.values()], refused, reason };
  };
}

/** A target, or what is wrong with it. Its members may be functions of whoever told it, so each is read once. */
function readEntry(entry: unknown, index: number): ResolvedTarget | string {
  try {
    const own = isPlainObject(entry) ? { ...entry } : entry;
    return entryFault(own, index) ?? textFault(own as TargetEntry, index) ?? resolveTarget(own as TargetEntry);
  } catch {
    return `targets[${index}] cannot be read`;
  }
}

function textFault(entry: TargetEntry, index: number): string | null {
  const { url, zone = '' } = typeof entry === 'string' ? { url: entry } : entry;
  const isLong = url.length > MAX_TEXT || zone.length > MAX_TEXT;
  return isLong ? `targets[${index}] has a url or a zone of more than ${MAX_TEXT} characters` : null;
}

function entryFault(entry: unknown, index: number): string | null {
  const faults: Fault[] = [];
  inspect(targetField, entry, `targets[${index}]`, faults);
  const [first] = faults;
  return first === undefined ? null : `${first.path}: ${first.message}`;
}

/** True where both sets say the same, in whatever order. Each has every URL once. */
export function isSameSet(one: readonly ResolvedTarget[], other: readonly ResolvedTarget[]): boolean {
  if (one.length !== other.length) return false;
  const byUrl = new Map(one.map((target) => [target.url, target]));
  return other.every(({ url, weight, zone, priority }) => {
    const same = byUrl.get(url);
    return same?.weight === weight && same.zone === zone && same.priority === priority;
  });
}

/** How many of them get requests. */
export function usableTargets(targets: readonly ResolvedTarget[]): number {
  return targets.reduce((count, { weight }) => (weight > 0 ? count + 1 : count), 0);
}
