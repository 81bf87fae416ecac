import { describe, expect, it } from 'vitest';
import { hashText } from '../../../src/core/hash.js';
import type { TargetEntry } from '../../../src/core/target-options.js';
import { LoadBalancer, type LoadBalancerOptions } from '../../../src/load-balancer/index.js';
import { A, B, C, openBalancer, targetOf } from '../../contract/load-balancer.js';

const KEYS = Array.from({ length: 20_000 }, (_, number) => `user-${number}`);
const TEN = Array.from({ length: 10 }, (_, number) => `http://t${number}.test:3000/base`);

function open(targets: readonly TargetEntry[], options: LoadBalancerOptions = {}): LoadBalancer {
  return openBalancer(targets, { balance: 'consistent-hash', ...options }).balancer;
}

function homesIn(balancer: LoadBalancer): (string | undefined)[] {
  return KEYS.map((key) => balancer.pick({ key })?.url);
}

/** The part of the keys that are elsewhere now. */
function movedBetween(before: readonly unknown[], after: readonly unknown[]): number {
  return before.filter((home, index) => home !== after[index]).length / before.length;
}

describe('consistent-hash', () => {
  it('sends equal keys to one target, in every process and order of targets', () => {
    const homes = homesIn(open(TEN));
    expect(homesIn(open(TEN))).toEqual(homes);
    expect(homesIn(open([...TEN].reverse()))).toEqual(homes);
    expect(new Set(homes).size).toBe(10);
  });

  it('hashes as it always did, so that a rolling update moves no key', () => {
    expect(['', 'a', 'user-42', '\u0000', '__proto__'].map(hashText)).toMatchInlineSnapshot(`
      [
        2872998923,
        3873127206,
        3117168937,
        90457223,
        1112805694,
      ]
    `);
    expect(KEYS.slice(0, 6).map((key) => open([A, B, C]).pick({ key })?.url)).toMatchInlineSnapshot(`
      [
        "http://c.test",
        "http://a.test",
        "http://b.test",
        "http://b.test",
        "http://c.test",
        "http://a.test",
      ]
    `);
  });

  it('moves only the keys of a target that leaves, at most 1.5 times its fair share', () => {
    const before = homesIn(open(TEN));
    for (const [index, gone] of TEN.entries()) {
      const balancer = open(TEN);
      balancer.update(TEN.toSpliced(index, 1));
      const after = homesIn(balancer);
      expect(before.every((home, key) => home === gone || home === after[key])).toBe(true);
      expect(movedBetween(before, after)).toBeLessThanOrEqual(1.5 / 10);
    }
  });

  it('moves no other keys either where weights are heavy', () => {
    const heavy = TEN.map((url) => ({ url, weight: 1_000 }));
    const balancer = open(heavy);
    const before = homesIn(balancer);
    balancer.update(heavy.slice(1));
    const after = homesIn(balancer);
    expect(before.every((home, key) => home === TEN[0] || home === after[key])).toBe(true);
  });

  it('moves to a target that joins at most 1.5 times its fair share, and nothing between the others', () => {
    const balancer = open(TEN);
    const before = homesIn(balancer);
    balancer.update([...TEN, A]);
    const after = homesIn(balancer);
    expect(after.every((home, key) => home === A || home === before[key])).toBe(true);
    expect(movedBetween(before, after)).toBeLessThanOrEqual(1.5 / 11);
  });

  it('moves only the keys of a target that is out, and moves them back', () => {
    const { balancer, clock } = openBalancer(TEN, { balance: 'consistent-hash' });
    const before = homesIn(balancer);
    const gone = TEN[3] as string;
    targetOf(balancer, gone).eject(1_000, 'failures');
    const during = homesIn(balancer);
    expect(during).not.toContain(gone);
    expect(before.every((home, key) => home === gone || home === during[key])).toBe(true);
    clock.advance(1_000);
    expect(homesIn(balancer)).toEqual(before);
  });

  it('gives a target that is warming more and more of its keys, never taking one back', () => {
    const { balancer, clock } = openBalancer([A], { balance: 'ip-hash', slowStartMs: 1_000 });
    balancer.update([A, B]);
    let mine = new Set<string>();
    for (let step = 0; step <= 10; step++) {
      const now = new Set(KEYS.filter((key) => balancer.pick({ key })?.url === B));
      expect([...mine].every((key) => now.has(key))).toBe(true);
      expect(now.size).toBeGreaterThan(mine.size);
      mine = now;
      clock.advance(100);
    }
  });

  it('compares targets that are warming with each other while none is warm', () => {
    const { balancer, clock } = openBalancer([A, B], { balance: 'ip-hash', slowStartMs: 1_000 });
    for (const url of [B, A]) {
      targetOf(balancer, url).eject(1, 'failures');
      clock.advance(url === B ? 900 : 1);
    }
    const mine = KEYS.filter((key) => balancer.pick({ key })?.url === A).length / KEYS.length;
    expect(mine).toBeGreaterThan(0.09);
    expect(mine).toBeLessThan(0.11);
  });

  it('spreads the keys of one hot target over the next ones when it has more than 1.25 of the mean', () => {
    const balancer = open(TEN);
    for (let call = 0; call < 1_000; call++) balancer.pick({ key: 'hot' })?.begin();
    const loads = balancer.report().map(({ inFlight }) => inFlight);
    expect(Math.max(...loads)).toBeLessThanOrEqual(126);
    expect(Math.max(...loads)).toBeGreaterThanOrEqual(120);

    for (const target of balancer.targets) while (target.inFlight > 0) target.end({ result: 'success', durationMs: 1 });
    for (let call = 0; call < 100; call++) balancer.pick({ key: 'hot' })?.begin();
    expect(Math.max(...balancer.report().map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(13);
  });

  it('bounds the load of each for its weight', () => {
    const balancer = open([{ url: A, weight: 3 }, B]);
    for (let call = 0; call < 400; call++) balancer.pick({ key: KEYS[call] as string })?.begin();
    expect(targetOf(balancer, A).inFlight).toBeLessThanOrEqual(376);
    expect(targetOf(balancer, B).inFlight).toBeLessThanOrEqual(126);
  });

  it('keeps a key at its home whatever the load where the bound is Infinity', () => {
    const balancer = open(TEN, { balance: { strategy: 'consistent-hash', maxLoad: Infinity } });
    const homes = new Set<string | undefined>();
    for (let call = 0; call < 1_000; call++) {
      const target = balancer.pick({ key: 'hot' });
      homes.add(target?.url);
      target?.begin();
    }
    expect(homes.size).toBe(1);
  });

  it('bounds the load also of targets that came with calls in flight', () => {
    const balancer = open([A, B]);
    for (let call = 0; call < 100; call++) targetOf(balancer, A).begin();
    balancer.update([A, B, C]);
    for (const url of [B, C]) for (let call = 0; call < 20; call++) targetOf(balancer, url).begin();
    expect(KEYS.slice(0, 50).map((key) => balancer.pick({ key })?.url)).not.toContain(A);
    for (let call = 0; call < 100; call++) targetOf(balancer, A).end({ result: 'success', durationMs: 1 });
    expect(KEYS.slice(0, 50).map((key) => balancer.pick({ key })?.url)).toContain(A);
  });

  it('goes in turn without a key', () => {
    const balancer = open([A, B, C]);
    const urls = [undefined, null, '', undefined].map((key) => balancer.pick(key === undefined ? {} : { key })?.url);
    expect(urls).toEqual([A, B, C, A]);
  });

  it('spreads keys over many heavy targets', () => {
    const many = Array.from({ length: 2_000 }, (_, number) => ({ url: `http://t${number}.test`, weight: 1_000 }));
    const balancer = open(many);
    expect(new Set(KEYS.slice(0, 5_000).map((key) => balancer.pick({ key })?.url)).size).toBeGreaterThan(1_500);
  });

  it('tells keys apart by all that is in them', () => {
    const balancer = open(TEN);
    const urls = KEYS.map((key) => balancer.pick({ key: `${'a'.repeat(1_000)}${key}` })?.url);
    for (const one of TEN) {
      const share = urls.filter((url) => url === one).length / urls.length;
      expect(Math.abs(share - 0.1), one).toBeLessThan(0.01);
    }
  });
});
