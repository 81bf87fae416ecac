/** What every adapter must do: one list of requests that get the same answers wherever the gateway is mounted. */
import { createHash, randomBytes } from 'node:crypto';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayConfig } from '../../src/gateway/index.js';
import { eventually } from '../support/eventually.js';
import { answerJson, requestText, upstream, type Upstream } from '../support/upstream.js';

export type AppHandler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

export interface MountExtras {
  /** The host's own handler, mounted behind the gateway; hosts that have no such place leave it out. */
  readonly app: AppHandler;
}

export interface MountedServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Mounts a gateway in a host that listens on a free port of 127.0.0.1. `close` ends both. */
export type MountAdapter = (config: GatewayConfig, extras: MountExtras) => Promise<MountedServer>;

export interface HostTraits {
  /** What clients speak; `http2` without TLS, `https` with the key of {@link PSK_SERVER}. @default 'http' */
  readonly protocol?: 'http' | 'https' | 'http2';
  /** A request without a route goes to the host's own handler; else it is 404. @default false */
  readonly passesOn?: boolean;
}

/** A key that both sides know stands in for certificates, which would expire (RFC 4279). */
const PSK = Buffer.from('innergate-contract-suite');
export const PSK_SERVER = { pskCallback: () => PSK, ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
const PSK_CLIENT = {
  pskCallback: () => ({ psk: PSK, identity: 'contract' }),
  ciphers: 'PSK',
  maxVersion: 'TLSv1.2',
  checkServerIdentity: () => undefined,
} as const;

const TIMEOUT_MS = 2_000;
/** For facts that another connection establishes. */
const SOON = { withinMs: 1_200 };

interface Ask {
  /** @default 'GET' */
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** One piece goes with its length, a list without. @default no body */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Leaves the request without its end. */
  readonly isUnfinished?: boolean;
}

interface Head {
  readonly status: number;
  /** Every line of a field, in order. */
  all(name: string): string[];
  /** All lines of a field joined, `undefined` where there is none. */
  header(name: string): string | undefined;
  readonly body: Readable;
  /** False where the body has not come to its end. */
  isComplete(): boolean;
}

interface Answer extends Omit<Head, 'body' | 'isComplete'> {
  readonly id: string;
  readonly body: Buffer;
  readonly text: string;
  readonly isComplete: boolean;
}

interface Started {
  readonly id: string;
  readonly head: Promise<Head>;
  abort(): void;
}

interface Client {
  start(ask: Ask & Required<Pick<Ask, 'headers'>>): Omit<Started, 'id'>;
  close(): void;
}

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
}

interface LogLine {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly route?: string;
  readonly status: number;
  readonly aborted?: boolean;
  readonly code?: string;
}

/** What the upstream of the suite tells of a request that it got. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly length: number;
  readonly sha256: string;
  /** One character per byte. */
  readonly body: string;
}

const BIG = randomBytes(3 * 1024 * 1024 + 17);
const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const GZIPPED = gzipSync('compressed by the upstream');

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The upstream: its path says what it does. Requests are told apart by the id that the gateway hands on. */
class Service {
  readonly arrived = new Set<string>();
  readonly gone = new Set<string>();
  readonly #gates = new Map<string, () => void>();
  #upstream: Upstream | null = null;

  async start(): Promise<string> {
    this.#upstream = await upstream((request, response) => this.#serve(request, response));
    return this.#upstream.url;
  }

  async close(): Promise<void> {
    await this.#upstream?.close();
  }

  /** Lets a `/gate` go on with its body. */
  open(id: string): void {
    this.#gates.get(id)?.();
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const id = String(request.headers['x-request-id']);
    this.arrived.add(id);
    response.on('close', () => {
      if (!response.writableFinished) this.gone.add(id);
    });
    const [, action = '', argument = ''] = (request.url ?? '').split(/[/?]/);
    switch (action) {
      case 'status':
        response.writeHead(Number(argument), { 'x-upstream': 'yes', etag: '"1"', 'cache-control': 'max-age=5' });
        response.end(argument === '204' || argument === '304' ? undefined : `status ${argument}`);
        return;
      case 'fields':
        response.setHeader('set-cookie', ['a=1; Path=/', 'b=2; Expires=Thu, 01 Jan 2032 00:00:00 GMT']);
        response.setHeader('x-multi', ['one', 'two']);
        response.setHeader('x-latin1', 'caf\xe9');
        if (argument === 'empty') response.writeHead(204).end();
        else response.writeHead(200).end(argument === 'bare' ? Buffer.alloc(0) : Buffer.from('fields'));
        return;
      case 'download':
        response.writeHead(200, { 'content-type': 'application/octet-stream' });
        for (let at = 0; at < BIG.length; at += 50_000) response.write(BIG.subarray(at, at + 50_000));
        response.end();
        return;
      case 'gzip':
        response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': GZIPPED.length }).end(GZIPPED);
        return;
      case 'sized':
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1234 });
        response.end(request.method === 'HEAD' ? undefined : 'x'.repeat(1234));
        return;
      case 'unsized':
        response.writeHead(200, { 'content-type': 'text/plain' });
        if (request.method !== 'HEAD') response.write('x');
        response.end();
        return;
      case 'gate':
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        await new Promise<void>((resolve) => this.#gates.set(id, resolve));
        response.end('data: open\n\n');
        return;
      case 'hang':
        return;
      case 'trickle':
        response.writeHead(200, { 'content-type': 'text/plain' }).write('the first part');
        return;
      case 'cut':
        response.writeHead(200, argument === 'sized' ? { 'content-length': 1000 } : {});
        response.write('half', () => request.socket.resetAndDestroy());
        return;
      case 'reset':
        request.socket.resetAndDestroy();
        return;
      case 'eager':
        response.writeHead(413, { 'x-upstream': 'yes' }).end('too much, says the upstream');
        return;
      default:
        await this.#echo(request, response);
    }
  }

  async #echo(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = '', url = '', headers } = request;
    const facts = { length: body.length, sha256: sha256(body), body: body.toString('latin1', 0, 1024) };
    answerJson(response, 200, { method, url, headers, ...facts } satisfies Seen);
  }
}

function configOf(target: string, sink: (line: string) => void): GatewayConfig {
  return {
    accessLog: { sink },
    routes: [
      { path: '/up', target },
      { path: '/whole', target, stripPrefix: false },
      { path: '/users/:user/posts/:post', target, rewrite: '/params/:post/:user' },
      { path: '/read-only', target, methods: ['GET', 'HEAD'] },
      { path: '/small', target, maxBodyBytes: 10 },
      {
        path: '/guarded',
        target,
        use: [
          function guard(ctx, next) {
            if (ctx.request.headers['x-key'] === 'right') return next(ctx);
            return {
              status: 401,
              headers: { 'www-authenticate': 'Key', 'content-type': 'text/plain' },
              body: 'no key',
            };
          },
        ],
      },
      { path: '/fixed', respond: { status: 203, headers: { 'x-fixed': 'yes' }, body: 'made \u00fcber here' } },
      { path: '/bytes', respond: { body: EVERY_BYTE } },
      { path: '/nothing', respond: { status: 200, body: null } },
      {
        path: '/computed/:name',
        respond: ({ params, request }) => ({
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name: params.name, query: request.query, protocol: request.protocol }),
        }),
      },
      {
        path: '/throws',
        respond() {
          throw new Error('the password is hunter2');
        },
      },
      { path: '/rejects', respond: () => Promise.reject(new Error('the password is hunter2')) },
    ],
  };
}

/** What the cases work with. */
interface Env {
  readonly traits: Required<HostTraits>;
  readonly service: Service;
  ask(ask: Ask): Promise<Answer>;
  start(ask: Ask): Started;
  /** The line of an exchange; waits for it. */
  logged(id: string): Promise<LogLine>;
  /** How many lines an exchange has so far. */
  count(id: string): number;
}

interface Case {
  readonly id: string;
  readonly fact: string;
  /** @default every host */
  readonly on?: (traits: Required<HostTraits>) => boolean;
  run(env: Env): Promise<void>;
}

function seenBy({ text }: Answer): Seen {
  return JSON.parse(text) as Seen;
}

function problemOf(answer: Answer): Problem {
  expect(answer.header('content-type')).toBe('application/problem+json; charset=utf-8');
  const problem = JSON.parse(answer.text) as Problem;
  expect(problem.requestId).toBe(answer.id);
  expect(problem.status).toBe(answer.status);
  return problem;
}

const overHttp1 = ({ protocol }: Required<HostTraits>): boolean => protocol !== 'http2';

const CASES: readonly Case[] = [
  {
    id: 'get-query',
    fact: 'path and query reach the upstream byte for byte',
    async run({ ask }) {
      const answer = await ask({ path: '/up/echo/a%20b%2Fc?x=%2f&y=a+b&&z&%zz=[1]' });
      expect(answer.status).toBe(200);
      expect(seenBy(answer)).toMatchObject({ method: 'GET', url: '/echo/a%20b%2Fc?x=%2f&y=a+b&&z&%zz=[1]', length: 0 });
    },
  },
  {
    id: 'keep-prefix',
    fact: 'stripPrefix: false sends the path as the client wrote it',
    async run({ ask }) {
      expect(seenBy(await ask({ path: '/whole/x?q=1' })).url).toBe('/whole/x?q=1');
    },
  },
  {
    id: 'get-no-body',
    fact: 'a GET without a body reaches the upstream without framing',
    async run({ ask }) {
      const { headers } = seenBy(await ask({ path: '/up/echo' }));
      expect(headers['content-length']).toBeUndefined();
      expect(headers['transfer-encoding']).toBeUndefined();
    },
  },
  {
    id: 'post-json',
    fact: 'JSON of a known length arrives unchanged, with its length and type',
    async run({ ask }) {
      const body = '{"b": 1,  "a": 12345678901234567890, "a": "\u00fc"}';
      const headers = { 'content-type': 'application/json; charset=utf-8' };
      const seen = seenBy(await ask({ method: 'POST', path: '/up/echo', headers, body }));
      expect(Buffer.from(seen.body, 'latin1').toString()).toBe(body);
      expect(seen.headers['content-length']).toBe(String(Buffer.byteLength(body)));
      expect(seen.headers['content-type']).toBe('application/json; charset=utf-8');
    },
  },
  {
    id: 'post-binary',
    fact: 'every byte value survives',
    async run({ ask }) {
      const seen = seenBy(await ask({ method: 'POST', path: '/up/echo', body: EVERY_BYTE }));
      expect(seen.sha256).toBe(sha256(EVERY_BYTE));
    },
  },
  {
    id: 'post-chunked',
    fact: 'a body without a length is streamed and arrives whole',
    async run({ ask }) {
      const seen = seenBy(await ask({ method: 'POST', path: '/up/echo', body: ['one,', 'two,', 'three'] }));
      expect(seen.body).toBe('one,two,three');
      expect(seen.headers['content-length']).toBeUndefined();
      expect(seen.headers['transfer-encoding']).toBe('chunked');
    },
  },
  {
    id: 'post-large',
    fact: 'an upload of megabytes arrives whole',
    async run({ ask }) {
      const seen = seenBy(await ask({ method: 'POST', path: '/up/echo', body: BIG }));
      expect([seen.length, seen.sha256]).toEqual([BIG.length, sha256(BIG)]);
    },
  },
  {
    id: 'post-empty',
    fact: 'a body of no bytes is no reason to wait',
    async run({ ask }) {
      const seen = seenBy(await ask({ method: 'POST', path: '/up/echo', body: '' }));
      expect(seen).toMatchObject({ method: 'POST', length: 0, headers: { 'content-length': '0' } });
    },
  },
  ...['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'].map((method): Case => ({
    id: `method-${method.toLowerCase()}`,
    fact: `${method} goes through with its body`,
    async run({ ask }) {
      expect(seenBy(await ask({ method, path: '/up/echo', body: 'payload' }))).toMatchObject({
        method,
        body: 'payload',
      });
    },
  })),
  {
    id: 'head-sized',
    fact: 'HEAD tells the length of what GET would send, and sends nothing',
    async run({ ask }) {
      const answer = await ask({ method: 'HEAD', path: '/up/sized' });
      expect([answer.status, answer.header('content-length'), answer.body.length]).toEqual([200, '1234', 0]);
      expect(answer.header('content-type')).toBe('text/plain');
    },
  },
  {
    id: 'head-unsized',
    fact: 'HEAD claims no length where the upstream gave none',
    async run({ ask }) {
      const answer = await ask({ method: 'HEAD', path: '/up/unsized' });
      expect([answer.status, answer.header('content-length'), answer.body.length]).toEqual([200, undefined, 0]);
      expect(answer.header('content-type')).toBe('text/plain');
    },
  },
  ...[204, 304].map((status): Case => ({
    id: `status-${status}`,
    fact: `${status} goes through with its fields and without a body`,
    async run({ ask }) {
      const answer = await ask({ path: `/up/status/${status}`, headers: { 'if-none-match': '"1"' } });
      expect([answer.status, answer.body.length]).toEqual([status, 0]);
      expect(answer.header('etag')).toBe('"1"');
      expect(answer.header('cache-control')).toBe('max-age=5');
      expect(answer.header('content-length')).toBeUndefined();
      expect(answer.header('transfer-encoding')).toBeUndefined();
    },
  })),
  ...[201, 299, 307, 404, 418, 500, 503].map((status): Case => ({
    id: `status-${status}`,
    fact: `${status} of the upstream goes through with its fields and body`,
    async run({ ask }) {
      const answer = await ask({ path: `/up/status/${status}` });
      expect([answer.status, answer.text, answer.header('x-upstream')]).toEqual([status, `status ${status}`, 'yes']);
      expect(answer.header('content-type')).toBeUndefined();
    },
  })),
  {
    id: 'download-large',
    fact: 'a streamed download of megabytes arrives whole',
    async run({ ask, logged }) {
      const answer = await ask({ path: '/up/download' });
      expect([answer.body.length, sha256(answer.body)]).toEqual([BIG.length, sha256(BIG)]);
      expect(answer.isComplete).toBe(true);
      expect(await logged(answer.id)).toMatchObject({ status: 200 });
    },
  },
  {
    id: 'coded-bytes',
    fact: 'a compressed answer stays compressed',
    async run({ ask }) {
      const answer = await ask({ path: '/up/gzip' });
      expect(answer.header('content-encoding')).toBe('gzip');
      expect(answer.header('content-length')).toBe(String(GZIPPED.length));
      expect(answer.body.equals(GZIPPED)).toBe(true);
    },
  },
  {
    id: 'set-cookie',
    fact: 'cookies stay apart, other repeated fields keep all their values',
    async run({ ask }) {
      const answer = await ask({ path: '/up/fields' });
      expect(answer.all('set-cookie')).toEqual(['a=1; Path=/', 'b=2; Expires=Thu, 01 Jan 2032 00:00:00 GMT']);
      expect(answer.header('x-multi')).toBe('one, two');
    },
  },
  ...['full', 'bare', 'empty'].map((kind): Case => ({
    id: `latin1-answer-${kind}`,
    fact: `bytes beyond ASCII in a field of an answer survive (body: ${kind})`,
    async run({ ask }) {
      expect((await ask({ path: `/up/fields/${kind}` })).header('x-latin1')).toBe('caf\xe9');
    },
  })),
  {
    id: 'latin1-request',
    fact: 'bytes beyond ASCII in a field of a request survive',
    async run({ ask }) {
      expect(seenBy(await ask({ path: '/up/echo', headers: { 'x-latin1': 'caf\xe9' } })).headers['x-latin1']).toBe(
        'caf\xe9',
      );
    },
  },
  {
    id: 'head-first',
    fact: 'the head of a stream reaches the client before the first byte of its body exists',
    async run({ start, service }) {
      const { id, head } = start({ path: '/up/gate' });
      const { status, header, body } = await head;
      expect([status, header('content-type')]).toEqual([200, 'text/event-stream']);
      service.open(id);
      expect((await collect(body)).toString()).toBe('data: open\n\n');
    },
  },
  {
    id: 'unmatched-404',
    fact: 'a request without a route is 404 where there is no next handler',
    on: ({ passesOn }) => !passesOn,
    async run({ ask, logged }) {
      const answer = await ask({ method: 'POST', path: '/upper', body: 'unread' });
      expect(problemOf(answer)).toMatchObject({ status: 404, code: 'ERR_GATEWAY_ROUTE_NOT_FOUND' });
      expect(await logged(answer.id)).toMatchObject({ status: 404, path: '/upper' });
    },
  },
  {
    id: 'unmatched-next',
    fact: "a request without a route reaches the host's next handler untouched",
    on: ({ passesOn }) => passesOn,
    async run({ ask, count }) {
      const answer = await ask({ method: 'POST', path: '/upper?q=1', body: ['still ', 'unread'] });
      expect(answer.status).toBe(202);
      expect(JSON.parse(answer.text)).toEqual({ method: 'POST', url: '/upper?q=1', body: 'still unread' });
      expect(answer.header('x-request-id')).toBeUndefined();
      expect(count(answer.id)).toBe(0);
    },
  },
  {
    id: 'wrong-method',
    fact: 'a path that is there for other methods is 405 with Allow, and the upstream is not asked',
    async run({ ask, service, logged }) {
      const answer = await ask({ method: 'POST', path: '/read-only/x', body: 'x' });
      expect(problemOf(answer)).toMatchObject({ status: 405, code: 'ERR_GATEWAY_METHOD_NOT_ALLOWED' });
      expect(answer.header('allow')).toBe('GET, HEAD');
      expect(service.arrived.has(answer.id)).toBe(false);
      expect(await logged(answer.id)).toMatchObject({ status: 405 });
    },
  },
  ...Object.entries({ escape: '/up/%zz', dots: '/up/a/%2e%2e/b', nul: '/up/%00', backslash: '/up/%5c..%5Cx' }).map(
    ([kind, path]): Case => ({
      id: `malformed-${kind}`,
      fact: `${path} is 400, never reaches the upstream, and ends the connection`,
      async run({ ask, service, logged, traits }) {
        const answer = await ask({ path });
        expect(problemOf(answer)).toMatchObject({ status: 400, code: 'ERR_GATEWAY_REQUEST_MALFORMED' });
        expect(answer.header('connection')).toBe(overHttp1(traits) ? 'close' : undefined);
        expect(service.arrived.has(answer.id)).toBe(false);
        expect(await logged(answer.id)).toMatchObject({ status: 400 });
      },
    }),
  ),
  {
    id: 'malformed-twice',
    fact: 'a field that may be sent only once and comes twice is 400 and ends the connection',
    on: overHttp1,
    async run({ ask, service }) {
      const answer = await ask({ path: '/up/echo', headers: { authorization: ['Basic YTpi', 'Basic YTpj'] } });
      expect(problemOf(answer).code).toBe('ERR_GATEWAY_REQUEST_MALFORMED');
      expect(answer.header('connection')).toBe('close');
      expect(service.arrived.has(answer.id)).toBe(false);
    },
  },
  {
    id: 'params',
    fact: 'parameters go into the rewritten path as they stood on the wire',
    async run({ ask }) {
      const answer = await ask({ path: '/users/j%C3%BC%2Fx/posts/7?full' });
      expect(seenBy(answer).url).toBe('/params/7/j%C3%BC%2Fx?full');
    },
  },
  {
    id: 'forged-origin',
    fact: 'what an untrusted client claims of itself is replaced by what is known',
    async run({ ask, traits }) {
      const forged = { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'gopher', 'x-forwarded-host': 'evil.test' };
      const more = { 'x-real-ip': '1.2.3.4', forwarded: 'for=1.2.3.4', 'x-user-id': 'admin' };
      const { headers } = seenBy(await ask({ path: '/up/echo', headers: { ...forged, ...more } }));
      expect(headers['x-forwarded-for']).toBe('127.0.0.1');
      expect(headers['x-real-ip']).toBe('127.0.0.1');
      expect(headers['x-forwarded-proto']).toBe(traits.protocol === 'https' ? 'https' : 'http');
      expect(headers['x-forwarded-host']).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(headers.forwarded).toMatch(/^for=127\.0\.0\.1;host="127\.0\.0\.1:\d+";proto=https?$/);
      expect(headers['x-user-id']).toBeUndefined();
    },
  },
  {
    id: 'abort-waiting',
    fact: 'a client that leaves before the answer cancels the upstream and is logged as 499',
    async run({ start, service, logged }) {
      const { id, abort } = start({ path: '/up/hang' });
      await eventually(() => service.arrived.has(id), SOON);
      abort();
      await eventually(() => service.gone.has(id), SOON);
      expect(await logged(id)).toMatchObject({ status: 499, aborted: true });
    },
  },
  {
    id: 'abort-download',
    fact: 'a client that leaves amid the answer cancels the upstream and is logged as aborted',
    async run({ start, service, logged }) {
      const { id, head, abort } = start({ path: '/up/trickle' });
      await firstBytes((await head).body);
      abort();
      await eventually(() => service.gone.has(id), SOON);
      expect(await logged(id)).toMatchObject({ aborted: true });
    },
  },
  ...['up', 'small'].map((route): Case => ({
    id: `abort-upload-${route}`,
    fact: `a client that leaves amid its upload cancels the upstream (${route})`,
    async run({ start, service, logged }) {
      const { id, abort } = start({ method: 'POST', path: `/${route}/echo`, body: ['half'], isUnfinished: true });
      await eventually(() => service.arrived.has(id), SOON);
      abort();
      await eventually(() => service.gone.has(id), SOON);
      expect(await logged(id)).toMatchObject({ status: 499, aborted: true });
    },
  })),
  ...['chunked', 'sized'].map((framing): Case => ({
    id: `cut-${framing}`,
    fact: `an upstream that is reset amid its body never looks like a clean end (${framing})`,
    async run({ ask, logged }) {
      const answer = await ask({ path: `/up/cut/${framing}` });
      expect(answer.isComplete).toBe(false);
      expect(await logged(answer.id)).toMatchObject({ aborted: true });
    },
  })),
  {
    id: 'reset',
    fact: 'an upstream that is reset before it answers is 502 without its address',
    async run({ ask, logged }) {
      const answer = await ask({ path: '/up/reset' });
      expect(problemOf(answer)).toMatchObject({ status: 502, code: 'ERR_GATEWAY_UPSTREAM_RESET' });
      expect(answer.text).not.toContain('127.0.0.1');
      expect(await logged(answer.id)).toMatchObject({ status: 502, code: 'ERR_GATEWAY_UPSTREAM_RESET' });
    },
  },
  {
    id: 'early-answer',
    fact: "a middleware in `use` answers in the upstream's place, and the connection stays of use",
    async run({ ask, service, logged }) {
      const answer = await ask({ method: 'POST', path: '/guarded/echo', body: 'unread' });
      expect([answer.status, answer.text, answer.header('www-authenticate')]).toEqual([401, 'no key', 'Key']);
      expect(service.arrived.has(answer.id)).toBe(false);
      expect(await logged(answer.id)).toMatchObject({ status: 401, route: '/guarded' });
      const next = await ask({ method: 'POST', path: '/guarded/echo', headers: { 'x-key': 'right' }, body: 'read' });
      expect(seenBy(next).body).toBe('read');
    },
  },
  ...[
    { id: 'early-answer-large', body: BIG },
    { id: 'early-answer-chunked', body: [BIG.subarray(0, 500_000), BIG.subarray(0, 500_000)] },
  ].map(({ id, body }): Case => ({
    id,
    fact: 'an answer ahead of a large body reaches the client, and so does the next one',
    async run({ ask }) {
      const answer = await ask({ method: 'POST', path: '/guarded/echo', body });
      expect([answer.status, answer.text]).toEqual([401, 'no key']);
      expect(seenBy(await ask({ method: 'POST', path: '/up/echo', body: 'next' })).body).toBe('next');
    },
  })),
  {
    id: 'limit-known',
    fact: 'a body whose length is over the limit is 413 before the upstream is asked',
    async run({ ask, service }) {
      const answer = await ask({ method: 'POST', path: '/small/echo', body: '12345678901' });
      expect(problemOf(answer)).toMatchObject({ status: 413, code: 'ERR_GATEWAY_BODY_TOO_LARGE' });
      expect(service.arrived.has(answer.id)).toBe(false);
      expect(seenBy(await ask({ method: 'POST', path: '/small/echo', body: '1234567890' })).length).toBe(10);
    },
  },
  {
    id: 'limit-crossed',
    fact: 'a body that crosses the limit on its way is 413, and the upstream never gets it whole',
    async run({ ask, service, logged }) {
      const answer = await ask({ method: 'POST', path: '/small/echo', body: ['12345', '67890', '1'] });
      expect(problemOf(answer)).toMatchObject({ status: 413, code: 'ERR_GATEWAY_BODY_TOO_LARGE' });
      if (service.arrived.has(answer.id)) await eventually(() => service.gone.has(answer.id), SOON);
      expect(await logged(answer.id)).toMatchObject({ status: 413 });
      expect(seenBy(await ask({ method: 'POST', path: '/small/echo', body: ['12345', '67890'] })).length).toBe(10);
    },
  },
  {
    id: 'eager-upstream',
    fact: 'an upstream that answers before it has read the body is heard, and the next request works',
    async run({ ask }) {
      const answer = await ask({ method: 'POST', path: '/up/eager', body: BIG.subarray(0, 1_000_000) });
      expect([answer.status, answer.text]).toEqual([413, 'too much, says the upstream']);
      expect(seenBy(await ask({ method: 'POST', path: '/up/echo', body: 'next' })).body).toBe('next');
    },
  },
  {
    id: 'respond-fixed',
    fact: 'a fixed answer comes with its status, fields and length, each time',
    async run({ ask }) {
      for (const answer of [await ask({ path: '/fixed' }), await ask({ path: '/fixed/deeper' })]) {
        expect([answer.status, answer.header('x-fixed'), answer.text]).toEqual([203, 'yes', 'made \u00fcber here']);
        expect(answer.header('content-length')).toBe('15');
        expect(answer.header('content-type')).toBeUndefined();
      }
    },
  },
  {
    id: 'respond-head',
    fact: 'HEAD of a fixed answer has its length and not its body',
    async run({ ask }) {
      const answer = await ask({ method: 'HEAD', path: '/fixed' });
      expect([answer.status, answer.header('content-length'), answer.body.length]).toEqual([203, '15', 0]);
    },
  },
  {
    id: 'respond-bytes',
    fact: 'a fixed answer of bytes comes as these bytes',
    async run({ ask }) {
      expect((await ask({ path: '/bytes' })).body.equals(EVERY_BYTE)).toBe(true);
    },
  },
  {
    id: 'respond-nothing',
    fact: 'a 200 without a body is a 200 without a body',
    async run({ ask }) {
      const answer = await ask({ path: '/nothing' });
      expect([answer.status, answer.body.length, answer.isComplete]).toEqual([200, 0, true]);
    },
  },
  {
    id: 'respond-computed',
    fact: 'a handler answers from parameters, query and protocol',
    async run({ ask, traits }) {
      const answer = await ask({ path: '/computed/caf%C3%A9?x=1' });
      const protocol = traits.protocol === 'https' ? 'https' : 'http';
      expect(JSON.parse(answer.text)).toEqual({ name: 'caf\u00e9', query: '?x=1', protocol });
    },
  },
  ...['throws', 'rejects'].map((kind): Case => ({
    id: `handler-${kind}`,
    fact: `a handler that ${kind} is 500 and tells the client nothing`,
    async run({ ask, logged }) {
      const answer = await ask({ path: `/${kind}` });
      expect(problemOf(answer)).toMatchObject({ status: 500, code: 'ERR_GATEWAY_INTERNAL' });
      expect(answer.text).not.toContain('hunter2');
      expect(await logged(answer.id)).toMatchObject({ status: 500, error: 'the password is hunter2' });
    },
  })),
  {
    id: 'health',
    fact: 'GET and HEAD of /health tell that the process wants traffic',
    async run({ ask }) {
      const answer = await ask({ path: '/health?probe' });
      expect([answer.status, answer.header('cache-control')]).toEqual([200, 'no-store']);
      expect(JSON.parse(answer.text)).toMatchObject({ status: 'healthy' });
      const head = await ask({ method: 'HEAD', path: '/health' });
      expect([head.status, head.body.length]).toEqual([200, 0]);
    },
  },
  {
    id: 'request-id',
    fact: 'the id of a request reaches the upstream and the client; a harmful one is replaced',
    async run({ ask }) {
      const kept = await ask({ path: '/up/echo' });
      expect(kept.header('x-request-id')).toBe(kept.id);
      expect(seenBy(kept).headers['x-request-id']).toBe(kept.id);
      const replaced = await ask({ path: '/up/echo', headers: { 'x-request-id': 'a b' } });
      expect(replaced.header('x-request-id')).toMatch(/^[\da-f-]{36}$/);
      expect(seenBy(replaced).headers['x-request-id']).toBe(replaced.header('x-request-id'));
    },
  },
  {
    id: 'access-log',
    fact: 'the access log names method, path, route and status, and no query',
    async run({ ask, logged }) {
      const { id } = await ask({ method: 'POST', path: '/up/status/201?token=secret', body: 'x' });
      const line = await logged(id);
      expect(line).toMatchObject({ method: 'POST', path: '/up/status/201', route: '/up', status: 201 });
      expect(JSON.stringify(line)).not.toContain('secret');
      expect(line.aborted).toBeUndefined();
    },
  },
  {
    id: 'parallel',
    fact: 'requests at the same time get each its own answer',
    async run({ ask }) {
      const names = Array.from({ length: 24 }, (_, index) => `n${index}`);
      const answers = await Promise.all(names.map((name) => ask({ method: 'POST', path: '/up/echo', body: name })));
      expect(answers.map((answer) => seenBy(answer).body)).toEqual(names);
    },
  },
];

/**
 * The suite. `mount` is called once; each case is a test of its own, named by an id that stays the same.
 *
 * @param name Of the host, for the report.
 */
export function adapterContract(name: string, mount: MountAdapter, given: HostTraits = {}): void {
  const traits: Required<HostTraits> = { protocol: 'http', passesOn: false, ...given };

  describe(`${name} keeps the adapter contract`, () => {
    const service = new Service();
    const lines: LogLine[] = [];
    let server: MountedServer | null = null;
    let client: Client | null = null;
    let asked = 0;

    beforeAll(async () => {
      const target = await service.start();
      const config = configOf(target, (line) => lines.push(JSON.parse(line) as LogLine));
      server = await mount(config, { app: answerFromApp });
      client = traits.protocol === 'http2' ? http2Client(server.port) : http1Client(server.port, traits.protocol);
    });

    afterAll(async () => {
      client?.close();
      await server?.close();
      await service.close();
    });

    function start({ headers = {}, ...ask }: Ask): Started {
      const id = `${traits.protocol}-${++asked}`;
      const started = (client as Client).start({ ...ask, headers: { 'x-request-id': id, ...headers } });
      return { id, ...started };
    }

    const env: Env = {
      traits,
      service,
      start,
      async ask(ask) {
        const { id, head } = start(ask);
        const { status, all, header, body: stream, isComplete } = await head;
        const body = await collect(stream);
        return { id, status, all, header, body, text: body.toString(), isComplete: isComplete() };
      },
      async logged(id) {
        await eventually(() => lines.some(({ requestId }) => requestId === id), SOON);
        return lines.find(({ requestId }) => requestId === id) as LogLine;
      },
      count: (id) => lines.filter(({ requestId }) => requestId === id).length,
    };

    for (const { id, fact, on, run } of CASES) {
      if (on === undefined || on(traits)) test(`[${id}] ${fact}`, () => run(env), TIMEOUT_MS);
    }

    test('[log-once] no exchange was logged twice', () => {
      const ids = lines.map(({ requestId }) => requestId);
      expect(ids.length).toBeGreaterThan(CASES.length / 2);
      expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    });
  });
}

/** The host's own handler: tells what it got. */
function answerFromApp(request: http.IncomingMessage, response: http.ServerResponse): void {
  void requestText(request).then((body) => {
    answerJson(response, 202, { method: request.method, url: request.url, body });
  });
}

function http1Client(port: number, protocol: 'http' | 'https'): Client {
  const agent = protocol === 'https' ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  const secrets = protocol === 'https' ? PSK_CLIENT : {};
  const send = protocol === 'https' ? https.request : http.request;

  return {
    start({ method = 'GET', path, headers, body, isUnfinished = false }) {
      const framing = framingOf(body);
      const request = send({
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { ...headers, ...framing },
        agent,
        ...secrets,
      });
      const head = new Promise<Head>((resolve, reject) => {
        request.on('error', reject);
        request.on('response', (response) => {
          resolve(headOf(response.statusCode ?? 0, pairs(response.rawHeaders), response, () => response.complete));
        });
      });
      head.catch(() => undefined);
      for (const piece of piecesOf(body)) request.write(piece);
      if (!isUnfinished) request.end();
      else if (body !== undefined) request.flushHeaders();
      return { head, abort: () => void request.destroy() };
    },
    close() {
      agent.destroy();
    },
  };
}

function http2Client(port: number): Client {
  const socket = connect(port, '127.0.0.1');
  const session = http2.connect(`http://127.0.0.1:${port}`, { createConnection: () => socket });
  session.on('error', () => undefined);

  return {
    start({ method = 'GET', path, headers, body, isUnfinished = false }) {
      const framing = typeof body === 'string' || body instanceof Uint8Array ? framingOf(body) : {};
      const fields = { ':method': method, ':path': path, ...headers, ...framing };
      const stream = session.request(fields, { endStream: body === undefined && !isUnfinished });
      let isEnded = false;
      stream.on('end', () => {
        isEnded = true;
      });
      const head = new Promise<Head>((resolve, reject) => {
        stream.on('error', reject);
        stream.on('response', ({ ':status': status = 0, ...answered }) => {
          const lines = Object.entries(answered).flatMap(([name, value]) =>
            [value ?? []].flat().map((one): [string, string] => [name, one]),
          );
          resolve(headOf(status, lines, stream, () => isEnded && stream.rstCode === http2.constants.NGHTTP2_NO_ERROR));
        });
      });
      head.catch(() => undefined);
      for (const piece of piecesOf(body)) stream.write(piece);
      if (!isUnfinished) stream.end();
      return {
        head,
        // Node's own `close` ends the body cleanly before it cancels.
        abort: () => void socket.write(resetFrame(stream.id ?? 0)),
      };
    },
    close() {
      session.destroy();
    },
  };
}

/** RST_STREAM with CANCEL (RFC 9113 6.4). */
function resetFrame(streamId: number): Buffer {
  const frame = Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0, http2.constants.NGHTTP2_CANCEL]);
  frame.writeUInt32BE(streamId, 5);
  return frame;
}

function piecesOf(body: Ask['body']): readonly (string | Uint8Array)[] {
  if (body === undefined) return [];
  return typeof body === 'string' || body instanceof Uint8Array ? [body] : body;
}

function framingOf(body: Ask['body']): http.OutgoingHttpHeaders {
  if (body === undefined) return {};
  if (typeof body === 'string' || body instanceof Uint8Array) return { 'content-length': Buffer.byteLength(body) };
  return { 'transfer-encoding': 'chunked' };
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  const lines: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    lines.push([(rawHeaders[i] as string).toLowerCase(), rawHeaders[i + 1] as string]);
  }
  return lines;
}

function headOf(status: number, lines: readonly [string, string][], body: Readable, isComplete: () => boolean): Head {
  const all = (name: string): string[] => lines.filter(([field]) => field === name).map(([, value]) => value);
  const header = (name: string): string | undefined => (all(name).length === 0 ? undefined : all(name).join(', '));
  return { status, all, header, body, isComplete };
}

/** What came of a body, whole or not. */
async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch {
    // Cut short; `isComplete` tells.
  }
  return Buffer.concat(chunks);
}

function firstBytes(stream: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('data', () => {
      resolve();
    });
    stream.on('error', reject);
  });
}
