/** What probes and strangers get to see of the health of a gateway, over real sockets. */
import { describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { get } from '../security/front.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { exchange } from '../support/raw-client.js';
import { reply } from '../support/raw-upstream.js';
import {
  connectTo,
  failOnUncaught,
  gate,
  getRaw,
  send,
  startGateway,
  startRawUpstream,
  times,
  type RunningGateway,
} from './harness.js';

failOnUncaught();

const routes: GatewayConfig['routes'] = [{ path: '/', id: 'all', respond: { body: 'served' } }];

async function statusOf({ url }: RunningGateway, path: string): Promise<number> {
  return (await send(url + path)).status;
}

describe('readiness', () => {
  it('falls the moment the gateway is told to close, while requests old and new are served until the delay is over', async () => {
    const finish = gate();
    const origin = await startRawUpstream(async ({ url }, socket) => {
      if (url === '/slow') await finish.opened;
      reply(socket, 200, {}, 'served');
    });
    const clock = new FakeClock();
    const running = await startGateway({ clock, routes: [{ path: '/', target: origin.url }] });
    const slow = getRaw(running, '/slow');
    await eventually(() => origin.requests.length === 1);
    expect(await statusOf(running, '/readyz')).toBe(200);

    const closing = running.listener.close({ delayMs: 5_000, timeoutMs: 60_000 });
    const ready = await send(`${running.url}/readyz`);
    expect([ready.status, JSON.parse(ready.text)]).toEqual([503, { status: 'not-ready' }]);
    expect(await statusOf(running, '/livez')).toBe(200);
    clock.advance(4_999);
    const client = connectTo(running);
    for (let request = 0; request < 3; request++) {
      client.write(get('/new'));
      const { status, headers } = await client.response();
      expect([status, headers.connection]).toEqual([200, 'keep-alive']);
    }
    clock.advance(1);
    client.write(get('/last'));
    expect((await client.response()).headers.connection).toBe('close');
    finish.open();
    expect((await slow.response()).body.toString()).toBe('served');
    await closing;
    expect(await statusOf(running, '/readyz')).toBe(503);
    expect(await statusOf(running, '/')).toBe(503);
  });

  it('falls with no check run, be one under way or due', async () => {
    let runs = 0;
    const check = (): Promise<boolean> => {
      runs++;
      return new Promise(() => undefined);
    };
    const clock = new FakeClock();
    const checks = { hanging: { check, critical: true } };
    const running = await startGateway({ clock, routes, health: { checks } });
    const waiting = send(`${running.url}/readyz`);
    await eventually(() => runs === 1);
    const closing = running.listener.close({ delayMs: 1_000 });
    expect(await statusOf(running, '/readyz')).toBe(503);
    clock.advance(1_000);
    await closing;
    expect((await waiting).status).toBe(503);
    expect(runs).toBe(1);
  });

  it('waits for a check that hangs until its time limit, and for the same run never again', async () => {
    let runs = 0;
    const check = (): Promise<boolean> => {
      runs++;
      return new Promise(() => undefined);
    };
    const clock = new FakeClock();
    const checks = { hanging: { check, critical: true, timeoutMs: 500, cacheMs: 100 } };
    const running = await startGateway({ clock, routes, health: { checks, details: true } });
    const waiting = times(3, (index) =>
      send(`${running.url}${['/readyz', '/readyz?verbose', '/health'][index] ?? ''}`),
    );
    let isOver = false;
    void waiting.then(() => (isOver = true));
    await eventually(() => runs === 1);
    for (const path of ['/livez', '/']) expect(await statusOf(running, path)).toBe(200);
    expect(isOver).toBe(false);
    await eventually(() => {
      clock.advance(500);
      return isOver;
    });
    expect((await waiting).map(({ status }) => status)).toEqual([503, 503, 503]);
    clock.advance(60_000);
    expect(await statusOf(running, '/readyz')).toBe(503);
    expect(runs).toBe(1);
  });

  it('runs a check once for 1,000 probes at the same time, and not again while what it found is kept', async () => {
    const finish = gate();
    let runs = 0;
    const check = async (): Promise<boolean> => {
      runs++;
      await finish.opened;
      return true;
    };
    const clock = new FakeClock();
    const running = await startGateway({ clock, routes, health: { checks: { slow: { check, critical: true } } } });
    const clients = Array.from({ length: 20 }, () => connectTo(running));
    const probes = ['/readyz', '/health', '/readyz?verbose', '/health?x', '/readyz?a=b'];
    for (const client of clients)
      client.write(Array.from({ length: 50 }, (_, index) => get(probes[index % 5] ?? '')).join(''));
    await eventually(() => runs > 0);
    finish.open();
    for (const client of clients)
      for (let answer = 0; answer < 50; answer++) expect((await client.response()).status).toBe(200);
    expect(runs).toBe(1);
    clock.advance(4_999);
    await times(50, () => statusOf(running, '/readyz'));
    expect(runs).toBe(1);
    clock.advance(1);
    await times(50, () => statusOf(running, '/readyz'));
    expect(runs).toBe(2);
  });

  it.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- anything can be rejected with
    ['rejects with nothing', () => Promise.reject()],
    ['gives what is no outcome', () => Promise.resolve({ healthy: 'yes' } as never)],
    [
      'gives an object that cannot be read',
      () =>
        new Proxy(
          {},
          {
            get: () => {
              throw new Error('no');
            },
          },
        ) as never,
    ],
  ])('is off while a critical check %s, and the gateway serves on', async (_what, check) => {
    const running = await startGateway({
      routes,
      health: { checks: { store: { check, critical: true, cacheMs: 0 } } },
    });
    for (let round = 0; round < 3; round++) {
      expect(await statusOf(running, '/readyz')).toBe(503);
      expect(await statusOf(running, '/health')).toBe(503);
      expect(await statusOf(running, '/livez')).toBe(200);
      expect(await statusOf(running, '/')).toBe(200);
    }
  });
});

describe('details', () => {
  const TOLD = 'name-of-a-service';
  const ELSEWHERE = ['10.0.0.0/8', '127.0.0.2'];
  const DETAILED = /name-of-a-service|circuits|stores|upstreams|checks|9\.8\.7/;

  function config(details: NonNullable<Exclude<GatewayConfig['health'], boolean>>['details']): GatewayConfig {
    const checks = { [TOLD]: () => ({ healthy: false, message: TOLD }) };
    const health = { checks, service: TOLD, version: '9.8.7', ...(details === undefined ? {} : { details }) };
    return { routes: [{ path: '/api', respond: { body: '' }, circuitBreaker: { name: TOLD } }], health };
  }

  it.each(['/health', '/readyz', '/livez', '/healthz'])('of %s are for nobody by default', async (path) => {
    const { port } = await startGateway(config(undefined));
    for (const query of ['', '?verbose', '?verbose=1', '?details', '?%76erbose', '?x&verbose=true'])
      expect((await exchange(port, get(path + query), { settleMs: 0 })).raw).not.toMatch(DETAILED);
  });

  it.each([
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-For: 10.0.0.1, 127.0.0.1',
    'Forwarded: for=10.0.0.1',
    'X-Real-IP: 10.0.0.1',
    'X-Client-IP: 10.0.0.1',
    'True-Client-IP: 127.0.0.1',
    'Via: 1.1 localhost',
    'Host: localhost',
  ])('are not for those who claim to be somebody else: %s', async (field) => {
    const { port } = await startGateway(config(ELSEWHERE));
    for (const path of ['/health', '/readyz?verbose', '//health', '/health/', '/HEALTH', '/%68ealth', '/health;x'])
      expect((await exchange(port, get(path, field), { settleMs: 0 })).raw, path).not.toMatch(DETAILED);
  });

  it.each(['X-Forwarded-For: 203.0.113.7', 'Forwarded: for=203.0.113.7', 'X-Real-IP: 203.0.113.7'])(
    'are not for those who come through a proxy that nobody vouches for: %s',
    async (field) => {
      const { url, port } = await startGateway(config(['loopback']));
      expect((await send(`${url}/health`)).text).toMatch(DETAILED);
      expect((await exchange(port, get('/health', field), { settleMs: 0 })).raw).not.toMatch(DETAILED);
    },
  );

  it('are for whom a function says yes; a promise, and a throw, is none', async () => {
    let answer: () => unknown = () => true;
    const { port } = await startGateway(config(() => answer() as boolean));
    const seen = async (): Promise<boolean> =>
      DETAILED.test((await exchange(port, get('/health'), { settleMs: 0 })).raw);
    expect(await seen()).toBe(true);
    for (const other of [() => false, () => 'yes', () => Promise.resolve(true)]) {
      answer = other;
      expect(await seen()).toBe(false);
    }
    answer = () => {
      throw new Error(TOLD);
    };
    expect(await seen()).toBe(false);
  });
});
