import 'reflect-metadata';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import * as http2 from 'node:http2';
import { connect, type Server, type Socket } from 'node:net';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { afterEach, describe, expect, test } from 'vitest';
import * as express from '../../src/adapters/express.js';
import { gateway, serve, type GatewayListener, type NodeListener } from '../../src/adapters/node/index.js';
import { createGateway, type GatewayConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import { listen } from '../support/listen.js';
import { exchange, rawClient } from '../support/raw-client.js';
import { upstream, type Echo, type Upstream, type UpstreamHandler } from '../support/upstream.js';

const TIMEOUT_MS = 2_000;
const SOON = { withinMs: 1_200 };
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function running(server: Server): Promise<{ url: string; port: number }> {
  const listening = await listen(server);
  closers.push(() => listening.close());
  return listening;
}

const run = (app: RequestListener): Promise<{ url: string; port: number }> => running(createServer(app));

async function service(handler?: UpstreamHandler): Promise<Upstream> {
  const up = await upstream(handler);
  closers.push(() => up.close());
  return up;
}

function mount(config: GatewayConfig): GatewayListener {
  const listener = gateway({ accessLog: false, ...config });
  closers.push(() => listener.close({ timeoutMs: 0 }));
  return listener;
}

/** As connect does it: a mount point is cut from `req.url`, the whole stays in `req.originalUrl`. */
function connectLike(...layers: readonly (readonly [path: string, NodeListener])[]): RequestListener {
  return (req: IncomingMessage & { originalUrl?: string }, res: ServerResponse) => {
    const original = (req.originalUrl ??= req.url ?? '');
    let index = 0;
    const next = (error?: unknown): void => {
      req.url = original;
      const layer = layers[index++];
      if (error !== undefined || layer === undefined) {
        res.writeHead(error === undefined ? 404 : 500).end(`host: ${String(error)}`);
        return;
      }
      const [path, handle] = layer;
      if (!original.startsWith(path)) return next();
      req.url = original.slice(path.length) || '/';
      handle(req, res, next);
    };
    next();
  };
}

async function urlSeen(url: string): Promise<string> {
  return ((await (await fetch(url)).json()) as Echo).url;
}

describe('in a connect-like host', { timeout: TIMEOUT_MS }, () => {
  test('a route matches the full original path, wherever it is mounted', async () => {
    const { url: target } = await service();
    const listener = mount({ routes: [{ path: '/api/users', target, stripPrefix: false }] });
    const { url } = await run(connectLike(['/api', listener]));
    expect(await urlSeen(`${url}/api/users/1?q`)).toBe('/api/users/1?q');
  });

  test('a request without a route goes from gateway to gateway and to the host', async () => {
    const { url: target } = await service();
    const one = mount({ routes: [{ path: '/a', target, stripPrefix: false }] });
    const two = mount({ routes: [{ path: '/b', target, stripPrefix: false }] });
    const { url } = await run(connectLike(['', one], ['/b', two]));
    expect([await urlSeen(`${url}/a`), await urlSeen(`${url}/b/c`)]).toEqual(['/a', '/b/c']);
    const response = await fetch(`${url}/c`);
    expect([response.status, await response.text()]).toEqual([404, 'host: undefined']);
  });

  test('one gateway in two places is one gateway', async () => {
    const { url: target } = await service();
    const engine = createGateway({ accessLog: false, routes: [{ path: '/a', target }] });
    closers.push(() => engine.close({ timeoutMs: 0 }));
    const [one, two] = [await run(gateway(engine)), await run(gateway(engine))];
    expect([await urlSeen(`${one.url}/a/1`), await urlSeen(`${two.url}/a/2`)]).toEqual(['/1', '/2']);
    expect(gateway(engine).gateway).toBe(engine);
  });
});

describe('as a middleware of Nest', { timeout: TIMEOUT_MS }, () => {
  /** What a Nest app writes; without its Express platform here, the shape is called as Nest calls it. */
  class GatewayMiddleware implements NestMiddleware<IncomingMessage, ServerResponse> {
    static config: GatewayConfig;
    readonly #handle = mountedForExpress(GatewayMiddleware.config);

    use(req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void {
      this.#handle(req, res, next);
    }
  }
  Injectable()(GatewayMiddleware);

  function mountedForExpress(config: GatewayConfig): GatewayListener {
    const listener = express.gateway({ accessLog: false, ...config });
    closers.push(() => listener.close({ timeoutMs: 0 }));
    return listener;
  }

  test('it answers what it has a route for and passes the rest on', async () => {
    const { url: target } = await service();
    GatewayMiddleware.config = { routes: [{ path: '/api', target }] };
    const middleware = new GatewayMiddleware();
    const { url } = await run(connectLike(['', middleware.use.bind(middleware) as NodeListener]));
    expect(await urlSeen(`${url}/api/users`)).toBe('/users');
    expect((await fetch(`${url}/other`)).status).toBe(404);
  });

  test('the rawBody option of Nest is where the bytes of a parsed body come from', async () => {
    const { url: target } = await service();
    const listener = mountedForExpress({ routes: [{ path: '/api', target }] });
    const body = '{ "a": 1.0 }';
    const { url } = await run((req: IncomingMessage & { body?: unknown; rawBody?: Buffer }, res) => {
      const chunks: Buffer[] = [];
      req
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          req.rawBody = Buffer.concat(chunks);
          req.body = JSON.parse(req.rawBody.toString()) as unknown;
          listener(req, res);
        });
    });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/api/x`, { method: 'POST', headers, body });
    expect(((await response.json()) as Echo).body).toBe(body);
  });
});

describe('Expect', { timeout: TIMEOUT_MS }, () => {
  async function served(config: GatewayConfig): Promise<number> {
    const options = { port: 0, host: '127.0.0.1', signals: [], announce: false, drainTimeoutMs: 0 } as const;
    const { server, close } = await serve({ accessLog: false, ...config }, options);
    closers.push(close);
    return (server.address() as { port: number }).port;
  }

  test('100-continue is answered when the body is wanted', async () => {
    const { url: target } = await service();
    const client = rawClient(await served({ routes: [{ path: '/', target }] }));
    client.write('POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.read(25)).toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.write('body');
    const { status, body } = await client.response();
    expect([status, (JSON.parse(body.toString()) as Echo).body]).toEqual([200, 'body']);
    client.destroy();
  });

  test('a body that is refused is never asked for, and the connection ends', async () => {
    const { url: target, requests } = await service();
    const port = await served({ routes: [{ path: '/', target, maxBodyBytes: 3 }] });
    const head = 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n';
    const { response, closed } = await exchange(port, head, { withinMs: 1_500 });
    expect(response).toMatchObject({ status: 413, informational: [], complete: true });
    expect([response?.headers.connection, closed, requests.length]).toEqual(['close', true, 0]);
  });

  test('a refusal that would keep the connection does not wait for the body either', async () => {
    const guard = (): { status: number; headers: object; body: string } => ({ status: 401, headers: {}, body: 'no' });
    const port = await served({ routes: [{ path: '/', respond: guard as never }] });
    const head = 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n';
    const { response, closed } = await exchange(port, head, { withinMs: 1_500 });
    expect(response).toMatchObject({ status: 401, informational: [] });
    expect([response?.headers.connection, closed]).toEqual(['close', true]);
  });

  test('anything else that is expected is 417', async () => {
    const port = await served({ routes: [{ path: '/', respond: { body: 'x' } }] });
    const { response } = await exchange(port, 'GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n', { settleMs: 1 });
    expect(response?.status).toBe(417);
  });
});

describe('the end of a connection', { timeout: TIMEOUT_MS }, () => {
  test('what is pipelined behind a malformed request is neither answered nor acted on (RFC 9112 9.6)', async () => {
    const { url: target, requests } = await service();
    const { port } = await run(mount({ routes: [{ path: '/', target }] }));
    const second = 'GET /second HTTP/1.1\r\nHost: h\r\n\r\n';
    const { raw, closed } = await exchange(port, `GET /a/%2e%2e/b HTTP/1.1\r\nHost: h\r\n\r\n${second}`);
    expect(raw.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
    expect([closed, requests.length]).toEqual([true, 0]);
  });

  test('closing the gateway amid a request, on an upstream connection that has served before, answers it', async () => {
    let hanging = false;
    const { url: target } = await service((request, response) => {
      if (request.url === '/hang') hanging = true;
      else response.end('ok');
    });
    const listener = mount({ routes: [{ path: '/', target, maxConnections: 1 }] });
    const { url } = await run(listener);
    await (await fetch(`${url}/first`)).text();
    const pending = fetch(`${url}/hang`);
    await eventually(() => hanging, SOON);
    await listener.close({ timeoutMs: 0 });
    expect((await pending).status).toBeOneOf([502, 503]);
  });

  test.each([
    [
      'the stream is cancelled',
      (_session: http2.ClientHttp2Session, stream: http2.ClientHttp2Stream) => {
        stream.close(http2.constants.NGHTTP2_CANCEL);
      },
    ],
    [
      'the session is destroyed',
      (session: http2.ClientHttp2Session) => {
        session.destroy();
      },
    ],
    [
      'the connection is reset',
      (_session: http2.ClientHttp2Session, _stream: http2.ClientHttp2Stream, socket: Socket) => {
        socket.resetAndDestroy();
      },
    ],
  ])('over HTTP/2 the upstream is let go when %s', async (_name, leave) => {
    let arrived = false;
    let gone = false;
    const { url: target } = await service((_request, response) => {
      arrived = true;
      response.on('close', () => {
        gone = true;
      });
    });
    const lines: unknown[] = [];
    const sink = (line: string): void => void lines.push(JSON.parse(line));
    const listener = mount({ accessLog: { sink }, routes: [{ path: '/', target }] });
    const { url, port } = await running(http2.createServer(listener));
    const socket = connect(port, '127.0.0.1');
    const session = http2.connect(url, { createConnection: () => socket });
    session.on('error', () => undefined);
    const stream = session.request({ ':path': '/x' });
    stream.on('error', () => undefined);
    await eventually(() => arrived, SOON);
    leave(session, stream, socket);
    await eventually(() => gone, SOON);
    await eventually(() => lines.length > 0, SOON);
    expect(lines).toMatchObject([{ status: 499 }]);
    session.destroy();
  });
});
