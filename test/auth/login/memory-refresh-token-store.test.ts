import { describe, expect, it } from 'vitest';
import {
  MemoryRefreshTokenStore,
  type MemoryRefreshTokenStoreOptions,
} from '../../../src/auth/login/memory-refresh-token-store.js';
import { ConfigError } from '../../../src/core/options.js';
import { describeRefreshTokenStore, family, tokenHash } from '../../contract/refresh-token-store.js';
import { FakeClock } from '../../support/fake-clock.js';

describeRefreshTokenStore('MemoryRefreshTokenStore', () => {
  const clock = new FakeClock();
  return { store: new MemoryRefreshTokenStore({ clock }), advance: (ms) => clock.advance(ms) };
});

describe('a full MemoryRefreshTokenStore', () => {
  function filled(ttls: Readonly<Record<string, number>>) {
    const clock = new FakeClock();
    const store = new MemoryRefreshTokenStore({ maxFamilies: 3, clock });
    for (const [name, ttlMs] of Object.entries(ttls)) store.create(family(name), tokenHash(1), name, ttlMs);

    /** The families that are good, which are used up by asking. */
    function good(...names: readonly string[]): string[] {
      return names.filter((name) => {
        const { outcome } = store.rotate(family(name), tokenHash(1), tokenHash(1), 60_000);
        return outcome === 'rotated';
      });
    }

    return { clock, store, good };
  }

  it('forgets the family that has not been refreshed for longest', () => {
    const { store, good } = filled({ ada: 60_000, bob: 60_000, eve: 60_000 });
    store.rotate(family('ada'), tokenHash(1), tokenHash(1), 60_000);
    store.create(family('zoe'), tokenHash(1), 'zoe', 60_000);
    expect(good('ada', 'bob', 'eve', 'zoe')).toEqual(['ada', 'eve', 'zoe']);
  });

  it('forgets expired families before a good one, however old that is', () => {
    const { clock, store, good } = filled({ ada: 60_000, bob: 10_000, eve: 20_000 });
    clock.advance(20_000);
    store.create(family('zoe'), tokenHash(1), 'zoe', 60_000);
    store.create(family('joe'), tokenHash(1), 'joe', 60_000);
    expect(good('ada', 'bob', 'eve', 'zoe', 'joe')).toEqual(['ada', 'zoe', 'joe']);
  });

  it('finds what expires after an earlier sweep', () => {
    const { clock, store, good } = filled({ ada: 60_000, bob: 10_000, eve: 20_000 });
    clock.advance(10_000);
    store.create(family('zoe'), tokenHash(1), 'zoe', 60_000);
    clock.advance(10_000);
    store.create(family('joe'), tokenHash(1), 'joe', 60_000);
    expect(good('ada', 'bob', 'eve', 'zoe', 'joe')).toEqual(['ada', 'zoe', 'joe']);
  });
});

describe('MemoryRefreshTokenStore', () => {
  it('is not moved by a change of the wall clock', () => {
    const clock = new FakeClock();
    const store = new MemoryRefreshTokenStore({ clock });
    store.create(family('ada'), tokenHash(1), '', 60_000);
    clock.advanceWall(3_600_000);
    expect(store.rotate(family('ada'), tokenHash(1), tokenHash(2), 60_000).outcome).toBe('rotated');
  });

  it.each([{ maxFamilies: 0 }, { maxFamilies: 1.5 }, { maxFamilies: '5' }, { clock: 5 }, { maxFamily: 5 }])(
    'does not start with %j',
    (options) => {
      expect(() => new MemoryRefreshTokenStore(options as MemoryRefreshTokenStoreOptions)).toThrow(ConfigError);
    },
  );
});
