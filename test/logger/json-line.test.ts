import { describe, expect, it } from 'vitest';
import { jsonLine, jsonText } from '../../src/logger/json-line.js';

const HOSTILE: [string, string][] = [
  ['CR LF', '\r\n'],
  ['NUL', '\0'],
  ['an ANSI sequence', '\u001b[31m'],
  ['a C1 control sequence', '\u009b31m'],
  ['DEL', '\u007f'],
  ['NEL', '\u0085'],
  ['U+2028', '\u2028'],
  ['U+2029', '\u2029'],
  ['a byte order mark', '\ufeff'],
  ['a vertical tab and a form feed', '\v\f'],
  ['a quotation mark and a backslash', '"\\'],
  ['a lone surrogate', '\ud800'],
];
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\ufeff]/u;

describe('jsonLine', () => {
  it('is the record as JSON, without undefined fields and without a line end', () => {
    expect(jsonLine({ a: 1, b: undefined, c: null, d: 'x', e: true })).toBe('{"a":1,"c":null,"d":"x","e":true}');
  });

  it.each(HOSTILE)('escapes %s and gives it back when it is parsed', (_case, text) => {
    const line = jsonLine({ text, [text]: 1 });
    expect(line).not.toMatch(UNPRINTABLE);
    expect(JSON.parse(line)).toEqual({ text, [text]: 1 });
  });

  it('bounds every text and name, at any depth', () => {
    const long = 'x'.repeat(1_000_000);
    const line = jsonLine({ long, nested: { long, list: [long], [long]: 1 } });
    expect(line.length).toBeLessThan(10_000);
    expect(JSON.parse(line)).toMatchObject({ long: `${'x'.repeat(2_048)}...` });
  });

  it('bounds lists and objects of any length', () => {
    const list = Array.from({ length: 10_000 }, () => 'x');
    const members = Object.fromEntries(list.entries());
    expect(jsonLine({ list, ...members }).length).toBeLessThan(10_000);
  });

  it('keeps a text of 2048 characters whole', () => {
    const text = 'x'.repeat(2_048);
    expect(JSON.parse(jsonLine({ text }))).toEqual({ text });
  });

  it('stays bounded where every character has to be escaped', () => {
    expect(jsonLine({ text: '\u2028'.repeat(1_000_000) }).length).toBeLessThan(2_048 * 6 + 100);
  });

  it('tells of errors, dates, big integers and what has a JSON form of its own', () => {
    const record = { error: new TypeError('broken'), date: new Date(0), big: 10n, url: new URL('http://x/') };
    expect(JSON.parse(jsonLine(record))).toMatchObject({
      error: { name: 'TypeError', message: 'broken', stack: expect.stringContaining('json-line.test') as string },
      date: '1970-01-01T00:00:00.000Z',
      big: '10',
      url: 'http://x/',
    });
  });

  it('survives cycles, getters that throw and functions', () => {
    const cycle: Record<string, unknown> = { run: () => 1, symbol: Symbol('s') };
    cycle.self = cycle;
    Object.defineProperty(cycle, 'bad', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    });
    expect(JSON.parse(jsonLine(cycle))).toMatchObject({ bad: '[unreadable]', self: { bad: '[unreadable]' } });
    expect(jsonLine(cycle)).not.toContain('run');
  });

  it('holds odd names like any other', () => {
    const record = JSON.parse('{"__proto__":{"a":1},"constructor":2,"":3}') as object;
    expect(jsonLine(record)).toBe('{"__proto__":{"a":1},"constructor":2,"":3}');
  });

  it('keeps back what header fields and messages of errors hold of credentials', () => {
    const request = { headers: { Authorization: 'Bearer planted', cookie: 'planted', accept: '*/*' } };
    const line = jsonLine({ request, 'x-api-key': 'planted', error: new Error('no row for password=planted') });
    expect(line).not.toContain('planted');
    expect(line).toContain('"accept":"*/*"');
  });
});

describe('jsonText', () => {
  it.each([...HOSTILE, ['nothing', ''], ['words', 'a b~!'], ['letters beyond ASCII', 'é 漢 🦊']])(
    'writes %s as jsonLine does',
    (_case, text) => {
      expect(jsonText(text)).toBe(jsonLine({ text }).slice('{"text":'.length, -1));
    },
  );

  it('bounds a text', () => {
    expect(jsonText('x'.repeat(1_000_000))).toBe(`"${'x'.repeat(2_048)}..."`);
  });
});
