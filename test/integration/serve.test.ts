import { createServer } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { serve, type RunningServer, type ServeOptions } from '../../src/adapters/node/index.js';
import { ConfigError } from '../../src/core/options.js';
import { createGateway, type GatewayConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import type { RawClient } from '../support/raw-client.js';
import { reply } from '../support/raw-upstream.js';
import {
  connectTo,
  failOnUncaught,
  freePort,
  gate,
  getRaw,
  MB,
  problemOf,
  pump,
  send,
  startRawUpstream,
  startUpstream,
  times,
} from './harness.js';

failOnUncaught();

const here: GatewayConfig = { accessLog: false, routes: [{ path: '/', respond: { body: 'here' } }] };

interface Served extends RunningServer {
  readonly port: number;
}

async function served(config: GatewayConfig = here, options: ServeOptions = {}): Promise<Served> {
  const running = await serve(config, {
    ...{ port: 0, host: '127.0.0.1', announce: false, signals: [], drainTimeoutMs: 100 },
    ...options,
  });
  onTestFinished(() => running.close());
  return { ...running, port: Number(new URL(running.url).port) };
}

describe('serve', () => {
  it('announces its routes and its address, and answers there', async () => {
    const announced: string[] = [];
    const config: GatewayConfig = {
      accessLog: false,
      routes: [
        { path: '/api/users', target: 'http://users:3001' },
        { path: '/api/orders', methods: ['GET', 'POST'], target: ['http://orders-1:3002', 'http://orders-2:3002'] },
        { path: '/exact', exact: true, host: 'shop.test', target: 'http://shop:80' },
        { path: '/', respond: { body: 'here' } },
      ],
    };
    const running = await served(config, { announce: (text) => announced.push(text) });
    expect(announced).toHaveLength(1);
    expect(announced[0]?.split('\n')).toEqual([
      'ANY       /api/users/*     -> http://users:3001',
      'GET,POST  /api/orders/*    -> http://orders-1:3002 | http://orders-2:3002',
      'ANY       shop.test/exact  -> http://shop:80',
      'ANY       /*               -> answered here',
      `innergate listens on ${running.url}`,
    ]);
    expect((await send(running.url)).text).toBe('here');
  });

  it('prints to standard output where nothing else is said', async () => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    onTestFinished(() => {
      write.mockRestore();
    });
    const running = await serve(here, { port: 0, signals: [] });
    onTestFinished(() => running.close());
    expect(write.mock.calls.map(([text]) => String(text)).join('')).toContain(`innergate listens on ${running.url}\n`);
  });

  it('listens on the port in PORT where none is given', async () => {
    const port = await freePort();
    vi.stubEnv('PORT', String(port));
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const running = await serve(here, { host: '127.0.0.1', announce: false, signals: [] });
    onTestFinished(() => running.close());
    expect(running.url).toBe(`http://127.0.0.1:${port}`);
  });

  it.each(['abc', '-1', '70000', '80.5'])('refuses %j in PORT', async (text) => {
    vi.stubEnv('PORT', text);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await expect(serve(here, { announce: false, signals: [] })).rejects.toThrow(/PORT/);
  });

  it('has every limit set', async () => {
    const { server } = await served();
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections, maxHeadersCount } = server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections, maxHeadersCount }).toEqual({
      headersTimeout: 20_000,
      requestTimeout: 300_000,
      keepAliveTimeout: 65_000,
      timeout: 120_000,
      maxConnections: 10_000,
      maxHeadersCount: 0,
    });
  });

  it('takes limits of its own', async () => {
    const { server } = await served(here, {
      ...{ headersTimeoutMs: 1_000, requestTimeoutMs: 2_000, inactivityTimeoutMs: 3_000, keepAliveMs: 4_000 },
      ...{ maxConnections: 5, maxHeaderBytes: 2_048 },
    });
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections } = server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout, maxConnections }).toEqual({
      ...{ headersTimeout: 1_000, requestTimeout: 2_000, timeout: 3_000, keepAliveTimeout: 4_000, maxConnections: 5 },
    });
  });

  it('takes a request limit that is shorter than the usual one for heads', async () => {
    const { server } = await served(here, { requestTimeoutMs: 5_000 });
    expect(server.requestTimeout).toBe(5_000);
    expect(server.headersTimeout).toBeLessThanOrEqual(5_000);
  });

  it('answers a head that is too large with 431', async () => {
    const running = await served(here, { maxHeaderBytes: 2_048 });
    const client = connectTo(running);
    client.write(`GET / HTTP/1.1\r\nHost: gateway.test\r\nX-Long: ${'x'.repeat(4_000)}\r\n\r\n`);
    expect((await client.response()).status).toBe(431);
    await client.closed;
  });

  it('closes connections beyond maxConnections as they come, and takes new ones when there is room', async () => {
    const running = await served(here, { maxConnections: 2 });
    const [first, second] = [connectTo(running), connectTo(running)];
    await Promise.all([first.connected, second.connected]);
    await eventually(async () => {
      const third = connectTo(running);
      await third.closed;
      return third.bytesReceived === 0;
    });
    first.destroy();
    await eventually(async () => (await send(running.url)).status === 200);
  });

  it('rejects where the port is taken, and leaves no signal handler behind', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const before = process.listenerCount('SIGTERM');
    await expect(serve(here, { port, host: '127.0.0.1', announce: false })).rejects.toThrow(/EADDRINUSE/);
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  it('rejects wrong options with every fault', async () => {
    const options = { prot: 3_000, headersTimeoutMs: 0, announce: 'yes' } as unknown as ServeOptions;
    const failure: unknown = await serve(here, options).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect((failure as ConfigError).faults.map(({ path }) => path)).toEqual(['prot', 'headersTimeoutMs', 'announce']);
    expect((failure as ConfigError).message).toContain('did you mean port?');
  });

  it('rejects a wrong config', async () => {
    await expect(serve({ routes: [] }, { port: 0, announce: false })).rejects.toBeInstanceOf(ConfigError);
  });

  it('takes a gateway that is already built', async () => {
    const gateway = createGateway(here);
    const running = await served(gateway as unknown as GatewayConfig);
    expect(running.gateway).toBe(gateway);
    expect((await send(running.url)).text).toBe('here');
  });

  it('brackets an IPv6 address in its url', async () => {
    const running = await served(here, { host: '::1' }).catch(() => null);
    if (running === null) return;
    expect(running.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });

  it('asks for the body of Expect: 100-continue only when it is wanted', async () => {
    const origin = await startUpstream();
    const config: GatewayConfig = {
      accessLog: false,
      routes: [
        { path: '/up', target: origin.url, maxBodyBytes: 10 },
        { path: '/refused', respond: { status: 403, body: 'no' } },
      ],
    };
    const running = await served(config);
    const ask = (path: string, length: number): RawClient => {
      const client = connectTo(running);
      const head = `POST ${path} HTTP/1.1\r\nHost: gateway.test\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
      client.write(head);
      return client;
    };
    const wanted = ask('/up', 5);
    await eventually(() => wanted.received().includes('100 Continue'));
    wanted.write('hello');
    expect((await wanted.response()).status).toBe(200);
    for (const [path, length, status] of [
      ['/up', 5_000, 413],
      ['/refused', 5, 403],
    ] as const) {
      const response = await ask(path, length).response();
      expect(response.status).toBe(status);
      expect(response.informational).toEqual([]);
    }
    expect(origin.requests).toHaveLength(1);
  });
});

describe('close', () => {
  it('twice is once', async () => {
    const running = await serve(here, { port: 0, announce: false, signals: [] });
    const [first, second] = [running.close(), running.close()];
    expect(second).toBe(first);
    await first;
    await running.close();
    await running.gateway.close();
    await expect(send(running.url)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('takes its signal handlers away', async () => {
    const before = ['SIGTERM', 'SIGINT'].map((signal) => process.listenerCount(signal));
    const running = await serve(here, { port: 0, announce: false });
    expect(process.listenerCount('SIGTERM')).toBe((before[0] as number) + 1);
    await running.close();
    expect(['SIGTERM', 'SIGINT'].map((signal) => process.listenerCount(signal))).toEqual(before);
  });

  it('lets a request in flight finish, refuses new connections, and ends connections that are idle', async () => {
    const arrived = gate();
    const finish = gate();
    const origin = await startUpstream(async (_request, response) => {
      arrived.open();
      await finish.opened;
      response.end('finished');
    });
    const config: GatewayConfig = { accessLog: false, routes: [{ path: '/', target: origin.url }] };
    const running = await served(config, { drainTimeoutMs: 5_000 });
    const idle = getRaw(running, '/health');
    await idle.response();
    const busy = getRaw(running);
    await arrived.opened;
    const closing = running.close();
    await idle.closed;
    await expect(send(running.url)).rejects.toThrow(/ECONNREFUSED/);
    finish.open();
    const response = await busy.response();
    expect(response.body.toString()).toBe('finished');
    expect(response.headers.connection).toBe('close');
    await closing;
    await busy.closed;
    await eventually(() => origin.connections === 0);
  });

  it('cuts off at its deadline what does not finish', async () => {
    const origin = await startUpstream(() => undefined);
    const config: GatewayConfig = { accessLog: false, routes: [{ path: '/', target: origin.url }] };
    const running = await served(config, { drainTimeoutMs: 100 });
    const hanging = getRaw(running);
    await eventually(() => origin.requests.length === 1);
    const started = performance.now();
    await running.close();
    expect(performance.now() - started).toBeLessThan(5_000);
    await hanging.closed;
    await eventually(() => origin.connections === 0);
  });

  it('ends a long answer at its deadline with an error, not with a clean end', async () => {
    const origin = await startRawUpstream((_request, socket) => {
      reply(socket, 200, { 'transfer-encoding': 'chunked' }, '3\r\nabc\r\n');
    });
    const config: GatewayConfig = { accessLog: false, routes: [{ path: '/', target: origin.url }] };
    const running = await served(config, { drainTimeoutMs: 50 });
    const client = getRaw(running);
    await eventually(() => client.received().includes('abc'));
    await running.close();
    expect((await client.response()).complete).toBe(false);
  });
});

describe('slow clients', () => {
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600, inactivityTimeoutMs: 60_000 };

  /** Whether an ordinary client is served while the slow ones hold on. */
  async function expectOthersServed(url: string): Promise<void> {
    const started = performance.now();
    for (let i = 0; i < 20; i++) expect((await send(url)).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(5_000);
  }

  it('of heads, 100 of them, are closed with 408, so are those that send nothing at all, and others are served', async () => {
    const running = await served(here, limits);
    const silent = await times(20, () => connectTo(running));
    const slow = await times(100, () => connectTo(running));
    for (const client of slow) client.write('GET / HTTP/1.1\r\nHost: gate');
    await expectOthersServed(running.url);
    const statuses = await Promise.all(slow.map(async (client) => (await client.response()).status));
    expect(statuses).toEqual(Array<number>(100).fill(408));
    await Promise.all([...slow, ...silent].map(({ closed }) => closed));
    await expectOthersServed(running.url);
  });

  it('of bodies, 100 of them, are closed with 408, and the upstream gets none of their requests whole', async () => {
    const origin = await startRawUpstream();
    const config: GatewayConfig = { accessLog: false, routes: [{ path: '/', target: origin.url }] };
    const running = await served(config, limits);
    const slow = await times(100, () => connectTo(running));
    for (const client of slow) client.write('POST /slow HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 50\r\n\r\nx');
    await eventually(() => origin.requests.length === 100);
    const statuses = await Promise.all(slow.map(async (client) => (await client.response()).status));
    expect(statuses).toEqual(Array<number>(100).fill(408));
    await Promise.all(slow.map(({ closed }) => closed));
    expect(origin.requests.filter(({ complete }) => complete)).toEqual([]);
    await expectOthersServed(running.url);
  });

  it('that do not read their answer are closed after inactivityTimeoutMs', async () => {
    const sockets: Socket[] = [];
    const origin = await startRawUpstream(async (_request, socket) => {
      sockets.push(socket);
      reply(socket, 200, { 'content-length': String(100 * MB) }, null);
      await pump(socket, 100 * MB, { bytes: 0 });
    });
    const config: GatewayConfig = { accessLog: false, routes: [{ path: '/', target: origin.url }] };
    const running = await served(config, { inactivityTimeoutMs: 300 });
    const client = getRaw(running);
    await client.read(1);
    client.pause();
    await eventually(() => sockets[0]?.destroyed === true, { withinMs: 6_000 });
    client.resume();
    await client.closed;
    expect(client.bytesReceived).toBeLessThan(100 * MB);
  });

  it('of keep-alive connections are closed after keepAliveMs', async () => {
    const running = await served(here, { keepAliveMs: 100 });
    const client = getRaw(running);
    await client.response();
    await client.closed;
  });
});

describe('nonsense on the port', () => {
  it('is 400 and the end of that connection alone', async () => {
    const running = await served();
    for (const bytes of [
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET\r\n\r\n',
    ]) {
      const client = connectTo(running);
      client.write(bytes);
      await client.closed;
      expect(client.received().toString()).toMatch(/^(?:HTTP\/1\.1 400 |$)/);
    }
    expect((await send(running.url)).text).toBe('here');
  });

  it('of the gateway’s own kind is a problem document', async () => {
    const running = await served();
    const client = connectTo(running);
    client.write('GET /%2e%2e/x HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    expect(problemOf((await client.response()).body)).toEqual({ status: 400, code: 'ERR_GATEWAY_REQUEST_MALFORMED' });
  });
});
