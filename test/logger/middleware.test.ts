import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Context, Outcome } from '../../src/core/context.js';
import { finishLateWork } from '../../src/core/late-work.js';
import { ConfigError, type Fault } from '../../src/core/options.js';
import type { GatewayResponse } from '../../src/core/types.js';
import { accessLog, jsonLogger, type AccessLogOptions, type AccessRecord } from '../../src/logger/index.js';
import { inspectAccessLogOptions } from '../../src/logger/options.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

function ok(): GatewayResponse {
  return { status: 200, headers: {}, body: 'ok' };
}

/** Logs exchanges and gives the lines. */
function setUp(options: AccessLogOptions = {}): {
  lines: string[];
  log: (ctx?: Context, outcome?: Partial<Outcome>) => void;
} {
  const lines: string[] = [];
  const middleware = accessLog(
    options.logger === undefined ? { sink: (line) => void lines.push(line), ...options } : options,
  );
  const log = (ctx = fakeContext(), outcome: Partial<Outcome> = {}): void => {
    void middleware(ctx, ok);
    ctx.finish({ status: 200, aborted: false, ...outcome });
  };
  return { lines, log };
}

const stdout: string[] = [];
const stderr: string[] = [];
const warnings: Error[] = [];

vi.mock('../../src/logger/standard-lines.js', () => ({
  stderrLines: (line: string) => void stderr.push(line),
  stdoutLines: (line: string) => void stdout.push(line),
  writeAtExit: () => undefined,
  flushLines: () => Promise.resolve(),
}));

function collectWarning(warning: Error): void {
  warnings.push(warning);
}

beforeEach(() => {
  stdout.length = stderr.length = 0;
  warnings.length = 0;
  process.on('warning', collectWarning);
});

afterEach(() => {
  process.off('warning', collectWarning);
});

function turn(): Promise<void> {
  return new Promise(setImmediate);
}

describe('accessLog', () => {
  it('writes one line when the exchange is over, not before', () => {
    const lines: string[] = [];
    const ctx = fakeContext({ url: '/users/42?token=planted' });
    void accessLog({ sink: (line) => void lines.push(line), query: true })(ctx, ok);
    expect(lines).toEqual([]);
    ctx.finish({ status: 200, aborted: false });
    ctx.finish({ status: 500, aborted: true });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ path: '/users/42', query: '?token=[redacted]', status: 200 });
  });

  it('writes the lines of standard output a little later, in a row', () => {
    const log = accessLog();
    for (const url of ['/1', '/2']) {
      const ctx = fakeContext({ url });
      void log(ctx, ok);
      ctx.finish({ status: 200, aborted: false });
    }
    expect(stdout).toEqual([]);
    finishLateWork();
    expect(stdout.map((line) => (JSON.parse(line) as { path: string }).path)).toEqual(['/1', '/2']);
  });

  it('writes the line of an answer that was cut short at once: more may go wrong with it', () => {
    const ctx = fakeContext();
    void accessLog()(ctx, ok);
    ctx.finish({ status: 499, aborted: true });
    expect(stdout).toHaveLength(1);
  });

  it('tells nothing of a query unless it is asked for', () => {
    const lines: string[] = [];
    const ctx = fakeContext({ url: '/users/42?name=planted' });
    void accessLog({ sink: (line) => void lines.push(line) })(ctx, ok);
    ctx.finish({ status: 200, aborted: false });
    expect(lines[0]).not.toContain('planted');
  });

  it('leaves out what the gateway passes on: its host answers', () => {
    const lines: string[] = [];
    const ctx = fakeContext();
    void accessLog({ sink: (line) => void lines.push(line) })(ctx, ok);
    ctx.finish({ status: 404, aborted: false, passedOn: true });
    expect(lines).toEqual([]);
  });

  it('returns the very answer of the layers inside', () => {
    const response = ok();
    expect(accessLog()(fakeContext(), () => response)).toBe(response);
  });

  it('holds neither credentials, header fields that nobody asked for, nor a body', () => {
    const { lines, log } = setUp();
    const headers = { authorization: 'planted', cookie: 'planted', 'x-api-key': 'planted', 'x-other': 'planted' };
    log(fakeContext({ method: 'POST', url: '/x?token=planted', headers, body: 'planted' }));
    expect(lines.join('')).not.toContain('planted');
  });

  it('logs the header fields that it is told to', () => {
    const { lines, log } = setUp({ headers: ['Accept', 'Cookie', 'X-Own'], redact: ['x-own'] });
    log(fakeContext({ headers: { accept: 'text/html', cookie: 'planted', 'x-own': 'planted', 'x-other': 'planted' } }));
    const expected = { accept: 'text/html', cookie: '[redacted]', 'x-own': '[redacted]' };
    expect((JSON.parse(lines[0] ?? '') as AccessRecord).headers).toEqual(expected);
  });

  describe('skip', () => {
    it('leaves out what it returns true for', () => {
      const { lines, log } = setUp({ skip: ({ request }, { status }) => request.path === '/health' && status === 200 });
      log(fakeContext({ url: '/health' }));
      log(fakeContext({ url: '/health' }), { status: 503 });
      log(fakeContext({ url: '/x' }));
      expect(lines.map((line) => (JSON.parse(line) as AccessRecord).message)).toEqual([
        'GET /health 503',
        'GET /x 200',
      ]);
    });

    it('logs the exchange where it throws, or returns something else, and tells so once', async () => {
      const throwing = setUp({
        skip: () => {
          throw new Error('no');
        },
      });
      throwing.log();
      throwing.log();
      const promising = setUp({ skip: (() => Promise.resolve(true)) as never });
      promising.log();
      expect([throwing.lines.length, promising.lines.length]).toEqual([2, 1]);
      await turn();
      expect(warnings).toMatchObject([{ code: 'ERR_GATEWAY_LOG_SKIP' }]);
    });
  });

  describe('sampleRate', () => {
    it('logs that share of what went well, and every warning and error', () => {
      const numbers = [0.1, 0.3, 0.29, 0.99];
      const { lines, log } = setUp({ sampleRate: 0.3, random: () => numbers.shift() ?? 0 });
      for (const url of ['/1', '/2', '/3', '/4']) log(fakeContext({ url }));
      expect(lines.map((line) => (JSON.parse(line) as AccessRecord).path)).toEqual(['/1', '/3']);
      numbers.push(0.9, 0.9, 0.9);
      log(fakeContext(), { status: 404 });
      log(fakeContext(), { status: 500 });
      log(fakeContext(), { aborted: true });
      expect(lines).toHaveLength(5);
      expect(numbers).toHaveLength(3);
    });

    it.each([
      [0, 0],
      [1, 1],
    ])('of %d logs %d of one', (sampleRate, count) => {
      const { lines, log } = setUp({ sampleRate, random: () => 0 });
      log();
      expect(lines).toHaveLength(count);
    });
  });

  describe('format', () => {
    function line(options: AccessLogOptions, request: FakeRequestOptions = {}, outcome: Partial<Outcome> = {}): string {
      const { lines, log } = setUp(options);
      const clock = new FakeClock();
      const ctx = fakeContext({ url: '/a/b?page=2&token=planted', ...request }, { clock });
      ctx.requestId = 'id-1';
      clock.advance(12.34);
      log(ctx, { bytesOut: 512, ...outcome });
      expect(lines).toHaveLength(1);
      return lines[0] ?? '';
    }

    it('combined is the log format of Apache', () => {
      const headers = { referer: 'https://app.test/?session=planted', 'user-agent': 'curl/8' };
      expect(line({ format: 'combined', query: true }, { headers })).toBe(
        '203.0.113.7 - - [01/Jan/2026:00:00:00 +0000] "GET /a/b?page=2&token=[redacted] HTTP/1.1" 200 512 ' +
          '"https://app.test/?session=[redacted]" "curl/8"',
      );
      for (const bytesOut of [undefined, 0])
        expect(line({ format: 'combined' }, {}, { bytesOut })).toMatch(/ 200 - "-" "-"$/);
    });

    it('combined escapes as Apache does', () => {
      const { lines, log } = setUp({ format: 'combined' });
      const ctx = fakeContext({ url: '/x', headers: { 'user-agent': 'a"b\\c\u001b[31m\r\n\u2028é' } });
      ctx.identity = { id: 'ada [x] "GET\n', scheme: 'jwt', claims: {}, scopes: [], roles: [] };
      log(ctx);
      expect(lines[0]).toContain(String.raw`- ada\x20[x]\x20\"GET\x0a [01/`);
      expect(lines[0]).toMatch(/"a\\"b\\\\c\\x1b\[31m\\x0d\\x0a\\xe2\\x80\\xa8\\xc3\\xa9"$/);
    });

    it('dev is a short line for people', () => {
      expect(line({ format: 'dev' })).toBe('GET /a/b 200 12.3 ms - 512 id-1');
      expect(line({ format: 'dev', query: true })).toBe('GET /a/b?page=2&token=[redacted] 200 12.3 ms - 512 id-1');
      expect(line({ format: 'dev' }, {}, { bytesOut: undefined, status: 499 })).toMatch(/ 499 12.3 ms - - id-1$/);
    });

    it('a function writes the record, held to one bounded line, or leaves it out', () => {
      expect(line({ query: true, format: ({ method, query }) => `${method} ${query ?? ''}` })).toBe(
        'GET ?page=2&token=[redacted]',
      );
      const hostile = line({ format: () => `a\r\n\u001b[31m\u2028${'x'.repeat(1_000_000)}` });
      expect(hostile).toMatch(/^a\\u000d\\u000a\\u001b\[31m\\u2028x/);
      expect(hostile.length).toBeLessThan(33_000);
      const { lines, log } = setUp({ format: () => null });
      log();
      expect(lines).toEqual([]);
    });

    it.each<[string, () => never]>([
      [
        'throws',
        () => {
          throw new Error('no');
        },
      ],
      ['returns no string', () => 42 as never],
    ])('a function that %s costs no line: it is JSON', async (_case, format) => {
      expect(JSON.parse(line({ format }))).toMatchObject({ path: '/a/b', status: 200 });
      await turn();
      expect(warnings.every(({ message }) => message.includes('The format of the access log failed'))).toBe(true);
    });

    it.each(['json', 'combined', 'dev'] as const)('%s keeps to one bounded line', (format) => {
      const { lines, log } = setUp({ format, headers: ['x-own'] });
      const hostile = `\r\n\u001b[31m\u2028\u009b${'x'.repeat(100_000)}`;
      const ctx = fakeContext({
        url: `/${'a'.repeat(1_000_000)}`,
        headers: { 'user-agent': hostile, 'x-own': hostile },
      });
      log(ctx);
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(lines[0]?.length).toBeLessThan(8_192);
    });
  });

  describe('logger', () => {
    it('gets the record and its message at the level of the record', () => {
      const calls: unknown[][] = [];
      const take =
        (level: string) =>
        (...args: unknown[]): void =>
          void calls.push([level, ...args]);
      const logger = { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') };
      const { log } = setUp({ logger });
      log();
      log(fakeContext(), { status: 404 });
      log(fakeContext(), { status: 500 });
      expect(calls.map(([level, , message]) => [level, message])).toEqual([
        ['info', 'GET / 200'],
        ['warn', 'GET / 404'],
        ['error', 'GET / 500'],
      ]);
      expect(calls[0]?.[1]).toMatchObject({ method: 'GET', path: '/', status: 200, clientIp: '203.0.113.7' });
      for (const name of ['level', 'timestamp', 'message']) expect(calls[0]?.[1]).not.toHaveProperty(name);
    });

    it('gets the line of another format for a message, or nothing where that is null', () => {
      const lines: string[] = [];
      const logger = jsonLogger({ sink: (line) => void lines.push(line), clock: new FakeClock() });
      setUp({ logger, format: 'dev' }).log();
      setUp({ logger, format: () => null }).log();
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
        expect.objectContaining({ message: 'GET / 200 0.0 ms - - -', status: 200, level: 'info' }),
      ]);
    });

    it('that throws breaks no exchange, and loses no record', async () => {
      const fail = (): never => {
        throw new Error('full');
      };
      const { log } = setUp({ logger: { debug: fail, info: fail, warn: fail, error: fail } });
      expect(() => log()).not.toThrow();
      expect(JSON.parse(stderr[0] ?? '')).toMatchObject({ level: 'info', path: '/', message: 'GET / 200' });
      await turn();
      expect(warnings).toMatchObject([{ code: 'ERR_GATEWAY_LOGGER' }]);
    });
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('full'))],
  ])('loses no line to a sink that %s', async (_case, sink) => {
    const { log } = setUp({ sink: sink });
    log();
    await turn();
    expect(stderr).toHaveLength(1);
    expect(JSON.parse(stderr[0] ?? '')).toMatchObject({ path: '/' });
  });

  it.each<[string, unknown]>([
    ['a sink that is no function', { sink: 'stdout' }],
    ['an unknown option', { snik: () => undefined }],
    ['a logger without warn', { logger: { debug() {}, info() {}, error() {} } }],
    ['a logger beside a sink', { logger: console, sink: () => undefined }],
    ['a format that is not known', { format: 'common' }],
    ['a share above 1', { sampleRate: 100 }],
    ['a share that is no number', { sampleRate: NaN }],
    ['a skip that is no function', { skip: true }],
    ['a header field with a blank', { headers: ['user agent'] }],
    ['an empty name to keep back', { redact: [''] }],
  ])('does not start with %s', (_case, options) => {
    expect(() => accessLog(options as AccessLogOptions)).toThrow(ConfigError);
  });

  it('names every fault at its path', () => {
    const faults: Fault[] = [];
    inspectAccessLogOptions({ logger: console, sink: 1, sampleRate: 2, fromat: 'dev' } as never, 'accessLog', faults);
    expect(faults.map(({ path }) => path)).toEqual([
      'accessLog.sink',
      'accessLog.sampleRate',
      'accessLog.fromat',
      'accessLog.sink',
    ]);
    expect(faults[2]?.message).toContain('did you mean format?');
  });
});
