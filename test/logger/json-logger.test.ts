import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { jsonLogger, type JsonLoggerOptions, type LogLevel } from '../../src/logger/index.js';
import { FakeClock } from '../support/fake-clock.js';

function setUp(options: Omit<JsonLoggerOptions, 'sink'> = {}): {
  lines: string[];
  logger: ReturnType<typeof jsonLogger>;
} {
  const lines: string[] = [];
  return { lines, logger: jsonLogger({ clock: new FakeClock(), ...options, sink: (line) => void lines.push(line) }) };
}

function logAll(logger: ReturnType<typeof jsonLogger>): void {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, level);
}

describe('jsonLogger', () => {
  it('writes time, level, fields and message, in this order', () => {
    const { lines, logger } = setUp();
    logger.info({ upstream: 'users' }, 'hello');
    expect(lines).toEqual([
      '{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","upstream":"users","message":"hello"}',
    ]);
  });

  it('needs no message', () => {
    const { lines, logger } = setUp();
    logger.info({ a: 1 });
    expect(lines).toEqual(['{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","a":1}']);
  });

  it.each<[LogLevel | undefined, string[]]>([
    [undefined, ['info', 'warn', 'error']],
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ])('writes from the level %s on', (level, expected) => {
    const { lines, logger } = setUp(level === undefined ? {} : { level });
    logAll(logger);
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(expected);
  });

  it('writes errors to a place of their own where there is one', () => {
    const errors: string[] = [];
    const { lines, logger } = setUp({ errorSink: (line) => void errors.push(line) });
    logAll(logger);
    expect([lines.length, errors.length]).toEqual([2, 1]);
    expect(errors[0]).toContain('"message":"error"');
  });

  it('takes level and message from the call, whatever the fields are called', () => {
    const { lines, logger } = setUp();
    logger.warn({ level: 5, message: 'other' }, 'said');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', message: 'said' });
  });

  it('names every fault', () => {
    const build = (): unknown => jsonLogger({ sink: 'stdout', level: 'trace', colour: true } as never);
    expect(build).toThrow(ConfigError);
    expect(build).toThrow(/sink[^]*level[^]*colour/);
  });
});
