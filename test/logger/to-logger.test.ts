import { execFile } from 'node:child_process';
import { Console } from 'node:console';
import { EventEmitter } from 'node:events';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import winston from 'winston';
import { ConfigError } from '../../src/core/options.js';
import { jsonLogger, toLogger, type Logger } from '../../src/logger/index.js';

function memory(): { stream: Writable; lines: () => string[]; records: () => Record<string, unknown>[] } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const lines = (): string[] => text.split('\n').filter((line) => line !== '');
  return { stream, lines, records: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>) };
}

function toStream(stream: Writable): winston.transport {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston types it as an interface
  return new winston.transports.Stream({ stream });
}

const HOSTILE = 'a\r\n\u001b[31m\u2028\u0085b';
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\ufeff]/u;

const LOGGERS: [string, (stream: Writable) => Logger][] = [
  ['pino', (stream) => pino({ level: 'debug' }, stream)],
  ['a child of pino', (stream) => pino({ level: 'debug' }, stream).child({ service: 'gateway' })],
  ['winston', (stream) => winston.createLogger({ level: 'debug', transports: [toStream(stream)] })],
  [
    'a child of winston',
    (stream) => winston.createLogger({ level: 'debug', transports: [toStream(stream)] }).child({ service: 'gateway' }),
  ],
  ['a console', (stream) => new Console(stream)],
  ['jsonLogger', (stream) => jsonLogger({ level: 'debug', sink: (line) => stream.write(`${line}\n`) })],
];

describe.each(LOGGERS)('toLogger of %s', (kind, make) => {
  it.each(['debug', 'info', 'warn', 'error'] as const)('writes a record of the level %s with its fields', (level) => {
    const { stream, records } = memory();
    toLogger(make(stream))[level]({ upstream: 'http://users:3001', count: 2 }, 'the circuit is open');
    expect(records()).toHaveLength(1);
    const { level: written, msg, message = msg, ...rest } = records()[0] ?? {};
    expect(message).toBe('the circuit is open');
    expect(written).toBe(kind.includes('pino') ? pino.levels.values[level] : level);
    expect(rest).toMatchObject({ upstream: 'http://users:3001', count: 2 });
    if (kind.startsWith('a child')) expect(rest).toMatchObject({ service: 'gateway' });
  });

  it('takes the message from the fields where there is no other, and level and time once', () => {
    const { stream, lines, records } = memory();
    toLogger(make(stream)).warn({ timestamp: '2026-01-01T00:00:00.000Z', level: 'warn', message: 'from the fields' });
    const { msg, message = msg } = records()[0] ?? {};
    expect(message).toBe('from the fields');
    for (const name of ['level', 'message', 'msg'])
      expect(lines()[0]?.split(`"${name}":`).length ?? 0).toBeLessThanOrEqual(2);
  });

  it('writes one bounded line, whatever the texts hold', () => {
    const { stream, lines } = memory();
    const long = 'x'.repeat(1_000_000);
    toLogger(make(stream)).info({ text: HOSTILE, [HOSTILE]: { inner: [HOSTILE] }, long }, `${HOSTILE}${long}`);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).not.toMatch(UNPRINTABLE);
    expect(lines()[0]?.length).toBeLessThan(10_000);
  });

  it('keeps credentials back', () => {
    const { stream, lines } = memory();
    toLogger(make(stream)).info({ headers: { authorization: 'planted', 'x-api-key': 'planted' } });
    expect(lines().join('')).toContain('[redacted]');
    expect(lines().join('')).not.toContain('planted');
  });
});

describe('toLogger', () => {
  it('writes no control character through the formats that winston has for people', () => {
    const { stream, lines } = memory();
    const transports = [toStream(stream)];
    toLogger(winston.createLogger({ format: winston.format.simple(), transports })).info({ HOSTILE }, HOSTILE);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toBe(
      String.raw`info: a\u000d\u000a\u001b[31m\u2028\u0085b {"HOSTILE":"a\\u000d\\u000a\\u001b[31m\\u2028\\u0085b"}`,
    );
  });

  it('sends the errors of a console to its standard error', () => {
    const [out, err] = [memory(), memory()];
    const logger = toLogger(new Console(out.stream, err.stream));
    logger.info({}, 'fine');
    logger.error({}, 'broken');
    expect([out.records()[0]?.message, err.records()[0]?.message]).toEqual(['fine', 'broken']);
  });

  it('gives back what it has made, and what jsonLogger has', () => {
    const logger = toLogger(console);
    expect(toLogger(logger)).toBe(logger);
    const own = jsonLogger();
    expect(toLogger(own)).toBe(own);
  });

  it.each([
    ['nothing', undefined],
    ['a function', () => undefined],
    [
      'one without warn, such as winston with the levels of syslog',
      { debug() {}, info() {}, error() {}, warning() {} },
    ],
  ])('refuses %s', (_case, given) => {
    expect(() => toLogger(given as never)).toThrow(ConfigError);
  });

  it('listens for the errors of winston where nobody does, once', () => {
    const logger = winston.createLogger();
    toLogger(logger);
    toLogger(logger);
    expect(logger.listenerCount('error')).toBe(1);
    expect(() => logger.emit('error', new Error('the disk is full'))).not.toThrow();
  });

  it('leaves the errors of winston to whoever listens', () => {
    const logger = winston.createLogger().on('error', () => undefined);
    toLogger(logger);
    expect(logger.listenerCount('error')).toBe(1);
    expect(logger).toBeInstanceOf(EventEmitter);
  });
});

const run = promisify(execFile);
const index = new URL('../../src/logger/index.ts', import.meta.url).href;

function runProgram(body: string): Promise<{ stdout: string; stderr: string }> {
  const code = `const { toLogger, jsonLogger, accessLog } = await import(${JSON.stringify(index)}); ${body}`;
  return run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
}

describe('toLogger in a process of its own', () => {
  it.each([
    ['pino', "(await import('pino')).default()"],
    [
      'winston',
      "(({ createLogger, transports }) => createLogger({ transports: [new transports.Console()] }))((await import('winston')).default)",
    ],
    ['console', 'console'],
  ])('writes to standard output through %s', async (_kind, logger) => {
    const { stdout, stderr } = await runProgram(`toLogger(${logger}).info({ upstream: 'users' }, 'it works');`);
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).toContain('"upstream":"users"');
    expect(stdout).toContain('"it works"');
  });

  it.each([
    ['throws', "() => { throw new Error('full, password=planted'); }"],
    ['rejects', "async () => { throw new Error('full, password=planted'); }"],
  ])('loses no record of a logger that %s, and tells of the first', async (_case, fail) => {
    const body = `
      const fail = ${fail};
      const logger = toLogger({ debug: fail, info: fail, warn: fail, error: fail });
      logger.info({ count: 1 }, 'first');
      logger.error({ count: 2, cookie: 'planted' }, 'second');
      jsonLogger({ sink: fail }).info({ count: 3 }, 'third');
    `;
    const { stdout, stderr } = await runProgram(body);
    expect(stdout).toBe('');
    expect(stderr).not.toContain('planted');
    const records = stderr.split('\n').filter((line) => line.startsWith('{'));
    expect(records.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: 'info', count: 1, message: 'first' }),
      expect.objectContaining({ level: 'error', count: 2, message: 'second' }),
      expect.objectContaining({ level: 'info', count: 3, message: 'third' }),
    ]);
    expect(stderr.match(/\[ERR_GATEWAY_LOGGER\]/g)).toHaveLength(1);
    expect(stderr.match(/\[ERR_GATEWAY_LOG_SINK\]/g)).toHaveLength(1);
  });

  it('goes on where a stream behind winston fails', async () => {
    const body = `
      const { createLogger, transports } = (await import('winston')).default;
      const { Writable } = await import('node:stream');
      const stream = new Writable({ write(chunk, encoding, done) { done(new Error('the disk is full')); } });
      const logger = toLogger(createLogger({ transports: [new transports.Stream({ stream })] }));
      logger.info({}, 'first');
      stream.on('error', () => undefined);
      setTimeout(() => console.log('alive'), 1);
    `;
    expect((await runProgram(body)).stdout).toBe('alive\n');
  });
});
