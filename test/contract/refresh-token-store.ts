/** What every store of refresh tokens must do. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { RefreshRotation, RefreshTokenStore } from '../../src/auth/login/refresh-token-store.js';
import { seededRandom } from '../support/random.js';

export interface OpenedRefreshTokenStore {
  readonly store: RefreshTokenStore;
  /** Lets time pass for the store. */
  advance(ms: number): Promise<void> | void;
}

const MINUTE = 60_000;

/** A name of 22 characters. */
export function family(name: string): string {
  return name.padEnd(22, '_');
}

/** A text of 43 characters, as a SHA-256 in base64url is one. */
export function tokenHash(name: string | number): string {
  return `${name}`.padEnd(43, '-');
}

/** @param open A store without families. */
export function describeRefreshTokenStore(
  name: string,
  open: () => Promise<OpenedRefreshTokenStore> | OpenedRefreshTokenStore,
): void {
  describe(name, () => {
    let opened: OpenedRefreshTokenStore;
    let store: RefreshTokenStore;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });

    async function rotate(of: string, from: string | number, to: string | number): Promise<string> {
      const { outcome } = await store.rotate(family(of), tokenHash(from), tokenHash(to), MINUTE);
      return outcome;
    }

    async function create(of: string, data = '{}', ttlMs = MINUTE): Promise<void> {
      await store.create(family(of), tokenHash(1), data, ttlMs);
    }

    it.each(['', '{}', 'a:b', '"\\\n\0', 'é中👩‍🚀', '-'.repeat(43), 'x'.repeat(65_536)])(
      'gives back what a family was created with, at every rotation: %j',
      async (data) => {
        await create('ada', data);
        for (const step of [1, 2, 3]) {
          const rotation = await store.rotate(family('ada'), tokenHash(step), tokenHash(step + 1), MINUTE);
          expect(rotation).toEqual({ outcome: 'rotated', data });
        }
      },
    );

    it('revokes a family whose earlier token comes again', async () => {
      await create('ada');
      expect(await rotate('ada', 1, 2)).toBe('rotated');
      expect(await rotate('ada', 1, 3)).toBe('reused');
      expect(await rotate('ada', 2, 4)).toBe('unknown');
      expect(await rotate('ada', 3, 4)).toBe('unknown');
    });

    it('revokes a family for a hash that it has never had', async () => {
      await create('ada');
      expect(await rotate('ada', 'forged', 2)).toBe('reused');
      expect(await rotate('ada', 1, 2)).toBe('unknown');
    });

    it('takes no part of a hash for all of it', async () => {
      await create('ada');
      const { outcome } = await store.rotate(family('ada'), tokenHash(1).slice(0, -1), tokenHash(2), MINUTE);
      expect(outcome).toBe('reused');
    });

    it('knows nothing of a family that was never created', async () => {
      expect(await rotate('nobody', 1, 2)).toBe('unknown');
      expect(await rotate('nobody', 2, 3)).toBe('unknown');
    });

    it('keeps families apart', async () => {
      await create('ada', 'of ada');
      await create('bob', 'of bob');
      expect(await rotate('ada', 'forged', 2)).toBe('reused');
      expect(await store.rotate(family('bob'), tokenHash(1), tokenHash(2), MINUTE)).toEqual({
        outcome: 'rotated',
        data: 'of bob',
      });
    });

    it('forgets a family that is revoked, and takes no offence at one that is not there', async () => {
      await create('ada');
      await store.revoke(family('ada'));
      await store.revoke(family('ada'));
      await store.revoke(family('nobody'));
      expect(await rotate('ada', 1, 2)).toBe('unknown');
    });

    it('lets exactly one of many calls with the same token win, and the next of them revokes', async () => {
      await create('ada');
      const calls = Array.from({ length: 20 }, async (_, index) => await rotate('ada', 1, `next ${index}`));
      const outcomes = (await Promise.all(calls)).sort();
      expect(outcomes).toEqual(['reused', 'rotated', ...Array<string>(18).fill('unknown')]);
    });

    it('forgets a family when its time is over', async () => {
      await create('ada', '{}', 10_000);
      await create('bob', '{}', 20_000);
      await opened.advance(10_000);
      expect(await rotate('ada', 1, 2)).toBe('unknown');
      expect(await rotate('bob', 1, 2)).toBe('rotated');
    });

    it('counts the time anew from each rotation', async () => {
      await create('ada', '{}', 10_000);
      await opened.advance(5_000);
      await store.rotate(family('ada'), tokenHash(1), tokenHash(2), 30_000);
      await opened.advance(20_000);
      expect(await rotate('ada', 2, 3)).toBe('rotated');
      await store.rotate(family('ada'), tokenHash(3), tokenHash(4), 5_000);
      await opened.advance(5_000);
      expect(await rotate('ada', 4, 5)).toBe('unknown');
    });

    it.each(['__proto__', 'constructor', 'toString'])('takes %s for a name like any other', async (odd) => {
      expect((await store.rotate(odd, tokenHash(1), tokenHash(2), MINUTE)).outcome).toBe('unknown');
      await store.create(odd, tokenHash(1), 'odd', MINUTE);
      expect(await store.rotate(odd, tokenHash(1), tokenHash(2), MINUTE)).toEqual({ outcome: 'rotated', data: 'odd' });
      await store.revoke(odd);
    });

    it('does what a family of one latest token would do, whatever the order of calls', async () => {
      const random = seededRandom(7);
      const latest = new Map<string, number>();
      for (let step = 0; step < 300; step++) {
        const of = random.pick(['ada', 'bob', 'eve']);
        const call = random.int(10);
        const known = latest.get(of);
        if (call < 2) {
          await create(of, of);
          latest.set(of, 1);
        } else if (call === 2) {
          await store.revoke(family(of));
          latest.delete(of);
        } else {
          const from = random.int(4) === 0 ? random.int(4) : (known ?? 1);
          const expected: RefreshRotation =
            known === undefined
              ? { outcome: 'unknown' }
              : known === from
                ? { outcome: 'rotated', data: of }
                : { outcome: 'reused' };
          expect(await store.rotate(family(of), tokenHash(from), tokenHash(from + 1), MINUTE)).toEqual(expected);
          if (expected.outcome === 'rotated') latest.set(of, from + 1);
          else latest.delete(of);
        }
      }
    });
  });
}
