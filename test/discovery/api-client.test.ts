import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createRawServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient, type ApiClientOptions, type ApiRequest } from '../../src/discovery/api-client.js';
import { authority, hasOpenssl } from '../integration/certificates.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { listen, type Listening } from '../support/listen.js';

const servers: Listening[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(server: Server): Promise<Listening> {
  const listening = await listen(server);
  servers.push(listening);
  return listening;
}

function serve(listener: RequestListener): Promise<Listening> {
  return start(createServer(listener));
}

function setUp(url: string, options: Partial<ApiClientOptions> = {}) {
  const clock = new FakeClock();
  const client = new ApiClient({ url, clock, ...options });
  const controller = new AbortController();
  const request: ApiRequest = { path: '/x', timeoutMs: 1_000, signal: controller.signal };
  return { clock, client, controller, request };
}

describe('ApiClient', () => {
  it('asks below the path of its URL, on a connection that is closed with the answer', async () => {
    const seen: unknown[] = [];
    const server = await serve(({ method, url, headers }, response) => {
      seen.push([method, url, headers.accept, headers['x-token']]);
      response.writeHead(200, { 'x-index': '7' }).end('{"a":1}');
    });
    const { client, request, clock } = setUp(`${server.url}/registry/`);
    const answer = await client.ask({ ...request, path: '/v1?a=b', headers: { 'x-token': 't' } });
    expect(answer).toMatchObject({ status: 200, json: { a: 1 }, headers: { 'x-index': '7' } });
    expect(seen).toEqual([['GET', '/registry/v1?a=b', 'application/json', 't']]);
    await eventually(() => server.connections === 0);
    expect(clock.pending).toBe(0);
  });

  it('sends a body as JSON, with its length in bytes', async () => {
    const server = await serve((request, response) => {
      const { method, headers } = request;
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        response.end(JSON.stringify([method, headers['content-type'], headers['content-length'], body]));
      });
    });
    const { client, request } = setUp(server.url);
    const { json } = await client.ask({ ...request, body: { key: 'é' } });
    expect(json).toEqual(['POST', 'application/json', '12', '{"key":"é"}']);
  });

  it.each([
    ['HTML', 200, '<html>'],
    ['nothing', 200, ''],
    ['an error', 500, 'rpc error'],
  ])('gives %s for what it is', async (_what, status, body) => {
    const server = await serve((_request, response) => response.writeHead(status).end(body));
    const { client, request } = setUp(server.url);
    expect(await client.ask(request)).toMatchObject({ status, json: undefined });
  });

  it.each([
    ['before the answer', '', 'it was silent for 1000 ms'],
    ['within the answer', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{', 'it was silent for 1000 ms'],
  ])('gives a registry up that is silent %s', async (_when, bytes, message) => {
    const server = await start(createRawServer((socket) => socket.resume().write(bytes)));
    const { client, request, clock } = setUp(server.url);
    const answer = client.ask(request);
    const failed = expect(answer).rejects.toThrow(message);
    await eventually(() => server.connections === 1);
    await eventually(() => {
      clock.advance(200);
      return clock.pending === 0;
    });
    await failed;
    await eventually(() => server.connections === 0);
  });

  it('waits for an answer as long as some of it comes', async () => {
    let say: (text: string) => void = () => undefined;
    const server = await serve((_request, response) => {
      say = (text) => response.write(text);
      say('[1');
    });
    const { client, request, clock } = setUp(server.url);
    const failed = expect(client.ask(request)).rejects.toThrow('it was silent for 1000 ms');
    for (let word = 0; word < 4; word++) {
      await eventually(() => clock.nextInMs === 1_000);
      clock.advance(900);
      say(',1');
    }
    await eventually(() => clock.nextInMs === 1_000);
    clock.advance(1_000);
    await failed;
  });

  it.each([
    ['closes', ''],
    ['cuts its answer short', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'],
    ['speaks no HTTP', 'SSH-2.0-OpenSSH_9\r\n'],
    ['changes the protocol', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'],
  ])('rejects where the registry %s', async (_what, bytes) => {
    const server = await start(
      createRawServer((socket) => {
        socket.once('data', () => socket.write(bytes, () => bytes.includes('101') || socket.end()));
      }),
    );
    const { client, request, clock } = setUp(server.url);
    await expect(client.ask(request)).rejects.toThrow();
    expect(clock.pending).toBe(0);
  });

  it('takes no answer that is larger than 16 MB', async () => {
    const megabyte = 'x'.repeat(1024 * 1024);
    const server = await serve((_request, response) => {
      for (let count = 0; count < 17; count++) response.write(megabyte);
      response.end();
    });
    const { client, request } = setUp(server.url);
    await expect(client.ask(request)).rejects.toThrow('larger than 16777216 bytes');
    const line = client.stream(request, () => undefined);
    await expect(line).rejects.toThrow('a line is larger than 16777216 bytes');
    await eventually(() => server.connections === 0);
  });

  it.each([['before'], ['within']])('ends with its signal, %s the answer', async (when) => {
    const server = await serve((_request, response) => {
      if (when === 'within') response.write('{');
    });
    const { client, request, controller, clock } = setUp(server.url);
    const answer = client.ask(request);
    const failed = expect(answer).rejects.toThrow();
    await eventually(() => server.connections === 1);
    controller.abort();
    await failed;
    await eventually(() => server.connections === 0);
    expect(clock.pending).toBe(0);
  });

  describe('of a stream', () => {
    it('tells line by line, wherever the chunks are cut', async () => {
      const bytes = Buffer.from('{"a":"é"}\n\n{"b":2}\r\nno json\n{"c":3}');
      const server = await serve((_request, response) => {
        let at = 0;
        function writeNext(): void {
          if (at === bytes.length) response.end();
          else response.write(bytes.subarray(at, ++at), () => setImmediate(writeNext));
        }
        writeNext();
      });
      const { client, request, clock } = setUp(server.url);
      const lines: unknown[] = [];
      await client.stream(request, (line) => lines.push(line));
      expect(lines).toEqual([{ a: 'é' }, { b: 2 }, undefined, { c: 3 }]);
      expect(clock.pending).toBe(0);
    });

    it('rejects with the status where that is not 200', async () => {
      const server = await serve((_request, response) => response.writeHead(410).end('{}'));
      const { client, request } = setUp(server.url);
      await expect(client.stream(request, () => undefined)).rejects.toMatchObject({
        name: 'ApiStatusError',
        status: 410,
        message: 'it answered with status 410',
      });
      await eventually(() => server.connections === 0);
    });

    it('rejects where it breaks, having told what came before', async () => {
      const server = await serve((_request, response) => {
        response.write('{"a":1}\n', () => setImmediate(() => response.destroy()));
      });
      const { client, request } = setUp(server.url);
      const lines: unknown[] = [];
      await expect(client.stream(request, (line) => lines.push(line))).rejects.toThrow();
      expect(lines).toEqual([{ a: 1 }]);
    });

    it('rejects with what its listener throws, and leaves nothing open', async () => {
      const server = await serve((_request, response) => response.write('{"a":1}\n'));
      const { client, request, clock } = setUp(server.url);
      const broken = client.stream(request, () => {
        throw new Error('compacted');
      });
      await expect(broken).rejects.toThrow('compacted');
      await eventually(() => server.connections === 0);
      expect(clock.pending).toBe(0);
    });

    it('bears silence for idleMs after each word', async () => {
      let say: (text: string) => void = () => undefined;
      const server = await serve((_request, response) => {
        say = (text) => response.write(text);
        say('1\n');
      });
      const { client, request, clock } = setUp(server.url);
      const lines: unknown[] = [];
      const failed = expect(client.stream({ ...request, idleMs: 60_000 }, (line) => lines.push(line))).rejects.toThrow(
        'it was silent for 60000 ms',
      );
      for (let word = 1; word < 4; word++) {
        await eventually(() => lines.length === word);
        clock.advance(59_999);
        say('1\n');
      }
      await eventually(() => lines.length === 4);
      clock.advance(60_000);
      await failed;
    });
  });

  describe.skipIf(!hasOpenssl)('over TLS', () => {
    it('trusts nobody but whom it was told to', async () => {
      const issuer = authority('registry');
      const { cert, key } = issuer.issue('IP:127.0.0.1');
      const other = issuer.issue('DNS:elsewhere.test');
      issuer.remove();
      const respond: RequestListener = (_request, response) => response.end('1');
      const { port } = await start(createSecureServer({ cert, key }, respond));
      const elsewhere = await start(createSecureServer(other, respond));

      async function ask(at: number, tls?: ApiClientOptions['tls']): Promise<unknown> {
        const { client, request } = setUp(`https://127.0.0.1:${at}`, tls && { tls });
        return (await client.ask(request)).json;
      }

      await expect(ask(port)).rejects.toThrow();
      await expect(ask(elsewhere.port, { ca: issuer.ca })).rejects.toThrow('altnames');
      expect(await ask(port, { ca: issuer.ca })).toBe(1);
      expect(await ask(elsewhere.port, { ca: issuer.ca, servername: 'elsewhere.test' })).toBe(1);
    });
  });
});
