import type { BalancerTarget } from './balancer-target.js';

/** Targets that stand in for each other: those of one priority, or of one zone among them. */
export class TargetGroup {
  readonly members: readonly BalancerTarget[];
  /** Of all members together, whatever their state. */
  readonly weight: number;
  /** Calls of all members that have begun and not ended; the members count it. */
  inFlight: number;

  constructor(members: readonly BalancerTarget[]) {
    this.members = members;
    this.weight = members.reduce((sum, { weight }) => sum + weight, 0);
    this.inFlight = members.reduce((sum, { inFlight }) => sum + inFlight, 0);
    for (const member of members) member.countIn(this);
  }
}

/** All targets of one priority. */
export interface TargetLevel {
  readonly all: TargetGroup;
  readonly zones: ReadonlyMap<string, TargetGroup>;
}

/** The targets in the order in which they are to be used. */
export function groupTargets(targets: readonly BalancerTarget[]): TargetLevel[] {
  const byPriority = [...groupBy(targets, ({ priority }) => priority)].sort(([a], [b]) => a - b);
  return byPriority.map(([, members]) => {
    const zones = new Map<string, TargetGroup>();
    for (const [zone, residents] of groupBy(members, (target) => target.zone))
      if (zone !== '') zones.set(zone, new TargetGroup(residents));
    return { all: new TargetGroup(members), zones };
  });
}

function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
