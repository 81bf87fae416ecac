/** What a balancer must do whatever its strategy. */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { TargetEntry, TargetOptions } from '../../src/core/target-options.js';
import {
  LoadBalancer,
  type BalanceStrategy,
  type BalancerTarget,
  type LoadBalancerOptions,
  type PickRequest,
} from '../../src/load-balancer/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { seededRandom } from '../support/random.js';
import { eventually } from '../support/eventually.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export interface StrategyTraits {
  readonly strategy: BalanceStrategy;
  /**
   * How far the share of a target may be off, of 1, at the weights 5:3:2 and over 100,000 picks. A strategy that draws or
   * hashes has a standard deviation of 0.0016.
   */
  readonly tolerance: number;
}

export const A = 'http://a.test';
export const B = 'http://b.test';
export const C = 'http://c.test';
export const D = 'http://d.test';

export interface OpenedBalancer {
  readonly balancer: LoadBalancer;
  readonly clock: FakeClock;
}

export function openBalancer(targets: readonly TargetEntry[], options: LoadBalancerOptions = {}): OpenedBalancer {
  const clock = new FakeClock();
  return { balancer: new LoadBalancer({ targets, clock, random: seededRandom(7), ...options }), clock };
}

/** The part of so many picks that each URL gets; each pick has a key of its own. */
export function sharesOf(balancer: LoadBalancer, picks: number, request: PickRequest = {}): (url: string) => number {
  const counts = new Map<string | null, number>();
  for (let pick = 0; pick < picks; pick++) {
    const url = balancer.pick({ key: `key-${pick}`, ...request })?.url ?? null;
    counts.set(url, (counts.get(url) ?? 0) + 1);
  }
  return (url) => (counts.get(url) ?? 0) / picks;
}

function urlsPicked(balancer: LoadBalancer, request: PickRequest = {}): string[] {
  const urls = new Set<string>();
  for (let pick = 0; pick < 300; pick++) {
    const target = balancer.pick({ key: `key-${pick}`, ...request });
    if (target !== null) urls.add(target.url);
  }
  return [...urls].sort();
}

export function targetOf(balancer: LoadBalancer, url: string): BalancerTarget {
  const target = balancer.targets.find((one) => one.url === url);
  if (target === undefined) throw new Error(`${url} is not a target`);
  return target;
}

export function describeStrategy({ strategy, tolerance }: StrategyTraits): void {
  function open(targets: readonly TargetEntry[], options: LoadBalancerOptions = {}): OpenedBalancer {
    return openBalancer(targets, { balance: strategy, ...options });
  }

  describe(strategy, () => {
    it('finds nothing among no targets', () => {
      const { balancer } = open([]);
      expect(balancer.pick({ key: 'x' })).toBeNull();
      balancer.update([A]);
      expect(balancer.pick({ key: 'x' })?.url).toBe(A);
      balancer.update([]);
      expect(balancer.pick({ key: 'x' })).toBeNull();
    });

    it('gives each target its part of 100,000 picks', () => {
      const { balancer } = open([
        { url: A, weight: 5 },
        { url: B, weight: 3 },
        { url: C, weight: 2 },
      ]);
      const share = sharesOf(balancer, 100_000);
      for (const [url, weight] of [
        [A, 0.5],
        [B, 0.3],
        [C, 0.2],
      ] as const)
        expect(Math.abs(share(url) - weight), url).toBeLessThanOrEqual(tolerance);
    });

    it('picks without a key', () => {
      const { balancer } = open([A, B, C]);
      const seen = new Set(Array.from({ length: 100 }, () => balancer.pick()?.url));
      expect([...seen].sort()).toEqual([A, B, C]);
    });

    it('sends nothing to a target of weight 0', () => {
      const { balancer } = open([{ url: A, weight: 0 }, B]);
      expect(urlsPicked(balancer)).toEqual([B]);
      balancer.setHealth(B, false);
      expect(urlsPicked(balancer)).toEqual([B]);
    });

    it('never picks an unhealthy target while enough are well', () => {
      const { balancer } = open([A, B, C]);
      balancer.setHealth(B, false, 'HTTP 500');
      expect(urlsPicked(balancer)).toEqual([A, C]);
      balancer.setHealth(B, true);
      expect(urlsPicked(balancer)).toEqual([A, B, C]);
    });

    it('picks an ejected target again as soon as its time is over', () => {
      const { balancer, clock } = open([A, B]);
      targetOf(balancer, A).eject(1_000, 'failures');
      expect(urlsPicked(balancer)).toEqual([B]);
      clock.advance(999);
      expect(urlsPicked(balancer)).toEqual([B]);
      clock.advance(1);
      expect(urlsPicked(balancer)).toEqual([A, B]);
      expect(clock.pending).toBe(0);
    });

    it('never picks an excluded target while there is another one', () => {
      const { balancer } = open([{ url: A, weight: 1_000 }, B, C]);
      const [a, b, c] = [A, B, C].map((url) => targetOf(balancer, url)) as [
        BalancerTarget,
        BalancerTarget,
        BalancerTarget,
      ];
      expect(urlsPicked(balancer, { exclude: [a] })).toEqual([B, C]);
      expect(urlsPicked(balancer, { exclude: [a, c] })).toEqual([B]);
      expect(urlsPicked(balancer, { exclude: [b, a] })).toEqual([C]);
    });

    it('picks as if none were excluded when all are', () => {
      const { balancer } = open([A, B]);
      expect(urlsPicked(balancer, { exclude: [...balancer.targets] })).toEqual([A, B]);
    });

    it('goes to a target that is out when all others were tried, where it may panic at all', () => {
      for (const [panicThreshold, expected] of [
        [0.25, B],
        [0, A],
      ] as const) {
        const { balancer } = open([A, B], { panicThreshold });
        targetOf(balancer, B).eject(1_000, 'failures');
        expect(urlsPicked(balancer, { exclude: [targetOf(balancer, A)] })).toEqual([expected]);
      }
    });

    it('goes to a backup when all others were tried', () => {
      const { balancer } = open([A, { url: B, backup: true }]);
      expect(urlsPicked(balancer)).toEqual([A]);
      expect(urlsPicked(balancer, { exclude: [targetOf(balancer, A)] })).toEqual([B]);
    });

    it('goes to backups while too little of the first level is available, and back', () => {
      const { balancer } = open([A, B, C, { url: D, priority: 7 }], { panicThreshold: 0.5 });
      balancer.setHealth(A, false);
      expect(urlsPicked(balancer)).toEqual([B, C]);
      balancer.setHealth(B, false);
      expect(urlsPicked(balancer)).toEqual([D]);
      expect(balancer.isPanicking).toBe(false);
      balancer.setHealth(A, true);
      expect(urlsPicked(balancer)).toEqual([A, C]);
    });

    it('panics when too little is available anywhere: all of the best level are used', () => {
      const { balancer } = open([A, B, { url: C, backup: true }, { url: D, backup: true }], { panicThreshold: 0.6 });
      for (const url of [A, B, C]) balancer.setHealth(url, false);
      expect(balancer.isPanicking).toBe(true);
      expect(urlsPicked(balancer)).toEqual([C, D]);
      balancer.setHealth(D, false);
      expect(urlsPicked(balancer)).toEqual([A, B]);
      balancer.setHealth(A, true);
      balancer.setHealth(B, true);
      expect(balancer.isPanicking).toBe(false);
    });

    it('sends nothing to what is out where it may not panic', () => {
      const { balancer } = open([A, B, { url: C, backup: true }], { panicThreshold: 0 });
      balancer.setHealth(A, false);
      expect(urlsPicked(balancer)).toEqual([B]);
      balancer.setHealth(B, false);
      expect(urlsPicked(balancer)).toEqual([C]);
      balancer.setHealth(C, false);
      expect(urlsPicked(balancer)).toEqual([]);
      expect(balancer.isPanicking).toBe(false);
    });

    it('keeps state and calls in flight of what stays in an update', () => {
      const { balancer } = open([A, B]);
      const [a, b] = [targetOf(balancer, A), targetOf(balancer, B)];
      a.begin();
      balancer.setHealth(B, false);
      balancer.update([C, { url: `${B}/`, weight: 2, zone: 'z' }, A]);
      expect([targetOf(balancer, A), targetOf(balancer, B)]).toEqual([a, b]);
      expect([a.inFlight, b.state, b.weight, b.zone]).toEqual([1, 'unhealthy', 2, 'z']);
      a.end({ result: 'neither', durationMs: 1 });
      expect(urlsPicked(balancer)).toEqual([A, C]);
    });

    it('gives a target that was added more and more until it has its part', () => {
      const { balancer, clock } = open([A], { slowStartMs: 10_000 });
      balancer.update([A, B]);
      const shares = Array.from({ length: 11 }, () => {
        const share = sharesOf(balancer, 4_000)(B);
        clock.advance(1_000);
        return share;
      });
      expect(shares[0]).toBeGreaterThan(0.02);
      expect(shares[0]).toBeLessThan(0.12);
      for (let step = 2; step < shares.length; step += 2)
        expect(shares[step], `step ${step}`).toBeGreaterThan(shares[step - 2] as number);
      expect(Math.abs((shares[10] as number) - 0.5)).toBeLessThan(0.12);
      expect(targetOf(balancer, B).state).toBe('healthy');
    });

    it('gives a target that came back a slow start too, and the first set none', () => {
      const { balancer, clock } = open([A, B], { slowStartMs: 10_000 });
      expect(targetOf(balancer, B).state).toBe('healthy');
      balancer.setHealth(B, false);
      clock.advance(60_000);
      balancer.setHealth(B, true);
      expect(targetOf(balancer, B).state).toBe('warming');
      expect(sharesOf(balancer, 4_000)(B)).toBeLessThan(0.12);
      clock.advance(10_000);
      expect(sharesOf(balancer, 4_000)(B)).toBeGreaterThan(0.38);
    });

    describe('zones', () => {
      const targets = ['a', 'b'].flatMap((zone) =>
        [1, 2, 3, 4].map((number) => ({ url: `http://${zone}${number}.test`, zone })),
      );
      function localShare(balancer: LoadBalancer, zone: string, request?: PickRequest): number {
        const share = sharesOf(balancer, 20_000, request);
        return targets.reduce((sum, target) => sum + (target.zone === zone ? share(target.url) : 0), 0);
      }

      it('stays in the zone of the gateway, or of the request', () => {
        const { balancer } = open(targets, { zone: 'a' });
        expect(localShare(balancer, 'a')).toBe(1);
        expect(localShare(balancer, 'b', { zone: 'b' })).toBe(1);
      });

      it('chooses among all from a zone without targets, and from nowhere', () => {
        const { balancer } = open(targets);
        for (const zone of ['', 'c', '__proto__', 'constructor'])
          expect(Math.abs(localShare(balancer, 'a', { zone }) - 0.5), zone).toBeLessThan(0.08);
      });

      it('spills over to the others as far as too little of the zone is available', () => {
        const { balancer } = open(targets, { zone: 'a' });
        balancer.setHealth('http://a1.test', false);
        expect(localShare(balancer, 'a')).toBe(1);
        balancer.setHealth('http://a2.test', false);
        expect(Math.abs(localShare(balancer, 'a') - 0.5 / 0.7)).toBeLessThan(0.04);
        for (const number of [3, 4]) balancer.setHealth(`http://a${number}.test`, false);
        expect(localShare(balancer, 'b')).toBe(1);
        expect(balancer.isPanicking).toBe(false);
      });

      it('forgets zones in a panic', () => {
        const { balancer } = open(targets, { zone: 'a', panicThreshold: 0.2 });
        for (const { url } of targets.slice(1)) balancer.setHealth(url, false);
        expect(balancer.isPanicking).toBe(true);
        expect(Math.abs(localShare(balancer, 'a') - 0.5)).toBeLessThan(0.08);
      });

      it('leaves the zone when all of it was tried', () => {
        const { balancer } = open(targets, { zone: 'a' });
        const exclude = balancer.targets.filter(({ zone }) => zone === 'a');
        expect(localShare(balancer, 'b', { exclude })).toBe(1);
      });
    });

    it('picks what a simple model allows through 10,000 changes', () => {
      const random = seededRandom(11);
      const { balancer, clock } = open([], { panicThreshold: 0.5 });
      const model = new Model();
      for (let change = 0; change < 10_000; change++) {
        model.change(balancer, clock, random);
        const target = balancer.pick({ key: `key-${change}` });
        const allowed = model.allowed(clock.now(), 0.5);
        if (allowed.length === 0) expect(target).toBeNull();
        else expect(allowed).toContain(target?.url);
        if (target !== null && random() < 0.5) target.begin();
      }
      expect(balancer.report().map(({ url }) => url)).toEqual(model.urls());
    });

    it('keeps nothing of targets that have left', async () => {
      const { balancer } = open([]);
      const gone: WeakRef<BalancerTarget>[] = [];
      for (let round = 0; round < 1_000; round++) {
        balancer.update([1, 2, 3].map((number) => ({ url: `http://r${round}-${number}.test`, zone: `z${round}` })));
        const target = balancer.pick({ key: 'x', zone: `z${round}` });
        target?.begin();
        if (round % 2 === 0) target?.end({ result: 'success', durationMs: 1 });
        if (target !== null && round < 990) gone.push(new WeakRef(target));
      }
      expect(balancer.report()).toHaveLength(3);
      // What a turn of the loop has seen is kept until the turn is over, and an optimised frame may keep it longer.
      await eventually(async () => {
        await turn();
        collectGarbage();
        return gone.every((target) => target.deref() === undefined);
      });
    });
  });
}

interface ModelTarget extends Required<Pick<TargetOptions, 'url' | 'weight' | 'priority'>> {
  healthy: boolean;
  ejectedUntil: number;
}

/** The rules of levels, health and panic, in the plainest words. */
class Model {
  #targets: ModelTarget[] = [];

  urls(): string[] {
    return this.#targets.map(({ url }) => url);
  }

  change(balancer: LoadBalancer, clock: FakeClock, random: ReturnType<typeof seededRandom>): void {
    const dice = random();
    const one = this.#targets.length === 0 ? null : random.pick(this.#targets);
    if (dice < 0.05 || one === null) this.#update(balancer, random);
    else if (dice < 0.4) {
      const healthy = random() < 0.6;
      if (healthy && !one.healthy) one.ejectedUntil = 0;
      balancer.setHealth(one.url, (one.healthy = healthy));
    } else if (dice < 0.7) {
      const forMs = random.int(500);
      one.ejectedUntil = Math.max(one.ejectedUntil, clock.now() + forMs);
      targetOf(balancer, one.url).eject(forMs, 'model');
    } else clock.advance(random.int(100));
  }

  allowed(now: number, threshold: number): string[] {
    const priorities = [...new Set(this.#targets.map(({ priority }) => priority))].sort((a, b) => a - b);
    const levels = priorities.map((priority) => {
      const all = this.#targets.filter((target) => target.priority === priority && target.weight > 0);
      const well = all.filter(({ healthy, ejectedUntil }) => healthy && now >= ejectedUntil);
      return {
        all: all.map(({ url }) => url),
        well: well.map(({ url }) => url),
        share: weightOf(well) / weightOf(all) || 0,
      };
    });
    const serving = levels.find(({ share }) => share >= threshold);
    if (serving !== undefined) return serving.well;
    const most = Math.max(...levels.map(({ share }) => share));
    return levels.find(({ share, all }) => all.length > 0 && share === most)?.all ?? [];
  }

  #update(balancer: LoadBalancer, random: ReturnType<typeof seededRandom>): void {
    const known = new Map(this.#targets.map((target) => [target.url, target]));
    const urls = Array.from({ length: 8 }, (_, number) => `http://m${number}.test`).filter(() => random() < 0.6);
    this.#targets = urls.map((url) => ({
      ...(known.get(url) ?? { healthy: true, ejectedUntil: 0 }),
      url,
      weight: random.int(4),
      priority: random.int(3),
    }));
    if (weightOf(this.#targets) === 0) this.#targets = [];
    balancer.update(this.#targets.map(({ url, weight, priority }) => ({ url, weight, priority })));
  }
}

function weightOf(targets: readonly { readonly weight: number }[]): number {
  return targets.reduce((sum, { weight }) => sum + weight, 0);
}
