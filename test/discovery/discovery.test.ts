import { describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import {
  Discovery,
  type DiscoveryEvent,
  type DiscoveryOptions,
  type DiscoverySource,
} from '../../src/discovery/index.js';
import { FakeClock } from '../support/fake-clock.js';

/** A source that says what a test says. */
class FakeSource implements DiscoverySource {
  readonly name = 'fake';
  /** Subscriptions since the start. */
  subscribed = 0;
  /** Those that were ended. */
  ended = 0;
  #onTargets: (targets: never) => void = unheard;
  #onError: (error: Error) => void = unheard;

  subscribe(onTargets: (targets: never) => void, onError: (error: Error) => void): () => void {
    this.subscribed++;
    this.#onTargets = onTargets;
    this.#onError = onError;
    return () => {
      this.ended++;
    };
  }

  tell(...urls: readonly unknown[]): void {
    this.tellAny(urls.map((url) => (typeof url === 'string' ? { url } : url)));
  }

  tellAny(told: unknown): void {
    this.#onTargets(told as never);
  }

  fail(message = 'no answer'): void {
    this.#onError(new Error(message));
  }
}

function unheard(): void {
  throw new Error('nobody listens');
}

const A = 'http://a.test:80';
const B = 'http://b.test:81';
const C = 'http://c.test:82';

function setUp(options: Partial<DiscoveryOptions> = {}) {
  const clock = new FakeClock();
  const source = new FakeSource();
  const events: DiscoveryEvent[] = [];
  const sets: string[][] = [];
  const onEvent = (event: DiscoveryEvent): void => void events.push(event);
  const discovery = new Discovery({ source, clock, onEvent, ...options });
  const unsubscribe = discovery.subscribe((targets) => sets.push(targets.map(({ url }) => url)));
  return { clock, source, discovery, unsubscribe, sets, events, states: () => events.map(({ state }) => state) };
}

describe('Discovery', () => {
  it('tells the first set at once, with everything written out', () => {
    const source = new FakeSource();
    const discovery = new Discovery({ source, clock: new FakeClock() });
    const listener = vi.fn();
    discovery.subscribe(listener);
    source.tell('http://A.test:80/', { url: B, weight: 3, zone: 'z', backup: true });
    expect(listener.mock.calls).toEqual([
      [
        [
          { url: 'http://a.test', weight: 1, zone: '', priority: 0 },
          { url: B, weight: 3, zone: 'z', priority: 1 },
        ],
      ],
    ]);
  });

  it('makes one change of a burst, debounceMs after its beginning, however long it lasts', () => {
    const { clock, source, sets } = setUp({ debounceMs: 100 });
    source.tell(A);
    for (let change = 0; change < 9; change++) {
      source.tell(A, `http://new-${change}.test`);
      clock.advance(30);
    }
    expect(sets).toEqual([
      ['http://a.test'],
      ['http://a.test', 'http://new-3.test'],
      ['http://a.test', 'http://new-7.test'],
    ]);
  });

  it('uses every set at once where debounceMs is 0', () => {
    const { source, sets, clock } = setUp({ debounceMs: 0 });
    source.tell(A);
    source.tell(B);
    expect(sets).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('does not tell a set again that is the same, in whatever order', () => {
    const { source, sets } = setUp({ debounceMs: 0 });
    source.tell(A, { url: B, weight: 2 });
    source.tell({ url: `${B}/`, weight: 2 }, A);
    expect(sets).toHaveLength(1);
  });

  it.each([
    { weight: 3, zone: 'z', priority: 1 },
    { weight: 2, zone: 'y', priority: 1 },
    { weight: 2, zone: 'z', priority: 2 },
  ])('tells a set in which a target has become %o', (change) => {
    const { source, sets } = setUp({ debounceMs: 0 });
    source.tell({ url: A, weight: 2, zone: 'z', priority: 1 });
    source.tell({ url: A, ...change });
    expect(sets).toHaveLength(2);
  });

  it('takes the first of what is told twice', () => {
    const source = new FakeSource();
    const discovery = new Discovery({ source, clock: new FakeClock() });
    discovery.subscribe(() => undefined);
    source.tell({ url: 'http://a.test', weight: 5 }, 'http://A.test:80/');
    expect(discovery.report()).toMatchObject({ targets: [{ url: 'http://a.test', weight: 5 }], refused: 0 });
  });

  describe('of a source that fails', () => {
    it('keeps the last good set for maxStaleMs, then has none, and tells of each once', () => {
      const { clock, source, sets, events } = setUp({ maxStaleMs: 1_000 });
      source.tell(A, B);
      for (let second = 0; second < 10; second++) {
        source.fail('connection refused');
        clock.advance(99);
      }
      expect(sets).toHaveLength(1);
      clock.advance(10);
      expect(sets).toEqual([['http://a.test', B], []]);
      source.fail();
      source.fail();
      expect(events).toMatchObject([
        { state: 'up', source: 'fake', targets: 2, reason: null },
        { state: 'stale', targets: 2, reason: 'connection refused' },
        { state: 'lost', targets: 0, reason: 'for 1000 ms there was nothing better: connection refused' },
      ]);
      expect(clock.pending).toBe(0);
    });

    it('is lost for the reason that there was last', () => {
      const { clock, source, events } = setUp({ maxStaleMs: 1_000 });
      source.tell(A);
      source.fail('connection refused');
      source.fail('status 500');
      clock.advance(1_000);
      expect(events.at(-1)?.reason).toBe('for 1000 ms there was nothing better: status 500');
    });

    it('is up again with its next set, which is told where it is another', () => {
      const { clock, source, sets, states } = setUp({ maxStaleMs: 1_000, debounceMs: 0 });
      source.tell(A);
      source.fail();
      source.tell(A);
      expect(states()).toEqual(['up', 'stale', 'up']);
      clock.advance(1_000);
      expect(sets).toHaveLength(1);
      source.fail();
      clock.advance(1_000);
      source.tell(A);
      expect(states()).toEqual(['up', 'stale', 'up', 'stale', 'lost', 'up']);
      expect(sets).toEqual([['http://a.test'], [], ['http://a.test']]);
    });

    it('keeps it for ever where maxStaleMs is Infinity', () => {
      const { clock, source, sets, discovery } = setUp({ maxStaleMs: Infinity });
      source.tell(A);
      source.fail();
      expect(clock.pending).toBe(0);
      clock.advance(1e9);
      expect(sets).toHaveLength(1);
      expect(discovery.report()).toMatchObject({ state: 'stale', ageMs: 1e9, error: 'no answer' });
    });

    it('is lost at once where there never was a set, and tells none', () => {
      const { source, sets, states, discovery } = setUp();
      source.fail();
      source.fail();
      expect([sets, states()]).toEqual([[], ['lost']]);
      expect(discovery.report()).toMatchObject({ state: 'lost', targets: [], ageMs: null, error: 'no answer' });
    });

    it('has its last set before the failure used first', () => {
      const { source, clock, sets, states } = setUp();
      source.tell(A);
      source.tell(B);
      source.fail();
      expect(sets).toEqual([['http://a.test'], [B]]);
      expect(states()).toEqual(['up', 'stale']);
      clock.advance(200);
      expect(states()).toEqual(['up', 'stale']);
    });

    it('shows neither a secret nor a text without end', () => {
      const { source, events } = setUp();
      source.fail(`password=hunter2 https://me:hunter2@consul/ ${'x'.repeat(1e6)}`);
      expect(events[0]?.reason).not.toContain('hunter2');
      expect(events[0]?.reason?.length).toBeLessThan(400);
    });
  });

  describe('of a set that is too small', () => {
    it('keeps the last good set, tells it once, and believes it after maxStaleMs', () => {
      const { clock, source, sets, events } = setUp({ minTargets: 2, debounceMs: 0, maxStaleMs: 1_000 });
      source.tell(A, B, C);
      source.tell(A);
      source.tell(A);
      expect(sets).toHaveLength(1);
      clock.advance(1_000);
      source.tell(A);
      expect(sets.slice(1)).toEqual([['http://a.test']]);
      expect(events).toMatchObject([
        { state: 'up', targets: 3 },
        { state: 'stale', targets: 3, reason: 'of what it told, 1 get requests, fewer than minTargets, 2' },
        { state: 'up', targets: 1 },
      ]);
    });

    it.each([
      ['nothing', []],
      ['nothing valid', ['ftp://a.test', { url: 'http://user:pass@b.test' }]],
      ['nothing that gets a request', [{ url: A, weight: 0 }]],
    ])('does not trust %s', (_what, told) => {
      const { clock, source, sets, states } = setUp({ debounceMs: 0 });
      source.tell(A);
      source.tell(...told);
      expect(sets).toHaveLength(1);
      expect(states().slice(0, 2)).toEqual(['up', 'stale']);
      clock.advance(300_000);
      source.tell(...told);
      expect(states().at(-1)).toBe('lost');
    });

    it('uses it where there is no better one', () => {
      const { source, sets, states } = setUp({ minTargets: 3, debounceMs: 0 });
      source.tell(A);
      source.tell(A, B);
      expect(sets).toHaveLength(2);
      expect(states()).toEqual(['up']);
    });

    it('believes an empty set where minTargets is 0', () => {
      const { source, sets, states } = setUp({ minTargets: 0, debounceMs: 0 });
      source.tell(A);
      source.tell();
      expect(sets).toEqual([['http://a.test'], []]);
      expect(states()).toEqual(['up']);
    });

    it('is lost, and no more, where the first set is empty', () => {
      const { source, sets, events } = setUp();
      source.tell();
      source.tell();
      expect(sets).toEqual([[]]);
      expect(events).toMatchObject([{ state: 'lost', reason: 'it told no target that gets requests' }]);
      source.tell(A);
      expect(sets).toHaveLength(2);
    });
  });

  describe('of targets that must not be', () => {
    it.each([
      ['ftp://a.test', 'targets[1].url: got "ftp://a.test", expected an http:// or https:// URL'],
      ['http://user:pass@a.test', 'targets[1].url: got "http://[redacted]@a.test", expected'],
      ['http://10.1.2.3', '10.1.2.3 is not among allowedAddresses'],
      ['http://169.254.169.254/latest', '169.254.169.254 is not among allowedAddresses'],
      ['http://0x7f.1', '127.0.0.1 is not among allowedAddresses'],
      ['http://2130706433', '127.0.0.1 is not among allowedAddresses'],
      ['http://[::1]', '::1 is not among allowedAddresses'],
      ['http://[::ffff:10.0.0.1]', '10.0.0.1 is not among allowedAddresses'],
      [{ url: A, weight: -1 }, 'targets[1].weight: got -1'],
      [{ url: A, wieght: 1 }, 'targets[1].wieght: unknown option; did you mean weight?'],
      [{ url: A, priority: 1, backup: true }, 'targets[1]: backup is another name'],
      [null, 'targets[1]: got null'],
      [7, 'targets[1]: got 7'],
    ])('leaves %o out, and tells it once', (bad, reason) => {
      const { source, sets, events, discovery } = setUp({ debounceMs: 0 });
      source.tell(B, bad);
      source.tell(B, bad, C);
      expect(sets).toEqual([[B], [B, C]]);
      expect(events).toMatchObject([{ state: 'up' }, { state: 'refused', targets: 1 }]);
      expect(events[1]?.reason).toContain(`1 left out; of the first: ${reason}`);
      expect(discovery.report()).toMatchObject({ state: 'up', refused: 1 });
    });

    it('tells it again after a set that was all right', () => {
      const { source, states } = setUp({ debounceMs: 0 });
      source.tell(B, 'ftp://a.test');
      source.tell(B);
      source.tell(B, 'ftp://a.test');
      expect(states()).toEqual(['up', 'refused', 'refused']);
    });

    it('goes by allowedHosts, of which an address is one', () => {
      const { source, sets, discovery } = setUp({
        allowedHosts: ['*.internal', '192.0.2.1'],
        allowedAddresses: ['192.0.2.0/24'],
      });
      source.tell(
        'http://users.internal',
        'http://USERS.internal.',
        'http://internal',
        'http://192.0.2.1',
        'http://192.0.2.2',
      );
      expect(sets).toEqual([['http://users.internal', 'http://192.0.2.1']]);
      expect(discovery.report().refused).toBe(3);
    });

    it('goes by allowedAddresses', () => {
      const { source, sets } = setUp({ allowedAddresses: ['uniquelocal', 'loopback'] });
      source.tell('http://10.1.2.3', 'http://[::1]:81', 'http://8.8.8.8');
      expect(sets).toEqual([['http://10.1.2.3', 'http://[::1]:81']]);
    });

    it('uses maxTargets of a set that is larger', () => {
      const { source, sets, events } = setUp();
      source.tell(...Array.from({ length: 100_000 }, (_, index) => `http://t${index}.test`));
      expect(sets[0]).toHaveLength(10_000);
      expect(events[1]).toMatchObject({
        state: 'refused',
        reason: '90000 left out; of the first: 100000 targets are more than maxTargets, 10000',
      });
    });

    it('takes names of Object.prototype for what they are', () => {
      const { source, sets } = setUp();
      source.tell('http://__proto__', { url: 'http://constructor', zone: '__proto__' });
      expect(sets).toEqual([['http://__proto__', 'http://constructor']]);
    });
  });

  describe('of a source that does as it likes', () => {
    it.each([[undefined], [null], ['http://a.test'], [{ targets: [] }], [new Map()]])(
      'takes %o for a failure',
      (told) => {
        const { source, sets, states, discovery } = setUp({ debounceMs: 0 });
        source.tell(A);
        source.tellAny(told);
        expect(sets).toHaveLength(1);
        expect(states()).toEqual(['up', 'stale']);
        expect(discovery.report().error).toContain('in the place of a list of targets');
      },
    );

    it('takes a throw from subscribe for a failure, and can be subscribed to again', () => {
      let times = 0;
      const source: DiscoverySource = {
        name: 'broken',
        subscribe(onTargets) {
          if (times++ === 0) throw new Error('no such registry');
          onTargets([{ url: A }]);
          return () => undefined;
        },
      };
      const { discovery, sets, states, unsubscribe } = setUp({ source });
      expect([sets, states()]).toEqual([[], ['lost']]);
      unsubscribe();
      discovery.subscribe(() => undefined);
      expect(discovery.report().state).toBe('up');
    });

    it('hears nothing after the end', () => {
      const { clock, source, sets, events, unsubscribe } = setUp();
      source.tell(A);
      source.tell(B);
      unsubscribe();
      source.tell(C);
      source.fail();
      clock.advance(1e6);
      expect([sets.length, events.length, clock.pending]).toEqual([1, 1, 0]);
    });

    it('hears what is told before subscribe returns, be it that the listener closes it all', () => {
      const end = vi.fn();
      const source: DiscoverySource = {
        name: 'hasty',
        subscribe(onTargets, onError) {
          onTargets([{ url: A }]);
          onTargets([{ url: B }]);
          onError(new Error('late'));
          return end;
        },
      };
      const clock = new FakeClock();
      const onEvent = vi.fn();
      const discovery = new Discovery({ source, clock, onEvent });
      const listener = vi.fn(() => {
        discovery.close();
      });
      discovery.subscribe(listener);
      expect(listener).toHaveBeenCalledOnce();
      expect(onEvent).not.toHaveBeenCalled();
      expect(end).toHaveBeenCalledOnce();
      expect([clock.pending, discovery.report().state]).toEqual([0, 'idle']);
    });

    it.each([
      [
        'throws',
        () => () => {
          throw new Error('stuck');
        },
      ],
      ['is none', () => undefined],
    ])('bears that what ends it %s', (_what, subscribe) => {
      const { unsubscribe } = setUp({ source: { name: 'odd', subscribe } as unknown as DiscoverySource });
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      unsubscribe();
      expect(warning).toHaveBeenCalledOnce();
      warning.mockRestore();
    });
  });

  describe('listeners', () => {
    it('watch the source from the first to the last', () => {
      const { source, discovery, unsubscribe } = setUp();
      const second = discovery.subscribe(() => undefined);
      expect(source).toMatchObject({ subscribed: 1, ended: 0 });
      unsubscribe();
      unsubscribe();
      expect(source.ended).toBe(0);
      second();
      expect(source).toMatchObject({ subscribed: 1, ended: 1 });
      expect(discovery.report()).toEqual({
        source: 'fake',
        state: 'idle',
        targets: [],
        refused: 0,
        ageMs: null,
        error: null,
      });
      discovery.subscribe(() => undefined);
      expect(source.subscribed).toBe(2);
      expect(discovery.report().state).toBe('starting');
    });

    it('that come later are told the set in use at once, and once', () => {
      const { source, discovery, sets } = setUp({ debounceMs: 0 });
      const late = vi.fn();
      const offFirst = discovery.subscribe(() => {
        offFirst();
        discovery.subscribe(late);
      });
      source.tell(A);
      expect(late).toHaveBeenCalledOnce();
      const later = vi.fn();
      discovery.subscribe(later);
      expect(later).toHaveBeenCalledOnce();
      source.tell(B);
      expect([late, later, { mock: { calls: sets } }].map(({ mock }) => mock.calls.length)).toEqual([2, 2, 2]);
    });

    it('that are gone hear nothing, be it that another has just ended them', () => {
      const { source, discovery } = setUp();
      const gone = vi.fn();
      discovery.subscribe(() => {
        offSecond();
      });
      const offSecond = discovery.subscribe(gone);
      source.tell(A);
      expect(gone).not.toHaveBeenCalled();
    });

    it('that throw harm neither the others nor the source, and are told as a warning', () => {
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const { source, discovery } = setUp({
        debounceMs: 0,
        onEvent() {
          throw new Error('log is full');
        },
      });
      discovery.subscribe(() => {
        throw new Error('oops');
      });
      const last = vi.fn();
      discovery.subscribe(last);
      source.tell(A);
      source.tell(B);
      expect(last).toHaveBeenCalledTimes(2);
      expect(warning).toHaveBeenCalledOnce();
      warning.mockRestore();
    });

    it('of events may close it', () => {
      const clock = new FakeClock();
      const source = new FakeSource();
      const discovery: Discovery = new Discovery({
        source,
        clock,
        onEvent: ({ state }) => state === 'stale' && discovery.close(),
      });
      discovery.subscribe(() => undefined);
      source.tell(A);
      source.tell(B);
      source.fail();
      expect([clock.pending, source.ended, discovery.report().state]).toEqual([0, 1, 'idle']);
    });
  });

  it('reports how old its set is', () => {
    const { clock, source, discovery } = setUp();
    source.tell(A);
    clock.advance(5_000);
    expect(discovery.report()).toMatchObject({ source: 'fake', state: 'up', ageMs: 5_000, error: null });
    source.tell(A);
    clock.advance(200);
    expect(discovery.report().ageMs).toBe(0);
  });

  it('tells every fault of its options at once', () => {
    const options = {
      source: { name: 'x' },
      minTargets: 5,
      maxTargets: 4,
      debounceMs: -1,
      maxStaleMs: '5m',
      allowedHosts: ['a b'],
      alowedAddresses: [],
    };
    const faults = [
      'source: got an object, expected a DiscoverySource, such as dnsSource(...)',
      'debounceMs: got -1',
      'maxStaleMs: got "5m"',
      'allowedHosts[0]: got "a b"',
      'alowedAddresses: unknown option; did you mean allowedAddresses?',
      'minTargets: is 5, above maxTargets, 4',
    ];
    const create = (): Discovery => new Discovery(options as unknown as DiscoveryOptions);
    expect(create).toThrow(ConfigError);
    for (const fault of faults) expect(create).toThrow(fault);
    expect(() => new Discovery({} as DiscoveryOptions)).toThrow('source: missing');
  });
});
