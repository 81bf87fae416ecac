import { describe, expect, it } from 'vitest';
import { compose } from '../../src/core/compose.js';
import type { Context } from '../../src/core/context.js';
import { GatewayError } from '../../src/core/errors.js';
import { ConfigError } from '../../src/core/options.js';
import { refuse } from '../../src/core/refuse.js';
import type { GatewayResponse, Handler } from '../../src/core/types.js';
import { LoadBalancer } from '../../src/load-balancer/load-balancer.js';
import { loadBalance } from '../../src/load-balancer/middleware.js';
import type { LoadBalanceOptions } from '../../src/load-balancer/middleware-options.js';
import { AttemptRecord } from '../../src/proxy/attempt-record.js';
import type { DispatchOptions } from '../../src/proxy/dispatcher.js';
import { retry } from '../../src/retry/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

const [A, B, C] = ['http://a:3001', 'http://b:3001', 'http://c:3001'];
const SECRET = 'sticky-secret-of-32-bytes-or-more';

type Reply = number | Error;

/** A proxy without sockets: asks the destination, and tells it of the call as the real one does. */
function fakeProxy(replies: Record<string, Reply | (() => Reply)> = {}, asked: string[] = []): Handler {
  return function proxyHandler(ctx) {
    const url = ctx.destination?.url ?? 'http://nowhere';
    asked.push(url);
    const record = new AttemptRecord(
      ctx,
      { origin: url, method: 'GET', path: '/' } as DispatchOptions,
      ctx.destination,
    );
    const given = replies[url] ?? 200;
    const reply = typeof given === 'function' ? given() : given;
    if (reply instanceof Error) {
      record.end(ctx, reply);
      throw reply;
    }
    record.status = reply;
    record.answeredAt = ctx.clock.now();
    record.end(ctx, null);
    return { status: reply, headers: { 'x-from': url }, body: null };
  };
}

function refusedConnection(): GatewayError {
  const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:3001'), { code: 'ECONNREFUSED' });
  return new GatewayError('ERR_GATEWAY_UPSTREAM_UNREACHABLE', 'unreachable', { cause });
}

function setup(options: LoadBalanceOptions = {}) {
  const clock = new FakeClock();
  const balance = loadBalance({ targets: [A, B], clock, ...options });
  function request(overrides: FakeRequestOptions = {}): Context {
    return fakeContext(overrides, { clock });
  }
  function ask(next: Handler = fakeProxy(), overrides: FakeRequestOptions = {}): GatewayResponse {
    return balance(request(overrides), next) as GatewayResponse;
  }
  return { clock, balance, balancer: balance.balancer, request, ask };
}

describe('loadBalance', () => {
  it('writes where the proxy goes, and stays synchronous', () => {
    const { ask } = setup();
    expect([ask(), ask(), ask(), ask()].map(({ headers }) => headers['x-from'])).toEqual([A, B, A, B]);
  });

  it('hands on the very answer, untouched', () => {
    const { balance, request } = setup();
    const answer: GatewayResponse = { status: 200, headers: {}, body: 'ok' };
    expect(balance(request(), () => answer)).toBe(answer);
    expect(answer).toEqual({ status: 200, headers: {}, body: 'ok' });
    const later = Promise.resolve(answer);
    expect(balance(request(), () => later)).toBe(later);
  });

  it('choosing counts nothing: a call that is never made leaves nothing behind', () => {
    const { balance, balancer, request } = setup();
    for (let call = 0; call < 10; call++) {
      void balance(request(), () => ({ status: 200, headers: {}, body: null }));
      expect(() =>
        balance(request(), () => {
          throw new Error('before the call');
        }),
      ).toThrow('before the call');
    }
    expect(balancer.report().map(({ inFlight, requests }) => [inFlight, requests])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('counts the calls that the proxy makes', () => {
    const { ask, balancer } = setup();
    for (let call = 0; call < 5; call++) ask();
    expect(balancer.report().map(({ inFlight, requests }) => [inFlight, requests])).toEqual([
      [0, 3],
      [0, 2],
    ]);
  });

  it('refuses with 503 where there are no targets, and names none', () => {
    const { balance, request } = setup({ targets: [] });
    const ctx = request();
    const { status, headers, body } = balance(ctx, fakeProxy()) as GatewayResponse;
    expect([status, headers['retry-after'], ctx.refusal]).toEqual([503, '1', 'ERR_GATEWAY_NO_TARGETS']);
    expect(ctx.reason).toBe('the upstream has no targets');
    expect(body).not.toContain('target');
  });

  it('refuses where all are out and none may be asked all the same', () => {
    const { balance, balancer, request } = setup({ panicThreshold: 0 });
    for (const url of [A, B]) balancer.setHealth(url, false);
    const ctx = request();
    expect((balance(ctx, fakeProxy()) as GatewayResponse).status).toBe(503);
    expect(ctx.reason).toBe('none of 2 targets is available');
  });

  it('closes the balancer that it made, and no other', () => {
    const { balance, balancer } = setup();
    balance.close();
    expect(balancer.pick()).toBeNull();
    const shared = new LoadBalancer({ targets: [A] });
    const other = loadBalance({ balancer: shared });
    expect(other.balancer).toBe(shared);
    other.close();
    expect(shared.pick()?.url).toBe(A);
  });
});

describe('loadBalance: keys and zones', () => {
  it('equal keys go to one target', () => {
    const { ask } = setup({ targets: [A, B, C], balance: { strategy: 'consistent-hash', by: { header: 'x-user' } } });
    const users = Array.from({ length: 31 }, (_, user) => `user-${user}`);
    const first = users.map((user) => ask(fakeProxy(), { headers: { 'X-User': user } }).headers['x-from']);
    const second = users.map((user) => ask(fakeProxy(), { headers: { 'X-User': user } }).headers['x-from']);
    expect(second).toEqual(first);
    expect(new Set(first).size).toBe(3);
  });

  it("the address is the key of 'ip-hash', also of a balancer that was made elsewhere", () => {
    const balancer = new LoadBalancer({ targets: [A, B, C], balance: 'ip-hash' });
    const { balance } = { balance: loadBalance({ balancer }) };
    const from = (clientIp: string) =>
      (balance(fakeContext({ clientIp }), fakeProxy()) as GatewayResponse).headers['x-from'];
    const addresses = Array.from({ length: 31 }, (_, host) => `192.0.2.${host}`);
    expect(addresses.map(from)).toEqual(addresses.map(from));
    expect(new Set(addresses.map(from)).size).toBe(3);
  });

  const zoned: LoadBalanceOptions = {
    targets: [
      { url: A, zone: 'eu' },
      { url: B, zone: 'us' },
    ],
    zone: 'eu',
  };

  it.each([
    ['a header', { header: 'x-zone' }],
    ['a function', (ctx: Context) => ctx.request.headers['x-zone'] as string | undefined],
  ])('a request goes to the zone that %s tells, and else to the own one', (_, zoneBy) => {
    const { ask } = setup({ ...zoned, zoneBy });
    for (let call = 0; call < 5; call++) {
      expect(ask(fakeProxy(), { headers: { 'x-zone': 'us' } }).headers['x-from']).toBe(B);
      expect(ask().headers['x-from']).toBe(A);
    }
  });

  it('a function that fails breaks no request', () => {
    const { ask } = setup({
      ...zoned,
      zoneBy: () => {
        throw new Error('no database');
      },
    });
    for (let call = 0; call < 4; call++) expect(ask().headers['x-from']).toBe(A);
  });

  it('a zone that no target stands in means all of them', () => {
    const { ask } = setup({ ...zoned, zoneBy: { header: 'x-zone' } });
    const from = [1, 2].map(() => ask(fakeProxy(), { headers: { 'x-zone': '__proto__' } }).headers['x-from']);
    expect(new Set(from)).toEqual(new Set([A, B]));
  });
});

describe('loadBalance: retries', () => {
  it('another attempt goes to another target, as long as there is one', () => {
    const { balance, request } = setup({ targets: [A, B, C] });
    const ctx = request();
    const asked: string[] = [];
    for (let attempt = 0; attempt < 3; attempt++) void balance(ctx, fakeProxy({}, asked));
    expect(new Set(asked)).toEqual(new Set([A, B, C]));
    expect(ctx.triedDestinations?.map(({ url }) => url)).toEqual(asked.slice(0, 2));
    void balance(ctx, fakeProxy({}, asked));
    expect(asked).toHaveLength(4);
  });

  it('a key says where to begin, and not where to stay', () => {
    const { balance, request } = setup({ targets: [A, B, C], balance: 'ip-hash' });
    const ctx = request();
    const asked: string[] = [];
    for (let attempt = 0; attempt < 3; attempt++) void balance(ctx, fakeProxy({}, asked));
    expect(new Set(asked)).toEqual(new Set([A, B, C]));
    void balance(request(), fakeProxy({}, asked));
    expect(asked[3]).toBe(asked[0]);
  });

  it('a first attempt writes down nothing', () => {
    const { balance, request } = setup();
    const ctx = request();
    void balance(ctx, fakeProxy());
    expect(ctx.triedDestinations).toBeNull();
  });

  it('under retry(), no GET fails while one of two targets refuses connections', async () => {
    const { balance, request } = setup({ outlier: false });
    const handler = compose([retry({ backoffMs: 0, budget: false }), balance], fakeProxy({ [A]: refusedConnection() }));
    for (let call = 0; call < 20; call++) {
      const ctx = fakeContext();
      expect((await handler(ctx)).status).toBe(200);
    }
    expect(request().destination).toBeNull();
  });
});

describe('loadBalance: outliers', () => {
  it('a target that refuses connections is out after five failures, with the reason, and back in time', () => {
    const { balance, balancer, request, clock } = setup();
    const asked: string[] = [];
    const proxy = fakeProxy({ [A]: refusedConnection() }, asked);
    for (let call = 0; call < 40; call++) {
      try {
        void balance(request(), proxy);
      } catch {
        // The failure is the client's to see: there is no retry here.
      }
    }
    expect(asked.filter((url) => url === A)).toHaveLength(5);
    const [report] = balancer.report();
    expect([report?.state, report?.reason]).toEqual(['ejected', '5 failures in a row, the last ECONNREFUSED']);
    clock.advance(30_000);
    expect(balancer.report()[0]?.state).toBe('healthy');
  });

  it('says which status it was', () => {
    const { ask, balancer } = setup();
    for (let call = 0; call < 10; call++) ask(fakeProxy({ [A]: 503 }));
    expect(balancer.report()[0]?.reason).toBe('5 failures in a row, the last status 503');
  });

  it('takes its own options, and the statuses that are failures', () => {
    const { ask, balancer } = setup({ outlier: { consecutiveFailures: 2, ejectMs: 5 }, failureStatuses: [429] });
    for (let call = 0; call < 4; call++) ask(fakeProxy({ [A]: 429, [B]: 500 }));
    expect(balancer.report().map(({ state }) => state)).toEqual(['ejected', 'healthy']);
  });

  it('false turns it off', () => {
    const { ask, balancer } = setup({ outlier: false });
    for (let call = 0; call < 100; call++) ask(fakeProxy({ [A]: 500 }));
    expect(balancer.report()[0]?.state).toBe('healthy');
  });

  it('a client that leaves is no failure of a target', () => {
    const { balance, balancer, request } = setup();
    const left = new GatewayError('ERR_GATEWAY_CLIENT_CLOSED', 'the client left');
    for (let call = 0; call < 100; call++)
      expect(() => balance(request(), fakeProxy({ [A]: left, [B]: left }))).toThrow();
    expect(balancer.report().map(({ state, failures }) => [state, failures])).toEqual([
      ['healthy', 0],
      ['healthy', 0],
    ]);
  });

  it('a reason quotes no message', () => {
    const { balance, balancer, request } = setup({ outlier: { consecutiveFailures: 1 } });
    const error = Object.assign(new Error('secret of a client'), { code: 'secret of a client' });
    expect(() => balance(request(), fakeProxy({ [A]: error }))).toThrow();
    expect(balancer.report()[0]?.reason).toBe('1 failure in a row, the last an error');
  });

  it('a balancer that was made elsewhere keeps its own listener', () => {
    const results: string[] = [];
    const balancer = new LoadBalancer({ targets: [A] });
    balancer.onResult = (target, result) => results.push(`${target.url} ${result}`);
    void loadBalance({ balancer })(fakeContext(), fakeProxy());
    expect(results).toEqual([`${A} success`]);
  });
});

describe('loadBalance: sticky', () => {
  const sticky = { secrets: SECRET };

  /** A browser: keeps the cookie that it got last. */
  function browser(options: LoadBalanceOptions = {}) {
    const parts = setup({ targets: [A, B, C], sticky, ...options });
    let cookie = 'theme=dark';
    function visit(next: Handler = fakeProxy()) {
      const { headers } = parts.ask(next, { headers: { cookie } });
      const [given] = [headers['set-cookie'] ?? []].flat().filter((field) => field.startsWith('gateway-target='));
      if (given !== undefined) cookie = `theme=dark; ${given.split(';')[0]}`;
      return { from: headers['x-from'], isTold: given !== undefined };
    }
    return { ...parts, visit };
  }

  it('a client stays where it was first, and is told once', () => {
    const { visit } = browser();
    const { from, isTold } = visit();
    expect(isTold).toBe(true);
    for (let call = 0; call < 10; call++) expect(visit()).toEqual({ from, isTold: false });
  });

  it('goes elsewhere and is told when its target is out, and stays there when that comes back', () => {
    const { visit, balancer } = browser();
    const { from: first } = visit();
    balancer.setHealth(first as string, false);
    const second = visit();
    expect(second.isTold).toBe(true);
    expect(second.from).not.toBe(first);
    balancer.setHealth(first as string, true);
    expect(visit()).toEqual({ from: second.from, isTold: false });
  });

  it('goes elsewhere when its target has left, and stays when another one leaves', () => {
    const { visit, balancer } = browser();
    const { from } = visit();
    balancer.update([from as string]);
    expect(visit()).toEqual({ from, isTold: false });
    balancer.update([A, B, C].filter((url) => url !== from));
    expect(visit().isTold).toBe(true);
  });

  it('every gateway with the secret knows the cookie', () => {
    const one = setup({ targets: [A, B, C], sticky });
    const other = setup({ targets: [C, B, A], sticky });
    const { headers } = one.ask();
    const [cookie = ''] = (headers['set-cookie'] as string[]).map((field) => field.split(';')[0]);
    for (let call = 0; call < 5; call++) {
      const again = other.ask(fakeProxy(), { headers: { cookie } });
      expect([again.headers['x-from'], again.headers['set-cookie']]).toEqual([headers['x-from'], undefined]);
    }
  });

  it('the cookies of the upstream survive, also where the answer comes later', async () => {
    const { balance, request } = setup({ sticky });
    const answer = (): GatewayResponse => ({
      status: 200,
      headers: { 'set-cookie': ['session=1', 'a=2'] },
      body: null,
    });
    const { headers } = await balance(request(), () => Promise.resolve(answer()));
    expect(headers['set-cookie']).toEqual(['session=1', 'a=2', expect.stringMatching(/^gateway-target=/)]);
  });

  it('the cookie stays with the gateway', () => {
    const { balance, request, ask } = setup({ sticky });
    const [given = ''] = [ask().headers['set-cookie'] ?? []].flat();
    const ctx = request({ headers: { cookie: `session=1; ${given.split(';')[0]}` } });
    void balance(ctx, fakeProxy());
    expect(ctx.drafted?.headers.cookie).toBe('session=1');
  });

  it('after a retry it names the target that answered', async () => {
    const { balance, balancer, clock } = setup({ targets: [A, B], sticky, outlier: false });
    const broken = fakeProxy({ [A]: refusedConnection() });
    const handler = compose([retry({ backoffMs: 0, budget: false }), balance], broken);
    const { headers } = await handler(fakeContext({}, { clock }));
    expect(headers['x-from']).toBe(B);
    const fields = headers['set-cookie'] as string[];
    expect(fields).toHaveLength(1);
    const cookie = fields[0]?.split(';')[0] as string;
    for (let call = 0; call < 4; call++) {
      const again = balance(fakeContext({ headers: { cookie } }), fakeProxy()) as GatewayResponse;
      expect([again.headers['x-from'], again.headers['set-cookie']]).toEqual([B, undefined]);
    }
    expect(balancer.report().every(({ inFlight }) => inFlight === 0)).toBe(true);
  });

  it('a retry leaves the target of the cookie, and the cookie follows', () => {
    const { balance, request, ask } = setup({ targets: [A, B], sticky });
    const first = ask();
    const cookie = (first.headers['set-cookie'] as string[])[0]?.split(';')[0] as string;
    const ctx = request({ headers: { cookie } });
    const one = balance(ctx, fakeProxy()) as GatewayResponse;
    const two = balance(ctx, fakeProxy()) as GatewayResponse;
    expect(one.headers['x-from']).toBe(first.headers['x-from']);
    expect(two.headers['x-from']).not.toBe(one.headers['x-from']);
    expect(two.headers['set-cookie']).toHaveLength(1);
  });

  it('the only target is asked again, and nobody is told what he knows', () => {
    const { balance, request, ask } = setup({ targets: [A], sticky });
    const cookie = (ask().headers['set-cookie'] as string[])[0]?.split(';')[0] as string;
    const ctx = request({ headers: { cookie } });
    void balance(ctx, fakeProxy());
    expect((balance(ctx, fakeProxy()) as GatewayResponse).headers).toEqual({ 'x-from': A });
  });

  it("the gateway's own answers set no cookie", () => {
    const { ask, balance, balancer, request } = setup({ sticky, panicThreshold: 0 });
    expect(ask((ctx) => refuse(ctx, 'ERR_GATEWAY_UPSTREAM_BUSY')).headers['set-cookie']).toBeUndefined();
    for (const url of [A, B]) balancer.setHealth(url, false);
    expect((balance(request(), fakeProxy()) as GatewayResponse).headers['set-cookie']).toBeUndefined();
  });

  it.each(['forged', '', 'http://evil.test:80', '__proto__', 'A'.repeat(102_400), '%0d%0aset-cookie:x=1'])(
    'a cookie that is not ours changes nothing but that a good one is set: %.30s',
    (value) => {
      const { ask, balancer } = setup({ sticky });
      const { headers } = ask(fakeProxy(), { headers: { cookie: `gateway-target=${value}` } });
      expect([A, B]).toContain(headers['x-from']);
      expect(headers['set-cookie']).toEqual([expect.stringMatching(/^gateway-target=[\w-]{22}; Path=\/; HttpOnly; /)]);
      expect(balancer.targets.map(({ url }) => url)).toEqual([A, B]);
    },
  );

  it('a failure passes as it is', async () => {
    const { balance, request } = setup({ sticky });
    const error = refusedConnection();
    expect(() => balance(request(), fakeProxy({ [A]: error, [B]: error }))).toThrow(error);
    await expect(balance(request(), () => Promise.reject(error))).rejects.toBe(error);
  });
});

describe('loadBalance: options', () => {
  function faultsOf(options: unknown): string[] {
    try {
      loadBalance(options as LoadBalanceOptions);
      return [];
    } catch (error) {
      return (error as ConfigError).faults.map(({ path, message }) => `${path}: ${message}`).sort();
    }
  }

  it('tells every fault at once, at its path', () => {
    const options = {
      targets: ['ftp://a', B],
      outlier: { minRequest: 1, ejectMs: 2, maxEjectMs: 1 },
      sticky: { secrets: 'short' },
      zoneBy: { header: 'x y' },
      balancing: 'random',
    };
    expect(faultsOf(options).map((fault) => fault.split(':')[0])).toEqual([
      'balancing',
      'outlier.maxEjectMs',
      'outlier.minRequest',
      'sticky.secrets',
      'targets[0]',
      'zoneBy.header',
    ]);
  });

  it.each([
    [{ outlier: true }, /^outlier: got true, expected false/],
    [{ balancer: {} }, /^balancer: got an object, expected a LoadBalancer/],
    [{ balancer: new LoadBalancer(), targets: [A] }, /^targets: balancer has its own targets/],
    [{ balancer: new LoadBalancer(), outlier: {} }, /^outlier: balancer has its own outlier/],
    [{ balancer: new LoadBalancer(), zone: 'eu' }, /^zone: balancer has its own zone/],
  ])('refuses %j', (options, message) => {
    expect(faultsOf(options)).toEqual([expect.stringMatching(message)]);
  });

  it.each([[{ targets: [A], sticky: SECRET }], [{ targets: [A], sticky: [SECRET] }]])(
    'shows no secret: %#',
    (options) => {
      expect(faultsOf(options)).toHaveLength(1);
      expect(faultsOf(options).join()).not.toContain(SECRET);
    },
  );
});
