import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { jsonLine } from '../../src/logger/json-lines.js';

describe('jsonLine', () => {
  it('is the record as JSON, without undefined fields and without a line end', () => {
    expect(jsonLine({ a: 1, b: undefined, c: null, d: 'x', e: true })).toBe('{"a":1,"c":null,"d":"x","e":true}');
  });

  it.each([
    ['CR LF', '\r\n'],
    ['NUL', '\0'],
    ['an ANSI sequence', '\u001b[31m'],
    ['a C1 control sequence', '\u009b31m'],
    ['DEL', '\u007f'],
    ['NEL', '\u0085'],
    ['U+2028', '\u2028'],
    ['U+2029', '\u2029'],
    ['a vertical tab and a form feed', '\v\f'],
    ['a quotation mark and a backslash', '"\\'],
    ['a lone surrogate', '\ud800'],
  ])('escapes %s and gives it back when it is parsed', (_case, text) => {
    const line = jsonLine({ text, [text]: 1 });
    expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(JSON.parse(line)).toEqual({ text, [text]: 1 });
  });

  it('bounds every text, at any depth', () => {
    const long = 'x'.repeat(1_000_000);
    const line = jsonLine({ long, nested: { long, list: [long] } });
    expect(line.length).toBeLessThan(7_000);
    expect(JSON.parse(line)).toMatchObject({ long: `${'x'.repeat(2_048)}...` });
  });

  it('keeps a text of 2048 characters whole', () => {
    const text = 'x'.repeat(2_048);
    expect(JSON.parse(jsonLine({ text }))).toEqual({ text });
  });

  it('stays bounded where every character has to be escaped', () => {
    expect(jsonLine({ text: '\u2028'.repeat(1_000_000) }).length).toBeLessThan(2_048 * 6 + 100);
  });
});

describe('stdoutLines', () => {
  const url = new URL('../../src/logger/json-lines.ts', import.meta.url).href;

  function run(body: string): string {
    const code = `const { stdoutLines } = await import(${JSON.stringify(url)}); ${body}`;
    return execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { encoding: 'utf8' });
  }

  it('loses no line when the process exits in the turn in which they are written, and keeps their order', () => {
    expect(run("stdoutLines('1'); stdoutLines('2'); process.exit(0);")).toBe('1\n2\n');
  });

  it('writes the lines of several turns, each once', () => {
    expect(run("stdoutLines('1'); setImmediate(() => { stdoutLines('2'); stdoutLines('3'); });")).toBe('1\n2\n3\n');
  });
});
