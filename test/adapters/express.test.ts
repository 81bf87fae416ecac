import { createServer, type RequestListener } from 'node:http';
import express5, { type NextFunction, type Request, type Response } from 'express';
import express4 from 'express4';
import { afterEach, describe, expect, test } from 'vitest';
import { gateway, type GatewayListener } from '../../src/adapters/express.js';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { listen } from '../support/listen.js';
import { answerJson, echo, upstream, type Echo, type Upstream, type UpstreamHandler } from '../support/upstream.js';

const TIMEOUT_MS = 2_000;
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function run(app: RequestListener): Promise<string> {
  const server = await listen(createServer(app));
  closers.push(() => server.close());
  return server.url;
}

async function service(handler?: UpstreamHandler): Promise<Upstream> {
  const running = await upstream(handler);
  closers.push(() => running.close());
  return running;
}

function mount(config: GatewayConfig): GatewayListener {
  const listener = gateway({ accessLog: false, ...config });
  closers.push(() => listener.close({ timeoutMs: 0 }));
  return listener;
}

async function echoOf(response: globalThis.Response): Promise<Echo> {
  return (await response.json()) as Echo;
}

describe.each([
  ['Express 5', express5],
  // What the tests use is the same in both; the types are not.
  ['Express 4', express4 as unknown as typeof express5],
])('the adapter in %s', { timeout: TIMEOUT_MS }, (version, express) => {
  describe('at a mount point', () => {
    test('a route matches the full original path, not what is left of it', async () => {
      const { url: target } = await service();
      const app = express();
      app.use('/api', mount({ routes: [{ path: '/api/users', target, stripPrefix: false }] }));
      const url = await run(app);
      expect((await echoOf(await fetch(`${url}/api/users/1?q=a%20b`))).url).toBe('/api/users/1?q=a%20b');
    });

    test('stripPrefix takes what the route matched, mount point included', async () => {
      const { url: target } = await service();
      const app = express();
      app.use('/api', mount({ routes: [{ path: '/api/users', target }] }));
      expect((await echoOf(await fetch(`${await run(app)}/api/users/1`))).url).toBe('/1');
    });

    test('a path that matches only below the mount point is not taken', async () => {
      const { url: target } = await service();
      const app = express();
      app.use('/api', mount({ routes: [{ path: '/users', target }] }));
      app.use((_req, res) => void res.status(418).send('app'));
      expect((await fetch(`${await run(app)}/api/users/1`)).status).toBe(418);
    });

    test('nested routers change nothing', async () => {
      const { url: target } = await service();
      const inner = express
        .Router()
        .use('/b', mount({ routes: [{ path: '/a/:x/b/users', target, stripPrefix: false }] }));
      const app = express();
      app.use('/a/:x', express.Router({ mergeParams: true }).use(inner));
      expect((await echoOf(await fetch(`${await run(app)}/a/1/b/users/2`))).url).toBe('/a/1/b/users/2');
    });

    test('it works behind a path pattern and one method', async () => {
      const { url: target } = await service();
      const app = express();
      app.post(version === 'Express 5' ? '/api/*rest' : '/api/*', mount({ routes: [{ path: '/api', target }] }));
      const url = await run(app);
      const answer = await echoOf(await fetch(`${url}/api/users`, { method: 'POST', body: 'payload' }));
      expect([answer.url, answer.body]).toEqual(['/users', 'payload']);
      expect((await fetch(`${url}/api/users`)).status).toBe(404);
    });

    test('a mounted app of its own changes nothing', async () => {
      const { url: target } = await service();
      const inner = express();
      inner.use(mount({ routes: [{ path: '/inner/users', target, stripPrefix: false }] }));
      const app = express();
      app.use('/inner', inner);
      expect((await echoOf(await fetch(`${await run(app)}/inner/users`))).url).toBe('/inner/users');
    });
  });

  describe('a request without a route', () => {
    test('reaches the next handler with its body unread, its url as it was and no listener left behind', async () => {
      const { url: target, requests } = await service();
      const facts: unknown[] = [];
      const note = (req: Request, res: Response, next: NextFunction): void => {
        facts.push([req.url, req.readableDidRead, req.listenerCount('data'), req.listenerCount('close')]);
        facts.push([res.listenerCount('close'), res.listenerCount('finish'), res.getHeaderNames()]);
        next();
      };
      const app = express();
      app.use('/app', note, mount({ routes: [{ path: '/api', target }] }), note);
      app.post('/app/x', express.json(), (req, res) => void res.json({ got: req.body as unknown }));
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${await run(app)}/app/x`, { method: 'POST', headers, body: '{"a":[1]}' });
      expect(await response.json()).toEqual({ got: { a: [1] } });
      expect(facts.slice(2)).toEqual(facts.slice(0, 2));
      expect(requests).toHaveLength(0);
    });

    test('meets the next gateway, and the first that has a route answers', async () => {
      const one = await service((_request, response) => answerJson(response, 200, 'one'));
      const two = await service((_request, response) => answerJson(response, 200, 'two'));
      const app = express();
      app.use(mount({ routes: [{ path: '/a', target: one.url }] }));
      app.use(
        mount({
          routes: [
            { path: '/a', target: two.url },
            { path: '/b', target: two.url },
          ],
        }),
      );
      app.use((_req, res) => void res.json('app'));
      const url = await run(app);
      const answers = await Promise.all(['/a', '/b', '/c'].map(async (path) => (await fetch(url + path)).json()));
      expect(answers).toEqual(['one', 'two', 'app']);
    });

    test('carries its body through a first gateway to a second', async () => {
      const { url: target } = await service();
      const app = express();
      app.use(mount({ routes: [{ path: '/a', target }] })).use(mount({ routes: [{ path: '/b', target }] }));
      const response = await fetch(`${await run(app)}/b/x`, { method: 'POST', body: 'x'.repeat(100_000) });
      expect((await echoOf(response)).body).toBe('x'.repeat(100_000));
    });
  });

  describe('errors', () => {
    const explain = (error: Error, _req: Request, res: Response, _next: NextFunction): void => {
      res.status(599).send(`app: ${error.message}`);
    };

    test("the gateway's own failures are answered by it and never reach the app's error handler", async () => {
      const { url: target } = await service((request) => request.socket.destroy());
      const app = express();
      const thrower = (): never => {
        throw new Error('inside');
      };
      app
        .use(
          mount({
            routes: [
              { path: '/up', target },
              { path: '/throws', respond: thrower },
            ],
          }),
        )
        .use(explain);
      const url = await run(app);
      const statuses = await Promise.all(['/up', '/throws'].map(async (path) => (await fetch(url + path)).status));
      expect(statuses).toEqual([502, 500]);
    });

    test("an error of a handler behind the gateway reaches the app's error handler", async () => {
      const app = express();
      app.use(mount({ routes: [{ path: '/api', respond: { body: 'gateway' } }] }));
      app.use(() => {
        throw new Error('of the app');
      });
      app.use(explain);
      const response = await fetch(`${await run(app)}/other`);
      expect([response.status, await response.text()]).toEqual([599, 'app: of the app']);
    });
  });

  describe("the app's `trust proxy`", () => {
    const FORWARDED = {
      'x-forwarded-for': '192.0.2.1, 10.0.0.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
      'x-real-ip': 'forged',
    };

    /** What the upstream is told, and what Express itself makes of the same request. */
    async function seenBy(setting: unknown, config: Partial<GatewayConfig> = {}): Promise<Record<string, unknown>> {
      const { url: target } = await service();
      const app = express();
      if (setting !== undefined) app.set('trust proxy', setting);
      let own = {};
      app.use((req, _res, next) => {
        own = { ip: req.ip, protocol: req.protocol };
        next();
      });
      app.use(mount({ routes: [{ path: '/', target }], ...config }));
      const { headers } = await echoOf(await fetch(await run(app), { headers: FORWARDED }));
      const { 'x-real-ip': ip, 'x-forwarded-for': chain, 'x-forwarded-proto': protocol } = headers;
      return { ip, chain, protocol, host: headers['x-forwarded-host'], own };
    }

    test.each([
      ['not set', undefined],
      ['false', false],
    ])('%s: nothing that the client says of itself counts', async (_name, setting) => {
      const seen = await seenBy(setting);
      expect(seen).toMatchObject({ ip: '127.0.0.1', chain: '127.0.0.1', protocol: 'http' });
      expect(seen.host).not.toBe('shop.example');
      expect(seen.own).toEqual({ ip: '127.0.0.1', protocol: 'http' });
    });

    test.each([
      ['true', true, '192.0.2.1', '192.0.2.1, 10.0.0.9, 127.0.0.1'],
      ['1', 1, '10.0.0.9', '10.0.0.9, 127.0.0.1'],
      ['2', 2, '192.0.2.1', '192.0.2.1, 10.0.0.9, 127.0.0.1'],
      ['an address block', '127.0.0.0/8', '10.0.0.9', '10.0.0.9, 127.0.0.1'],
      ['names of blocks', 'loopback, uniquelocal', '192.0.2.1', '192.0.2.1, 10.0.0.9, 127.0.0.1'],
      ['a list', ['127.0.0.1', '10.0.0.0/8'], '192.0.2.1', '192.0.2.1, 10.0.0.9, 127.0.0.1'],
      ['a function', (_address: string, hop: number) => hop < 1, '10.0.0.9', '10.0.0.9, 127.0.0.1'],
    ])('%s: the gateway and Express agree on the client', async (_name, setting, ip, chain) => {
      expect(await seenBy(setting)).toEqual({
        ip,
        chain,
        protocol: 'https',
        host: 'shop.example',
        own: { ip, protocol: 'https' },
      });
    });

    test("the config's trustProxy is stronger, in both directions", async () => {
      expect(await seenBy(true, { trustProxy: false })).toMatchObject({ ip: '127.0.0.1', protocol: 'http' });
      expect(await seenBy(false, { trustProxy: 1 })).toMatchObject({ ip: '10.0.0.9', protocol: 'https' });
    });

    test('an app inside an app has its say', async () => {
      const { url: target } = await service();
      const inner = express();
      inner.set('trust proxy', 1);
      inner.use(mount({ routes: [{ path: '/inner', target }] }));
      const app = express();
      app.use('/inner', inner);
      const { headers } = await echoOf(await fetch(`${await run(app)}/inner`, { headers: FORWARDED }));
      expect(headers['x-real-ip']).toBe('10.0.0.9');
    });
  });

  describe('fields that the app has set before', () => {
    async function answer(before: Record<string, string | string[]>, after: UpstreamHandler): Promise<Headers> {
      const { url: target } = await service(after);
      const app = express();
      app.use((_req, res, next) => {
        for (const [name, value] of Object.entries(before)) res.setHeader(name, value);
        next();
      });
      app.use(mount({ routes: [{ path: '/', target }] }));
      return (await fetch(await run(app))).headers;
    }

    test('survive, X-Powered-By of Express among them', async () => {
      const headers = await answer({ 'Strict-Transport-Security': 'max-age=1', 'X-App': 'a' }, echo);
      expect(headers.get('strict-transport-security')).toBe('max-age=1');
      expect(headers.get('x-app')).toBe('a');
      expect(headers.get('x-powered-by')).toBe('Express');
      expect(headers.get('content-type')).toBe('application/json');
    });

    test("give way to the answer's own, and are not doubled", async () => {
      const headers = await answer({ 'X-Both': 'app', 'Content-Type': 'text/html' }, (_request, response) => {
        response.setHeader('x-both', 'upstream').setHeader('content-type', 'text/css').end('x');
      });
      expect([headers.get('x-both'), headers.get('content-type')]).toEqual(['upstream', 'text/css']);
    });

    test('cookies of the app stay beside those of the upstream', async () => {
      const headers = await answer({ 'Set-Cookie': ['session=1'] }, (_request, response) => {
        response.setHeader('set-cookie', ['a=1', 'b=2']).end('x');
      });
      expect(headers.getSetCookie().sort()).toEqual(['a=1', 'b=2', 'session=1']);
    });

    test('Vary names what the app varies by and what the upstream varies by', async () => {
      const headers = await answer({ Vary: 'Origin' }, (_request, response) => {
        response.setHeader('vary', 'Accept-Encoding').end('x');
      });
      const names = (headers.get('vary') ?? '').split(',').map((name) => name.trim().toLowerCase());
      expect(names.sort()).toEqual(['accept-encoding', 'origin']);
    });
  });

  describe('a middleware in front that wraps writeHead', () => {
    type WriteHead = (this: Response, status: number, ...rest: unknown[]) => Response;

    /** As compression, morgan and express-session do. `pairs`: before on-headers 1.1 a list was taken for pairs. */
    function wrap(onHead: (res: Response) => void, readsPairs: boolean) {
      return (_req: Request, res: Response, next: NextFunction): void => {
        const original = res.writeHead.bind(res) as (status: number) => Response;
        let fired = false;
        const wrapped: WriteHead = function writeHead(status, ...rest) {
          const fields = rest.at(-1);
          if (Array.isArray(fields)) {
            const list = fields as (string | string[])[];
            if (readsPairs) for (const pair of list) res.setHeader(pair[0] as string, pair[1] as string);
            else for (let i = 0; i < list.length; i += 2) res.setHeader(list[i] as string, list[i + 1] as string);
          } else if (typeof fields === 'object') {
            for (const [name, value] of Object.entries(fields as object)) res.setHeader(name, value as string);
          }
          if (!fired) onHead(res);
          fired = true;
          return original(status);
        };
        res.writeHead = wrapped as typeof res.writeHead;
        next();
      };
    }

    test.each([
      ['as a list', false],
      ['as pairs, as on-headers did before 1.1', true],
    ])(
      'sees the fields of the answer and adds its own, and the client gets them all (%s)',
      async (_name, readsPairs) => {
        const { url: target } = await service((_request, response) => {
          response
            .setHeader('content-type', 'text/css')
            .setHeader('set-cookie', ['a=1', 'b=2'])
            .writeHead(203)
            .end('body');
        });
        const seen: unknown[] = [];
        const app = express();
        app.use(
          wrap((res) => {
            seen.push(res.getHeader('content-type'));
            res.setHeader('x-late', 'yes');
          }, readsPairs),
        );
        app.use(mount({ routes: [{ path: '/', target }] }));
        const response = await fetch(await run(app));
        expect([response.status, await response.text()]).toEqual([203, 'body']);
        expect(response.headers.get('content-type')).toBe('text/css');
        expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
        expect(response.headers.get('x-late')).toBe('yes');
        expect(seen).toEqual(['text/css']);
      },
    );
  });
});
