import { describe, expect, it, vi } from 'vitest';
import type { Attempt } from '../../src/core/attempt.js';
import { GatewayError } from '../../src/core/errors.js';
import { ConfigError } from '../../src/core/options.js';
import { LoadBalancer, type TargetChange } from '../../src/load-balancer/index.js';
import { A, B, C, openBalancer, sharesOf, targetOf } from '../contract/load-balancer.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext } from '../support/request.js';

function attempt(parts: Partial<Attempt> = {}): Attempt {
  const times = { startedAt: 100, sentAt: 101, connectMs: 0, answeredAt: 130, endedAt: 900 };
  const request = { number: 1, origin: A, method: 'GET', url: '/' };
  return { ...request, ...times, status: 200, bytesSent: 0, bytesReceived: 0, error: null, ...parts };
}

describe('LoadBalancer', () => {
  it('takes its targets in turn where nothing else is said', () => {
    const balancer = new LoadBalancer({ targets: [A, B, C] });
    expect([1, 2, 3, 4].map(() => balancer.pick()?.url)).toEqual([A, B, C, A]);
  });

  it('goes on in turn after a change, so that changes favour nobody', () => {
    const { balancer } = openBalancer([A, B, C]);
    let changes = 0;
    const share = sharesOfPicks(30, () => {
      balancer.setHealth(C, true);
      balancer.update([A, B, { url: C, zone: `z${++changes}` }]);
      return balancer.pick()?.url ?? '';
    });
    expect(share(A)).toBeCloseTo(1 / 3);
    expect(share(C)).toBeCloseTo(1 / 3);
  });

  it('keeps its list of targets while nothing of it changes', () => {
    const { balancer } = openBalancer([A, { url: B, weight: 2 }]);
    const before = balancer.targets;
    balancer.update([`${A}/`, { url: B, weight: 2, priority: 0 }]);
    expect(balancer.targets).toBe(before);
    balancer.update([A, { url: B, weight: 3 }]);
    expect(balancer.targets).not.toBe(before);
    expect(targetOf(balancer, B).weight).toBe(3);
  });

  it('keeps the old set where a new one is wrong', () => {
    const { balancer } = openBalancer([A, B]);
    for (const wrong of [[A, A], [{ url: A, weight: 0 }], [{ url: A, weight: -1 }], ['ftp://x'], [{}], 'x', null])
      expect(() => {
        balancer.update(wrong as never);
      }, JSON.stringify(wrong)).toThrow(ConfigError);
    expect(balancer.report().map(({ url }) => url)).toEqual([A, B]);
  });

  it('knows a target by its URL in whatever spelling, and ignores one that it does not know', () => {
    const { balancer } = openBalancer(['http://a.test:80/', B]);
    balancer.setHealth('http://A.test', false, 'HTTP 500');
    expect(targetOf(balancer, A)).toMatchObject({ state: 'unhealthy', reason: 'HTTP 500', isAvailable: false });
    for (const url of ['http://x.test', '', '__proto__', '::']) balancer.setHealth(url, false);
    expect(balancer.report().map(({ state }) => state)).toEqual(['unhealthy', 'healthy']);
  });

  it('lets a target out of an ejection only when its longest one is over', () => {
    const { balancer, clock } = openBalancer([A, B]);
    const a = targetOf(balancer, A);
    a.eject(1_000, 'first');
    a.eject(10, 'second');
    clock.advance(500);
    expect([a.state, a.reason]).toEqual(['ejected', 'second']);
    clock.advance(500);
    expect([a.state, a.reason, a.isAvailable]).toEqual(['healthy', null, true]);
  });

  it('an unhealthy target stays out when its ejection is over', () => {
    const { balancer, clock } = openBalancer([A, B]);
    targetOf(balancer, A).eject(1_000, 'failures');
    balancer.setHealth(A, false, 'no answer');
    clock.advance(2_000);
    expect(targetOf(balancer, A)).toMatchObject({ state: 'unhealthy', reason: 'no answer' });
    balancer.setHealth(A, true);
    expect(targetOf(balancer, A).state).toBe('healthy');
  });

  describe('report', () => {
    it('says of each target what it is, what it gets and why it is out', () => {
      const { balancer } = openBalancer([
        { url: A, weight: 3, zone: 'x' },
        { url: B, weight: 1 },
        { url: C, backup: true },
      ]);
      targetOf(balancer, A).begin();
      targetOf(balancer, B).begin();
      targetOf(balancer, B).end({ result: 'failure', durationMs: 5 });
      balancer.setHealth(C, false, 'HTTP 500');
      expect(balancer.report()).toEqual([
        report(A, { weight: 3, share: 0.75, zone: 'x', inFlight: 1 }),
        report(B, { share: 0.25, requests: 1, failures: 1 }),
        report(C, { state: 'unhealthy', reason: 'HTTP 500', priority: 1 }),
      ]);
    });

    it('says what everybody gets in a panic', () => {
      const { balancer } = openBalancer([A, B]);
      balancer.setHealth(A, false);
      balancer.setHealth(B, false);
      expect(balancer.isPanicking).toBe(true);
      expect(balancer.report().map(({ share }) => share)).toEqual([0.5, 0.5]);
    });

    function report(url: string, parts: object): object {
      const nothing = { share: 0, zone: '', priority: 0, inFlight: 0, requests: 0, failures: 0 };
      return { url, state: 'healthy', reason: null, weight: 1, ...nothing, ...parts };
    }
  });

  describe('onChange', () => {
    it('tells every step once: added, out, back, removed', () => {
      const { balancer, clock } = openBalancer([A], { slowStartMs: 100 });
      const changes: TargetChange[] = [];
      const end = balancer.onChange((change) => changes.push(change));
      balancer.update([A, B]);
      targetOf(balancer, A).eject(1_000, 'failures');
      balancer.setHealth(A, false, 'HTTP 500');
      balancer.setHealth(A, false, 'HTTP 503');
      balancer.setHealth(A, true);
      clock.advance(1_000);
      balancer.pick();
      clock.advance(100);
      balancer.pick();
      balancer.update([A]);
      end();
      balancer.update([C]);
      expect(changes).toEqual([
        { url: B, from: null, to: 'warming', reason: null },
        { url: A, from: 'healthy', to: 'ejected', reason: 'failures' },
        { url: A, from: 'ejected', to: 'unhealthy', reason: 'HTTP 500' },
        // A check that finds it well ends its ejection, too.
        { url: A, from: 'unhealthy', to: 'warming', reason: null },
        { url: A, from: 'warming', to: 'healthy', reason: null },
        { url: B, from: 'warming', to: 'healthy', reason: null },
        { url: B, from: 'healthy', to: null, reason: null },
      ]);
    });

    it('a listener that throws, or changes something at once, breaks nothing', () => {
      const { balancer, clock } = openBalancer([A, B, C]);
      const heard = vi.fn();
      const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      balancer.onChange(() => {
        throw new Error('broken');
      });
      balancer.onChange(({ to }) => {
        if (to === 'healthy') balancer.setHealth(B, false, 'told by a listener');
      });
      balancer.onChange(heard);
      targetOf(balancer, A).eject(1_000, 'failures');
      clock.advance(1_000);
      balancer.pick();
      expect(sharesOf(balancer, 100)(B)).toBe(0);
      expect(heard).toHaveBeenCalledTimes(3);
      emit.mockRestore();
    });
  });

  describe('a call', () => {
    it('is counted while it is in flight, and when it has ended', async () => {
      const { balancer } = openBalancer([A]);
      const a = targetOf(balancer, A);
      await expect(balancer.execute((target) => Promise.resolve([target.url, target.inFlight]))).resolves.toEqual([
        A,
        1,
      ]);
      await expect(balancer.execute(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
      const gaveUp = Object.assign(new Error('gave up'), { name: 'AbortError' });
      await expect(
        balancer.execute(() => {
          throw gaveUp;
        }),
      ).rejects.toBe(gaveUp);
      expect(a).toMatchObject({ inFlight: 0, requests: 3, failures: 1 });
    });

    it('fails with a code where there is no target', async () => {
      const { balancer } = openBalancer([]);
      await expect(balancer.execute(() => 1)).rejects.toMatchObject({ code: 'ERR_GATEWAY_NO_TARGETS' });
    });

    it('of a proxy is told with its result and the time until its answer', () => {
      const { balancer } = openBalancer([A], { failureStatuses: [429] });
      const a = targetOf(balancer, A);
      const told: unknown[][] = [];
      balancer.onResult = (_target, ...rest) => told.push(rest);
      const reset = new GatewayError('ERR_GATEWAY_UPSTREAM_RESET', 'reset', {
        cause: Object.assign(new Error(), { code: 'ECONNRESET' }),
      });
      const busy = new GatewayError('ERR_GATEWAY_UPSTREAM_BUSY', 'busy');
      for (const ended of [
        attempt(),
        attempt({ status: 500 }),
        attempt({ status: 429 }),
        attempt({ status: 0, answeredAt: NaN, error: reset }),
        attempt({ status: 0, answeredAt: NaN, endedAt: 101, error: busy }),
      ]) {
        a.onAttemptStart();
        a.onAttemptEnd(fakeContext(), ended);
      }
      expect(told).toEqual([
        ['success', 30, null],
        ['success', 30, null],
        ['failure', 30, 'status 429'],
        ['failure', 800, 'ECONNRESET'],
        ['neither', 1, null],
      ]);
      expect(a).toMatchObject({ inFlight: 0, requests: 5, failures: 2 });
    });

    it('says nothing of its target when the client left', () => {
      const { balancer } = openBalancer([A]);
      const ctx = fakeContext();
      ctx.abort(new Error('left'));
      targetOf(balancer, A).onAttemptStart();
      targetOf(balancer, A).onAttemptEnd(ctx, attempt({ answeredAt: NaN, status: 0, error: new Error('left') }));
      expect(targetOf(balancer, A)).toMatchObject({ inFlight: 0, failures: 0 });
    });

    it('is not broken by a listener that throws', async () => {
      const { balancer } = openBalancer([A]);
      const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      balancer.onResult = () => {
        throw new Error('broken');
      };
      await expect(balancer.execute(() => 'fine')).resolves.toBe('fine');
      expect(targetOf(balancer, A)).toMatchObject({ inFlight: 0, requests: 1 });
      emit.mockRestore();
    });
  });

  describe('a target that leaves', () => {
    it('tells those who keep something for it, once; later ones at once', () => {
      const { balancer } = openBalancer([A, B]);
      const a = targetOf(balancer, A);
      const [early, late] = [vi.fn(), vi.fn()];
      a.onDeparture(early);
      balancer.update([B, C]);
      expect(early).toHaveBeenCalledTimes(1);
      balancer.update([B]);
      a.onDeparture(late);
      expect([early.mock.calls.length, late.mock.calls.length]).toEqual([1, 1]);
    });

    it('is a new one when it comes back, whatever becomes of the old one', () => {
      const { balancer } = openBalancer([A, B]);
      const old = targetOf(balancer, A);
      old.begin();
      balancer.update([B]);
      balancer.update([A, B]);
      const heard = vi.fn();
      balancer.onChange(heard);
      old.eject(1_000, 'late news');
      old.end({ result: 'failure', durationMs: 1 });
      expect(targetOf(balancer, A)).toMatchObject({ inFlight: 0, failures: 0, state: 'healthy' });
      expect(sharesOf(balancer, 10)(A)).toBe(0.5);
      expect(heard).not.toHaveBeenCalled();
    });
  });

  it('lets go of everything when it is closed', () => {
    const clock = new FakeClock();
    const balancer = new LoadBalancer({ targets: [A, B], clock, slowStartMs: 1_000 });
    const departed = vi.fn();
    targetOf(balancer, A).onDeparture(departed);
    balancer.close();
    balancer.close();
    expect([balancer.pick(), balancer.report(), departed.mock.calls.length]).toEqual([null, [], 1]);
    expect(clock.pending).toBe(0);
  });
});

function sharesOfPicks(picks: number, pick: () => string): (url: string) => number {
  const urls = Array.from({ length: picks }, pick);
  return (url) => urls.filter((picked) => picked === url).length / picks;
}
