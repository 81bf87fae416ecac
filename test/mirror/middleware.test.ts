import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { keepBody } from '../../src/core/buffer-body.js';
import type { Context } from '../../src/core/context.js';
import { ConfigError } from '../../src/core/options.js';
import { refuse } from '../../src/core/refuse.js';
import type { Body, ByteStream, GatewayResponse, Handler } from '../../src/core/types.js';
import { UpstreamFields } from '../../src/core/upstream-fields.js';
import { mirror, type MirrorMiddleware, type MirrorOptions } from '../../src/mirror/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { bodyText, fakeContext, type FakeRequestOptions } from '../support/request.js';

const ALL = { methods: '*' } as const;
const NONE = { sent: 0, failed: 0, dropped: 0, inFlight: 0 };

function ok(body: Body = 'ok'): GatewayResponse {
  return { status: 200, headers: {}, body };
}

/** The service: reads the body that goes upstream, and echoes it. */
const service: Handler = async (ctx) => ok(await bodyText((ctx.drafted ?? ctx.request).body));

interface Copies {
  readonly gate: MirrorMiddleware;
  /** What the shadow has seen. */
  readonly seen: Context[];
  readonly clock: FakeClock;
}

function copies(options: Partial<MirrorOptions> = {}, answer: Handler = () => ok()): Copies {
  const seen: Context[] = [];
  const clock = new FakeClock();
  const to: Handler = (ctx) => {
    seen.push(ctx);
    return answer(ctx);
  };
  return { gate: mirror({ to, clock, ...options }), seen, clock };
}

function post(body: Body, headers = {}): FakeRequestOptions {
  return { method: 'POST', url: '/orders?a=b', headers, body };
}

function stream(...chunks: readonly string[]): Readable {
  return Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
}

/** A shadow that never answers. */
const hang: Handler = () => new Promise(() => undefined);

function bodyOf(ctx: Context | undefined): Body | undefined {
  return (ctx?.drafted ?? ctx?.request)?.body;
}

describe('mirror', () => {
  it('sends a copy, and answers with what the service answers', async () => {
    const { gate, seen } = copies();
    const answer = ok('from the service');
    const ctx = fakeContext({ url: '/users/42?a=b', headers: { accept: 'text/plain' } });
    expect(gate(ctx, () => answer)).toBe(answer);
    await turn();
    expect(seen[0]?.request).toMatchObject({ method: 'GET', rawPath: '/users/42', query: '?a=b', body: null });
    expect(seen[0]?.request.headers).toEqual(ctx.request.headers);
    expect(gate.stats()).toEqual({ ...NONE, sent: 1 });
  });

  it('lets the request go on before its copy', async () => {
    const order: string[] = [];
    const { gate } = copies({ to: () => (order.push('shadow'), ok()) });
    await gate(fakeContext(), () => (order.push('service'), ok()));
    expect(order).toEqual(['service', 'shadow']);
  });

  it('is another exchange: who is asked and in whose name is the same, the connection is not', () => {
    const { gate, seen } = copies();
    const ctx = fakeContext({ raw: { socket: 'of the client' } });
    const route = { id: 'r', path: '/', params: {}, names: [], values: [], rest: '/x' };
    const identity = { id: 'ann', scheme: 'jwt', claims: {}, scopes: [], roles: [] };
    const given = { route, identity, requestId: 'req-1', params: { id: '1' }, tenant: 'acme', apiVersion: '2' };
    Object.assign(ctx, given, { trace: { traceparent: 'x' }, destination: {} });
    ctx.setUpstreamFields(new UpstreamFields({ 'x-user-id': 'ann' }));
    void gate(ctx, () => ok());
    expect(seen[0]).toMatchObject({ ...given, trace: null, destination: null });
    expect(seen[0]?.upstreamFields?.fields).toEqual({ 'x-user-id': 'ann', 'x-gateway-shadow': '1' });
    expect(seen[0]?.request.raw).toBeNull();
  });

  it('lets no client pass for a shadow, in whatever spelling, be its request copied or not', async () => {
    for (const name of ['x-gateway-shadow', 'X_Gateway_Shadow']) {
      for (const share of [0, 1]) {
        const ctx = fakeContext({ headers: { [name]: '1' } });
        await copies({ share }).gate(ctx, () => ok());
        expect(ctx.draft().headers).toEqual({ host: 'gateway.test', 'x-gateway-shadow': undefined });
      }
    }
  });

  it('copies the draft as it is at that moment, whatever becomes of it', async () => {
    const { gate, seen } = copies();
    const ctx = fakeContext({ headers: { 'x-a': '1' } });
    Object.assign(ctx.draft(), { url: '/new?x=y' }).headers['x-b'] = '2';
    await gate(ctx, () => {
      ctx.draft().headers['x-b'] = 'later';
      ctx.draft().url = '/later';
      return ok();
    });
    expect(seen[0]?.drafted).toMatchObject({
      url: '/new?x=y',
      headers: { 'x-a': '1', 'x-b': '2', 'x-gateway-shadow': '1' },
    });
    expect(ctx.draft().headers['x-gateway-shadow']).toBeUndefined();
  });

  describe('bodies', () => {
    it('are the same on both sides, and keep what is said of them', async () => {
      const { gate, seen } = copies(ALL);
      const ctx = fakeContext(post(stream('one, ', 'two'), { 'content-length': '8' }));
      expect((await gate(ctx, service)).body).toBe('one, two');
      await turn();
      expect(await bodyText(bodyOf(seen[0]) ?? null)).toBe('one, two');
      expect(ctx.drafted).toBeNull();
      expect(seen[0]?.drafted).toBeNull();
      expect(seen[0]?.request.headers['content-length']).toBe('8');
    });

    it('are copied at the pace of the service, which may begin late', async () => {
      const { gate, seen } = copies(ALL);
      const late: Handler = async (ctx) => {
        for (let wait = 0; wait < 5; wait++) await turn();
        expect(seen).toHaveLength(0);
        return service(ctx);
      };
      const body = stream('one, ', 'two');
      expect((await gate(fakeContext(post(body)), late)).body).toBe('one, two');
      await turn();
      expect(await bodyText(bodyOf(seen[0]) ?? null)).toBe('one, two');
      expect(body.listenerCount('data')).toBe(0);
    });

    it('are copied where a retry inside keeps them', async () => {
      const { gate, seen } = copies(ALL);
      const keeping: Handler = async (ctx) => {
        await keepBody(ctx, ctx.request.body as ByteStream, 100);
        return service(ctx);
      };
      expect((await gate(fakeContext(post(stream('one, ', 'two'))), keeping)).body).toBe('one, two');
      await turn();
      expect(await bodyText(bodyOf(seen[0]) ?? null)).toBe('one, two');
    });

    it("are copied from a stream that is none of Node's", async () => {
      const { gate, seen } = copies(ALL);
      const inner = stream('one, ', 'two');
      const body: ByteStream = {
        pipe: (to) => inner.pipe(to),
        destroy: () => inner.destroy(),
        [Symbol.asyncIterator]: () => inner[Symbol.asyncIterator](),
      };
      expect((await gate(fakeContext(post(body)), service)).body).toBe('one, two');
      await turn();
      expect(await bodyText(bodyOf(seen[0]) ?? null)).toBe('one, two');
    });

    it('that are here already are shared, and their length is counted anew', async () => {
      const { gate, seen } = copies(ALL);
      const bytes = Buffer.from('replaced');
      const ctx = fakeContext(post(stream('original'), { 'content-length': '99' }));
      ctx.draft().body = bytes;
      await gate(ctx, () => ok());
      expect(bodyOf(seen[0])).toBe(bytes);
      expect(seen[0]?.drafted?.headers).not.toHaveProperty('content-length');
      expect(ctx.drafted?.headers['content-length']).toBe('99');
    });

    it.each<[string, Body, object]>([
      ['a stream', stream('12345', '6'), {}],
      ['a stream that says so', stream('123456'), { 'content-length': '6' }],
      ['bytes', Buffer.from('123456'), {}],
      ['text of wide characters', 'éé\u00e9', {}],
    ])('over the cap are not copied, and reach the service whole: %s', async (_case, body, headers) => {
      const { gate, seen } = copies({ ...ALL, maxBodyBytes: 5 });
      const { body: answer } = await gate(fakeContext(post(body, headers)), service);
      expect(Buffer.byteLength(answer as string)).toBe(6);
      await turn();
      expect(seen).toEqual([]);
      expect(gate.stats()).toEqual({ ...NONE, dropped: 1 });
    });

    it('that say that they are over the cap take no place', () => {
      const { gate } = copies({ ...ALL, maxBodyBytes: 5 });
      void gate(fakeContext(post(stream('123456'), { 'content-length': '6' })), () => ok());
      expect(gate.stats()).toEqual({ ...NONE, dropped: 1 });
    });

    it('of exactly the cap are copied', async () => {
      const { gate, seen } = copies({ ...ALL, maxBodyBytes: 6 });
      await gate(fakeContext(post(stream('12345', '6'))), service);
      await turn();
      expect(String(bodyOf(seen[0]) as Uint8Array)).toBe('123456');
    });

    it('that break off take their copy along', async () => {
      const { gate, seen } = copies(ALL);
      const body = new Readable({ read: () => undefined });
      body.push('half of');
      const ctx = fakeContext(post(body));
      const answer = Promise.resolve(gate(ctx, service));
      await turn();
      expect(gate.stats()).toEqual({ ...NONE, inFlight: 1 });
      body.destroy(new Error('left'));
      await expect(answer).rejects.toThrow('left');
      expect(gate.stats()).toEqual({ ...NONE, dropped: 1 });
      expect(seen).toEqual([]);
    });

    it('that nobody reads take their copy along when the exchange is over', () => {
      const { gate } = copies(ALL);
      const body = stream('unread');
      const ctx = fakeContext(post(body));
      void gate(ctx, () => ok());
      expect(gate.stats().inFlight).toBe(1);
      ctx.finish({ status: 200, aborted: false });
      expect(gate.stats()).toEqual({ ...NONE, dropped: 1 });
      expect(body.listenerCount('data')).toBe(0);
      void gate(ctx, () => ok());
      expect(gate.stats()).toEqual({ ...NONE, dropped: 2 });
    });

    it('that have been read already are not copied in part', async () => {
      const { gate, seen } = copies(ALL);
      const body = stream('one', 'two');
      await body[Symbol.asyncIterator]().next();
      void gate(fakeContext(post(body)), () => ok());
      expect(gate.stats()).toEqual({ ...NONE, dropped: 1 });
      expect(seen).toEqual([]);
    });
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY'])('copies a %s only where it is named', (method) => {
    const byDefault = copies();
    void byDefault.gate(fakeContext({ method }), () => ok());
    expect(byDefault.seen).toHaveLength(0);
    const named = copies({ methods: [method] });
    void named.gate(fakeContext({ method }), () => ok());
    void named.gate(fakeContext(), () => ok());
    expect(named.seen).toHaveLength(1);
  });

  it.each(['GET', 'HEAD', 'OPTIONS'])('copies a %s by default', (method) => {
    const { gate, seen } = copies();
    void gate(fakeContext({ method }), () => ok());
    expect(seen).toHaveLength(1);
  });

  it('copies the share that it is told to', () => {
    const chances = [0.09, 0.1, 0.5];
    const { gate, seen } = copies({ share: 0.1, random: () => chances.shift() ?? 1 });
    for (let request = 0; request < 3; request++) void gate(fakeContext(), () => ok());
    expect(seen).toHaveLength(1);
  });

  it('copies what the filter wants: a promise is no yes, and a failure breaks nothing', () => {
    const filters = [
      () => true,
      () => false,
      () => Promise.resolve(true) as never,
      () => {
        throw new Error('broken filter');
      },
    ];
    expect(
      filters.map((filter) => {
        const { gate, seen } = copies({ filter });
        expect((gate(fakeContext(), () => ok()) as GatewayResponse).status).toBe(200);
        return seen.length;
      }),
    ).toEqual([1, 0, 0, 0]);
  });

  it('copies no offer of an upgrade, no second attempt, and nothing of a client that has left', () => {
    const { gate, seen } = copies();
    void gate(fakeContext({ headers: { connection: 'upgrade', upgrade: 'websocket' } }), () => ok());
    const ctx = fakeContext();
    ctx.attempt = 1;
    void gate(ctx, () => ok());
    const left = fakeContext();
    left.abort(new Error('left'));
    void gate(left, () => ok());
    expect(seen).toEqual([]);
    expect(gate.stats()).toEqual(NONE);
  });

  describe('the shadow', () => {
    it.each<[string, Handler]>([
      ['throws', fail],
      ['rejects', () => Promise.reject(new Error('down'))],
      ['answers 500', () => ({ status: 500, headers: {}, body: null })],
      ['is refused', (ctx) => refuse(ctx, 'ERR_GATEWAY_UPSTREAM_BUSY')],
      ['breaks off', () => ok(Readable.from(breaking()))],
      ['answers nothing at all', () => undefined as never],
    ])('may fail, which is only counted: it %s', async (_case, answer) => {
      const { gate, clock } = copies({}, answer);
      expect(await gate(fakeContext(), () => ok())).toEqual(ok());
      await turn();
      expect(gate.stats()).toEqual({ ...NONE, sent: 1, failed: 1 });
      expect(clock.pending).toBe(0);
    });

    it('is counted as well where the service fails', async () => {
      const { gate, seen } = copies();
      expect(() => gate(fakeContext(), fail)).toThrow('down');
      await turn();
      expect([seen.length, gate.stats().sent]).toEqual([1, 1]);
    });

    it('has its answer read to the end', async () => {
      let chunks = 0;
      const body = Readable.from(
        (async function* () {
          for (; chunks < 50; chunks++) yield await Promise.resolve(Buffer.alloc(100_000));
        })(),
      );
      const { gate } = copies({}, () => ok(body));
      await gate(fakeContext(), () => ok());
      while (gate.stats().inFlight > 0) await turn();
      expect([chunks, gate.stats()]).toEqual([50, { ...NONE, sent: 1 }]);
    });

    it.each<[string, Handler]>([
      ['hangs', hang],
      ['stops in the middle of its answer', () => ok(new Readable({ read: () => undefined }))],
    ])('is aborted where it %s', async (_case, answer) => {
      const { gate, seen, clock } = copies({ timeoutMs: 250 }, answer);
      await gate(fakeContext(), () => ok());
      await clock.advanceAsync(249);
      expect(gate.stats()).toEqual({ ...NONE, sent: 1, inFlight: 1 });
      await clock.advanceAsync(1);
      expect(gate.stats()).toEqual({ ...NONE, sent: 1, failed: 1 });
      expect(seen[0]?.aborted?.message).toBe('the shadow took too long');
      expect(seen[0]?.finishedAt).not.toBeNaN();
    });

    it('has its answer closed where the copy is aborted', async () => {
      const body = new Readable({ read: () => undefined });
      const { gate, clock } = copies({ timeoutMs: 250 }, () => ok(body));
      await gate(fakeContext(), () => ok());
      await clock.advanceAsync(250);
      expect(body.destroyed).toBe(true);
    });

    it('that answers too late has its answer closed', async () => {
      let give: (response: GatewayResponse) => void = fail;
      const { gate, clock } = copies({ timeoutMs: 250 }, () => new Promise((resolve) => (give = resolve)));
      await gate(fakeContext(), () => ok());
      await clock.advanceAsync(250);
      const body = stream('late');
      give(ok(body));
      await turn();
      expect(body.destroyed).toBe(true);
      expect(gate.stats()).toEqual({ ...NONE, sent: 1, failed: 1 });
    });

    it('hears of the end of its exchange, so that nothing stays taken', async () => {
      const ends: unknown[] = [];
      const { gate } = copies({}, (ctx) => {
        ctx.onFinish((_ctx, outcome) => ends.push(outcome));
        return ok();
      });
      await gate(fakeContext(), () => ok());
      await turn();
      expect(ends).toEqual([{ status: 200, aborted: false }]);
    });

    it('goes on where the client leaves', async () => {
      const { gate, seen } = copies({}, hang);
      const ctx = fakeContext();
      await gate(ctx, () => ok());
      ctx.abort(new Error('left'));
      ctx.finish({ status: 499, aborted: true });
      expect(seen[0]?.aborted).toBeNull();
      expect(gate.stats().inFlight).toBe(1);
    });

    it('gets no more copies at a time than it may', async () => {
      const { gate, seen, clock } = copies({ maxInFlight: 2, timeoutMs: 100 }, hang);
      for (let request = 0; request < 5; request++) await gate(fakeContext(), () => ok());
      expect([seen.length, gate.stats()]).toEqual([2, { sent: 2, failed: 0, dropped: 3, inFlight: 2 }]);
      await clock.advanceAsync(100);
      await gate(fakeContext(), () => ok());
      expect(seen).toHaveLength(3);
    });
  });

  it('ends every copy when it is closed, and makes no more', async () => {
    const { gate, seen, clock } = copies(ALL, hang);
    await gate(fakeContext(), () => ok());
    const body = stream('still to come');
    void gate(fakeContext(post(body)), () => ok());
    gate.close();
    expect(gate.stats()).toEqual({ sent: 1, failed: 1, dropped: 1, inFlight: 0 });
    expect(seen[0]?.aborted?.message).toBe('the mirror was closed');
    expect([clock.pending, body.listenerCount('data')]).toEqual([0, 0]);
    expect(await gate(fakeContext(), () => ok())).toEqual(ok());
    expect(seen).toHaveLength(1);
  });

  it('holds no more bodies than it may, and lets all of them go, over 10,000 requests beside a shadow that hangs', async () => {
    const { gate, clock } = copies({ ...ALL, maxInFlight: 10, timeoutMs: 100 }, hang);
    for (let request = 0; request < 10_000; request++) {
      await gate(fakeContext(post(stream('some ', 'body'))), service);
      expect(gate.stats().inFlight).toBeLessThanOrEqual(10);
      expect(clock.pending).toBeLessThanOrEqual(10);
    }
    await clock.advanceAsync(100);
    expect(gate.stats()).toEqual({ sent: 10, failed: 10, dropped: 9_990, inFlight: 0 });
    expect(clock.pending).toBe(0);
  });

  it.each<[string, unknown, string[]]>([
    ['no shadow', {}, ['to']],
    ['a share over 1', { to: hang, share: 2 }, ['share']],
    ['methods in lower case', { to: hang, methods: ['get'] }, ['methods[0]']],
    ['no methods', { to: hang, methods: [] }, ['methods']],
    ['no copies at a time, in no time', { to: hang, maxInFlight: 0, timeoutMs: 0 }, ['maxInFlight', 'timeoutMs']],
    ['a body of less than nothing', { to: hang, maxBodyBytes: -1 }, ['maxBodyBytes']],
    ['an unknown option', { to: hang, percentage: 10 }, ['percentage']],
  ])('does not start with %s', (_case, options, paths) => {
    let error: unknown;
    try {
      mirror(options as MirrorOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.map((fault) => fault.path)).toEqual(paths);
  });
});

function fail(): never {
  throw new Error('down');
}

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from('half'));
  throw new Error('broke off');
}
