/** Keys over real sockets: what only a real `fetch` does. */
import { createServer, type RequestListener } from 'node:http';
import { onTestFinished, describe, expect, it } from 'vitest';
import { JwksKeys } from '../../../src/auth/jwt/jwks.js';
import type { JwksOptions } from '../../../src/auth/jwt/jwks-options.js';
import { eventually } from '../../support/eventually.js';
import { FakeClock } from '../../support/fake-clock.js';
import { listen, type Listening } from '../../support/listen.js';
import { answerJson } from '../../support/upstream.js';
import { ecJwk } from './fake-issuer.js';

const ignore = (): void => undefined;

async function setUp(handler: RequestListener, options: Partial<JwksOptions> = {}) {
  const asked: string[] = [];
  let current = handler;
  const server = await listen(
    createServer((request, response) => {
      asked.push(request.url ?? '');
      current(request, response);
    }),
  );
  onTestFinished(() => server.close());
  const clock = new FakeClock();
  const keys = new JwksKeys({ uri: `${server.url}/keys`, clock, onOutage: ignore, ...options });
  onTestFinished(() => {
    keys.close();
  });
  const answerWith = (next: RequestListener): void => void (current = next);
  return { asked, server, clock, keys, answerWith };
}

function keySet(...kids: string[]): RequestListener {
  const keys = kids.map((kid) => ecJwk(kid));
  return (_request, response) => {
    answerJson(response, 200, { keys });
  };
}

/** The connection of the fetch is closed; `fetch` may have opened another one for the next. */
function hasClosed({ accepted, connections }: Listening): boolean {
  return connections < accepted;
}

describe('over a socket', () => {
  it('keys are fetched, and new ones picked up with the first token that names one', async () => {
    const { asked, clock, keys, answerWith } = await setUp(keySet('old'));
    expect(await keys.find('old', 'ES256')).toHaveLength(1);
    answerWith(keySet('new'));
    clock.advance(30_000);
    expect(await keys.find('new', 'ES256')).toHaveLength(1);
    expect(await keys.find('old', 'ES256')).toEqual([]);
    expect(asked).toEqual(['/keys', '/keys']);
  });

  it('a redirect is not followed', async () => {
    const { asked, keys } = await setUp((_request, response) => {
      response.writeHead(302, { location: '/other' }).end();
    });
    expect(await keys.find('a', 'ES256')).toMatchObject({
      failure: 'unavailable',
      reason: expect.stringContaining('a redirect (302), which is not followed') as string,
    });
    expect(asked).toEqual(['/keys']);
  });

  it('an endless answer is cut off at its limit, and its connection closed', async () => {
    const { server, keys } = await setUp((_request, response) => {
      const chunk = Buffer.alloc(65_536, ' ');
      response.writeHead(200, { 'content-type': 'application/json' });
      const write = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', write);
      write();
    });
    expect(await keys.find('a', 'ES256')).toMatchObject({
      failure: 'unavailable',
      reason: expect.stringContaining('an answer of more than 1048576 bytes') as string,
    });
    await eventually(() => hasClosed(server));
  });

  it('a page is no key set', async () => {
    const { keys } = await setUp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><h1>Maintenance</h1>');
    });
    expect(await keys.find('a', 'ES256')).toMatchObject({
      failure: 'unavailable',
      reason: expect.stringContaining('no JSON object') as string,
    });
  });

  it.each<[string, RequestListener]>([
    ['before its head', ignore],
    ['in its body', (_request, response) => void response.writeHead(200).write('{"keys":[')],
  ])('an answer that hangs %s is given up after timeoutMs, and its connection closed', async (_case, hang) => {
    const { asked, server, clock, keys } = await setUp(hang, { timeoutMs: 700 });
    const waiting = keys.find('a', 'ES256');
    await eventually(() => asked.length === 1);
    clock.advance(700);
    expect(await waiting).toMatchObject({
      failure: 'unavailable',
      reason: expect.stringContaining('no answer within 700 ms') as string,
    });
    await eventually(() => hasClosed(server));
  });

  it('close ends a fetch that hangs', async () => {
    const { asked, server, clock, keys } = await setUp(ignore);
    const waiting = keys.find('a', 'ES256');
    await eventually(() => asked.length === 1);
    keys.close();
    expect(await waiting).toMatchObject({ failure: 'unavailable' });
    await eventually(() => hasClosed(server));
    expect(clock.pending).toBe(0);
  });

  it('nobody who answers is unavailable with the reason of the system', async () => {
    const { server, keys } = await setUp(ignore);
    await server.close();
    expect(await keys.find('a', 'ES256')).toMatchObject({
      failure: 'unavailable',
      reason: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});
