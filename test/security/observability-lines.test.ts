/** One exchange is one bounded line, in every form of the log, whatever a client or an application puts into it. */
import { createServer } from 'node:http';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { gateway } from '../../src/adapters/node/index.js';
import type { AuthStrategy } from '../../src/auth/index.js';
import type { Middleware } from '../../src/core/types.js';
import { MB, start, startRawUpstream } from '../integration/harness.js';
import { eventually } from '../support/eventually.js';
import { exchange } from '../support/raw-client.js';
import { startSdk, stopSdk } from '../tracing/support.js';
import { get } from './front.js';
import { LOG_NAMES, logOptions } from './logs.js';

/** Control characters and everything that some viewer takes for the end of a line. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\ufeff]/u;
/** 32,768 characters, each of them escaped. */
const LONGEST_LINE = 6 * 32_768 + 100;

/** What ends a record, a line or the state of a terminal, and begins another. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a record of its own': '"}\n{"level":"error","message":"forged"}',
  'a record of its own, after CR LF': '"}\r\n{"level":"error","message":"forged"}',
  'a line of Apache':
    '" 200 5 "-" "-"\n10.0.0.1 - root [01/Jan/2026:00:00:00 +0000] "GET /forged HTTP/1.1" 200 5 "-" "-',
  'a terminal that is cleared': '\u001b[2J\u001b]0;forged\u0007',
  'separators of lines': 'a\u2028b\u2029c\u0085d\u000be\u000cf',
  'control characters of C1': '\u009b31m\u0090forged\u009c',
  NUL: 'a\u0000b',
  'a byte order mark, and text that runs backwards': '\ufeff\u202eforged',
  'half of a pair': 'a\ud800b',
  '1 MB': 'x'.repeat(1_048_576),
  '1 MB of control characters': '\u0000'.repeat(1_048_576),
  '1 MB of words': 'forged="1" '.repeat(95_325),
};

/** As the value of a header field: one character a byte, without those that Node refuses. */
function asField(text: string): string {
  return Buffer.from(text.slice(0, 2_000))
    .toString('latin1')
    .replace(/[^ -~\x80-\xff]/g, '');
}

/** As a part of a URL. */
function percentEncoded(text: string): string {
  return Array.from(Buffer.from(text.slice(0, 2_000)), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

const SOON = { everyMs: 1 };

interface Logged {
  /** All that has been written, the line ends too. */
  text(): string;
  /** Sends a request and gives what was written for it, held to what is true of every line. */
  lineOf(request: string | Uint8Array): Promise<string>;
}

interface LoggedOptions {
  /** What `/throws` throws, and why `/refused` refuses. */
  message?: string;
  /** Who calls. */
  id?: string;
}

async function logged(log: string, { message = 'none', id = 'caller' }: LoggedOptions = {}): Promise<Logged> {
  const chunks: string[] = [];
  const origin = await startRawUpstream();
  const strategy: AuthStrategy = {
    name: 'fake',
    scheme: 'Bearer',
    sources: [],
    authenticate: ({ request }) =>
      request.path === '/refused'
        ? { failure: 'invalid', reason: message }
        : { id, scheme: 'fake', claims: {}, scopes: [], roles: [] },
  };
  const throwing: Middleware = () => {
    throw Object.assign(new Error(message), { name: message });
  };
  const odd: Middleware = (ctx, next) => {
    ctx.cache = message;
    ctx.requestId = message;
    return next(ctx);
  };
  const listener = gateway({
    tracing: true,
    defaults: { auth: { strategies: [strategy] }, stripPrefix: false },
    routes: [
      { path: '/', target: origin.url },
      { path: '/params/:one', target: origin.url },
      { path: '/throws', respond: { body: '' }, use: [throwing] },
      { path: '/odd', respond: { body: '' }, use: [odd] },
      { path: '/last', respond: { body: '' }, auth: false },
    ],
    accessLog: {
      query: true,
      headers: ['referer', 'x-hostile'],
      ...logOptions(log, (text) => chunks.push(text)),
    },
  });
  const running = await start(createServer({ maxHeaderSize: 8 * MB }, listener));
  onTestFinished(() => listener.close({ timeoutMs: 0 }));
  const text = (): string => chunks.join('');
  const lineOf = async (request: string | Uint8Array): Promise<string> => {
    const before = text().length;
    await exchange(running.port, request, { settleMs: 0 });
    await eventually(() => text().length > before, SOON);
    // What follows is behind everything that the first request has caused.
    const after = text().length;
    await exchange(running.port, get('/last', 'Connection: close'), { settleMs: 0 });
    await eventually(() => text().length > after, SOON);
    const line = text().slice(before, after);
    expect(line.endsWith('\n')).toBe(true);
    expect(line.slice(0, -1)).not.toMatch(UNPRINTABLE);
    expect(line.length).toBeLessThan(LONGEST_LINE);
    return line;
  };
  return { text, lineOf };
}

describe.each(LOG_NAMES)('the log written by %s', (log) => {
  it.each(Object.entries(HOSTILE))('has one line for a client that sends %s', async (_name, hostile) => {
    const { lineOf } = await logged(log);
    const names = ['User-Agent', 'Referer', 'X-Hostile', 'X-Request-Id', 'X-Forwarded-For', 'X-Real-IP', 'traceparent'];
    await lineOf(get('/x', ...names.map((name) => `${name}: ${asField(hostile)}`)));
    for (const path of ['/x/', '/params/', '/x?q=', '/x?']) await lineOf(get(path + percentEncoded(hostile)));
  });

  it.each(Object.entries(HOSTILE))('has one line for errors, reasons and words that are %s', async (_name, message) => {
    const { lineOf } = await logged(log, { message });
    expect(await lineOf(get('/throws'))).toContain('500');
    expect(await lineOf(get('/refused'))).toContain('401');
    await lineOf(get('/odd'));
  });

  it.each(Object.entries(HOSTILE))('has one line for an identity that is called %s', async (_name, id) => {
    const { lineOf } = await logged(log, { id });
    expect(await lineOf(get('/x'))).toContain('200');
  });

  it('has one line for a path, a query and fields of 1 MB', async () => {
    const { lineOf } = await logged(log);
    for (const letter of ['a', '"'])
      for (const target of [`/${letter.repeat(MB)}`, `/params/${letter.repeat(MB)}`, `/x?${letter.repeat(MB)}`])
        await lineOf(get(target));
    for (const name of ['User-Agent', 'Referer', 'X-Hostile', 'X-Request-Id', 'X-Forwarded-For', 'tracestate'])
      await lineOf(get('/x', `${name}: ${'"'.repeat(MB)}`));
  });
});

describe('spans', () => {
  afterEach(stopSdk);

  it.each(Object.entries(HOSTILE))(
    'are bounded where a client, an error and a caller say %s',
    async (_name, hostile) => {
      const sdk = startSdk();
      const { lineOf } = await logged('json', { message: hostile, id: hostile });
      const query = percentEncoded(hostile);
      for (const path of ['/x', '/throws', '/refused', '/odd'])
        await lineOf(get(`${path}?q=${query}`, `User-Agent: ${asField(hostile)}`));
      await eventually(() => expect(sdk.spans.length).toBeGreaterThan(7));
      for (const { name, attributes, events } of sdk.spans)
        expect(JSON.stringify([name, attributes, events]).length).toBeLessThan(LONGEST_LINE);
    },
  );
});
