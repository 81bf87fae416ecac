import { describe, expect, it, vi } from 'vitest';
import { watchLoop, type WatchLoopOptions } from '../../src/discovery/index.js';
import { FakeClock } from '../support/fake-clock.js';

function setUp(round: (signal: AbortSignal) => Promise<number>, options: WatchLoopOptions = {}) {
  const clock = new FakeClock();
  const errors: string[] = [];
  const rounds = vi.fn(round);
  const stop = watchLoop(rounds, ({ message }) => errors.push(message), { clock, random: () => 0.5, ...options });
  return { clock, errors, rounds, stop };
}

function failing(): Promise<number> {
  return Promise.reject(new Error('no answer'));
}

describe('watchLoop', () => {
  it('begins after it has returned, and waits between rounds as each says', async () => {
    const { clock, rounds } = setUp(() => Promise.resolve(5_000));
    expect(rounds).not.toHaveBeenCalled();
    await clock.advanceAsync(1);
    expect(rounds).toHaveBeenCalledTimes(1);
    await clock.advanceAsync(4_999);
    expect(rounds).toHaveBeenCalledTimes(1);
    await clock.advanceAsync(1);
    expect(rounds).toHaveBeenCalledTimes(2);
  });

  it.each([
    [0, [250, 500, 1_000, 1_000]],
    [0.5, [375, 750, 1_500, 1_500]],
    [0.999, [499, 999, 1_999, 1_999]],
  ])('waits longer after each failure, with %d of the jitter', async (random, waits) => {
    const { clock } = setUp(failing, { backoffMs: 500, maxBackoffMs: 2_000, random: () => random });
    await clock.advanceAsync(1);
    for (const wait of waits) {
      expect(Math.floor(clock.nextInMs ?? 0)).toBe(wait);
      await clock.advanceAsync(wait);
    }
  });

  it('tells every failure, be it no Error, and begins anew after a success', async () => {
    const outcomes = [failing, failing, () => Promise.resolve(10), () => Promise.reject(new Error('again'))];
    const { clock, errors } = setUp(() => (outcomes.shift() ?? failing)());
    await clock.advanceAsync(1);
    await clock.advanceAsync(375);
    await clock.advanceAsync(750);
    await clock.advanceAsync(10);
    expect(errors).toEqual(['no answer', 'no answer', 'again']);
    expect(clock.nextInMs).toBe(375);
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a user's round may do.
    outcomes.push(() => Promise.reject('a text'));
    await clock.advanceAsync(375);
    expect(errors.at(-1)).toBe('a text');
  });

  it('does not count what came before a round that held for long', async () => {
    let endRound = (): void => undefined;
    const { clock } = setUp(
      () =>
        new Promise((_resolve, reject) => {
          endRound = () => {
            reject(new Error('broken'));
          };
        }),
    );
    for (const [heldMs, waitMs] of [
      [10, 375],
      [10, 750],
      [30_000, 375],
    ] as const) {
      await clock.advanceAsync(clock.nextInMs ?? 0);
      await clock.advanceAsync(heldMs);
      endRound();
      await clock.advanceAsync(0);
      expect(clock.nextInMs).toBe(waitMs);
    }
  });

  it.each([['before its first round'], ['between two'], ['within one'], ['within one that fails of it']])(
    'leaves nothing behind when it is ended %s',
    async (when) => {
      let signal: AbortSignal | null = null;
      const { clock, errors, rounds, stop } = setUp((given) => {
        signal = given;
        return new Promise((resolve, reject) => {
          given.addEventListener('abort', () => {
            if (when.endsWith('it')) reject(new Error('aborted'));
            else resolve(1);
          });
          if (when === 'between two') resolve(100);
        });
      });
      if (when !== 'before its first round') await clock.advanceAsync(1);
      const before = rounds.mock.calls.length;
      stop();
      stop();
      await clock.advanceAsync(60_000);
      expect([clock.pending, errors, rounds.mock.calls.length]).toEqual([0, [], before]);
      expect((signal as AbortSignal | null)?.aborted).toBe(before === 0 ? undefined : true);
    },
  );

  it('adds no listener per round to what ends it', async () => {
    const added = vi.fn();
    const removed = vi.fn();
    const { clock } = setUp((signal) => {
      vi.spyOn(signal, 'addEventListener').mockImplementation(added);
      vi.spyOn(signal, 'removeEventListener').mockImplementation(removed);
      return Promise.resolve(10);
    });
    await clock.advanceAsync(1_000);
    expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThanOrEqual(1);
    expect(added.mock.calls.length).toBeGreaterThan(50);
  });
});
