import { describe, expect, it } from 'vitest';
import { fetchJson, isSecureUrl, secureUrlField, type FetchLimits } from '../../src/auth/fetch-json.js';
import { inspect, type Fault } from '../../src/core/options.js';
import { FakeClock } from '../support/fake-clock.js';

const URL_WITH_SECRETS = 'https://id.test/keys?client_secret=planted#planted';

type Send = (url: string, init: RequestInit) => Promise<Response>;

/** Asks a `fetch` that answers as told. */
function setup(send: Send, limits: FetchLimits = {}) {
  const clock = new FakeClock();
  const asked: { url: string; init: RequestInit }[] = [];
  const fetch = ((url: string, init: RequestInit) => {
    asked.push({ url, init });
    return send(url, init);
  }) as typeof globalThis.fetch;
  const ask = (url = 'https://id.test/keys', init = {}) => fetchJson(url, init, clock, { ...limits, fetch });
  return { clock, asked, ask };
}

function answering(body: string | ReadableStream | null, init?: ResponseInit): Send {
  return () => Promise.resolve(new Response(body, init));
}

/** Bytes that go on for ever, and whether somebody has told them to stop. */
function endless(chunk: Uint8Array): {
  stream: ReadableStream<Uint8Array>;
  state: { cancelled: boolean; sent: number };
} {
  const state = { cancelled: false, sent: 0 };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      state.sent += chunk.length;
      controller.enqueue(chunk);
    },
    cancel() {
      state.cancelled = true;
    },
  });
  return { stream, state };
}

/** Never answers; its promise ends as that of `fetch` does, with the reason of the signal. */
const silent: Send = (_url, { signal }) =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });

describe('fetchJson', () => {
  it('gives status, header and JSON', async () => {
    const { ask } = setup(answering('{"keys":["ä"]}', { status: 201, headers: { 'Cache-Control': 'max-age=5' } }));
    const { status, headers, json } = await ask();
    expect([status, headers.get('cache-control'), json]).toEqual([201, 'max-age=5', { keys: ['ä'] }]);
  });

  it('sends what it is told, and follows no redirect', async () => {
    const { ask, asked } = setup(answering('{}'));
    await ask('https://id.test/a?b=c', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.url).toBe('https://id.test/a?b=c');
    expect(asked[0]?.init).toMatchObject({ method: 'POST', body: 'x', redirect: 'manual' });
  });

  it.each(['', '<html>', '{', '{"a":1}x', 'undefined', 'NaN', '\0'])('reads %j as no JSON', async (text) => {
    const { ask } = setup(answering(text));
    expect((await ask()).json).toBeNull();
  });

  it('reads no JSON where there is no body', async () => {
    const { ask } = setup(answering(null, { status: 204 }));
    expect(await ask()).toMatchObject({ status: 204, json: null });
  });

  it.each([400, 401, 404, 500, 503])('leaves it to others what status %i means', async (status) => {
    const { ask } = setup(answering('{"error":"x"}', { status }));
    expect(await ask()).toMatchObject({ status, json: { error: 'x' } });
  });

  it('puts characters together that came in two chunks', async () => {
    const bytes = Buffer.from('"€😀"');
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const { ask } = setup(answering(stream));
    expect((await ask()).json).toBe('€😀');
  });

  it.each([301, 302, 303, 307, 308, 304])('takes %i for no answer, and reads none of it', async (status) => {
    const { stream, state } = endless(Buffer.alloc(10));
    const headers = { location: 'https://evil.test/planted' };
    const response = new Response(status === 304 ? null : stream, { status, headers });
    let signal: AbortSignal | null | undefined;
    const { ask, clock } = setup((_url, init) => {
      signal = init.signal;
      return Promise.resolve(response);
    });
    await expect(ask()).rejects.toThrow(`https://id.test: a redirect (${status}), which is not followed`);
    expect(state.sent).toBeLessThanOrEqual(10);
    expect(signal?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('gives up when there is no answer in time', async () => {
    const { ask, clock } = setup(silent, { timeoutMs: 250 });
    const asked = expect(ask()).rejects.toThrow('https://id.test: no answer within 250 ms');
    expect(clock.nextInMs).toBe(250);
    await clock.advanceAsync(250);
    await asked;
    expect(clock.pending).toBe(0);
  });

  it('waits for five seconds by default', async () => {
    const { ask, clock } = setup(silent);
    const asked = expect(ask()).rejects.toThrow('no answer within 5000 ms');
    await clock.advanceAsync(5_000);
    await asked;
  });

  it('gives up when the body is not there in time, however much has come', async () => {
    const { ask, clock } = setup((_url, { signal }) => {
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(Buffer.from('{"keys":'));
          signal?.addEventListener('abort', () => {
            controller.error(signal.reason);
          });
        },
      });
      return Promise.resolve(new Response(stream));
    });
    const asked = expect(ask()).rejects.toThrow('https://id.test: no answer within 5000 ms');
    await clock.advanceAsync(5_000);
    await asked;
  });

  it('gives up in time on a fetch that does not look at its signal', async () => {
    const { ask, clock } = setup(() => new Promise(() => undefined));
    const asked = expect(ask()).rejects.toThrow('https://id.test: no answer within 5000 ms');
    await clock.advanceAsync(5_000);
    await asked;
  });

  it('gives up when it is told to, and at once where it was told before', async () => {
    const stop = new AbortController();
    const { ask, asked, clock } = setup(() => new Promise(() => undefined));
    const running = expect(ask('https://id.test/keys', { signal: stop.signal })).rejects.toThrow(
      'https://id.test: closed',
    );
    stop.abort(new Error('closed'));
    await running;
    expect(asked).toHaveLength(1);
    await expect(ask('https://id.test/keys', { signal: stop.signal })).rejects.toThrow('https://id.test: closed');
    expect(asked).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('takes no timer along', async () => {
    const { ask, clock } = setup(answering('{}'));
    await ask();
    expect(clock.pending).toBe(0);
  });

  it('takes as many bytes as allowed, and not one more', async () => {
    const json = '"ä"';
    expect((await setup(answering(json), { maxResponseBytes: 4 }).ask()).json).toBe('ä');
    const tooMuch = setup(answering(json), { maxResponseBytes: 3 });
    await expect(tooMuch.ask()).rejects.toThrow('https://id.test: an answer of more than 3 bytes');
    expect(tooMuch.clock.pending).toBe(0);
  });

  it('cancels a body that goes on', async () => {
    const { stream, state } = endless(Buffer.alloc(65_536, ' '));
    const { ask } = setup(answering(stream));
    await expect(ask()).rejects.toThrow('https://id.test: an answer of more than 1048576 bytes');
    expect(state.cancelled).toBe(true);
    expect(state.sent).toBeLessThan(1_048_576 + 3 * 65_536);
  });

  it.each<[string, Error, string]>([
    [
      'what fetch hides',
      new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') }),
      'connect ECONNREFUSED',
    ],
    ['a plain error', new Error('broken'), 'broken'],
    ['a text', 'broken' as unknown as Error, 'broken'],
    [
      'the code of a failure without a message, as of a host with several addresses',
      new TypeError('fetch failed', {
        cause: Object.assign(new AggregateError([new Error('a'), new Error('b')]), { code: 'ECONNREFUSED' }),
      }),
      'ECONNREFUSED',
    ],
    [
      'the origin in the place of the URL',
      new Error(`request to ${URL_WITH_SECRETS} failed`),
      'request to https://id.test failed',
    ],
  ])('fails with the origin and %s', async (_case, failure, reason) => {
    const { ask, clock } = setup(() => Promise.reject(failure));
    await expect(ask(URL_WITH_SECRETS)).rejects.toThrow(new Error(`https://id.test: ${reason}`));
    expect(clock.pending).toBe(0);
  });

  it('names the origin and nothing else of the URL, whatever went wrong', async () => {
    const url = 'https://ada:planted@id.test:8443/planted?secret=planted';
    const sends: Send[] = [
      () => Promise.reject(new TypeError(`a URL that includes credentials: ${url}`)),
      answering(null, { status: 302 }),
      answering('x'.repeat(2_000_000)),
    ];
    for (const send of sends) {
      const error = (await setup(send)
        .ask(url)
        .catch((thrown: unknown) => thrown)) as Error;
      expect(error.message).toMatch(/^https:\/\/id\.test:8443: /);
      expect(error.message).not.toContain('planted');
    }
  });

  it('fails where fetch throws at once', async () => {
    const { ask, clock } = setup(() => {
      throw new Error('broken');
    });
    await expect(ask()).rejects.toThrow('https://id.test: broken');
    expect(clock.pending).toBe(0);
  });
});

describe('isSecureUrl', () => {
  it.each([
    'https://id.test',
    'https://id.test:8443/a?b',
    'HTTPS://ID.test',
    'http://localhost',
    'http://LOCALHOST:3000/keys',
    'http://127.0.0.1:1',
    'http://127.9.9.9',
    'http://127.1',
    'http://[::1]:3000',
  ])('takes %s', (url) => {
    expect(isSecureUrl(url)).toBe(true);
  });

  it.each([
    '',
    'id.test',
    '/keys',
    'http://id.test',
    'http://10.0.0.1',
    'http://0.0.0.0',
    'http://localhost.evil.test',
    'http://127.0.0.1.evil.test',
    'http://evil.test#localhost',
    'http://localhost@evil.test',
    'http://[::2]',
    'https://ada:planted@id.test',
    'https://ada@id.test',
    'https://:planted@id.test',
    'ftp://localhost',
    'file:///etc/keys',
    'data:application/json,{}',
    'javascript:1',
  ])('refuses %j', (url) => {
    expect(isSecureUrl(url)).toBe(false);
  });

  it('shows no password in a fault', () => {
    const faults: Fault[] = [];
    inspect(secureUrlField, 'https://ada:planted@id.test', 'uri', faults);
    expect(faults).toHaveLength(1);
    expect(JSON.stringify(faults)).not.toContain('planted');
  });
});
