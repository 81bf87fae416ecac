import type { MetricsRegistry } from '../../src/metrics/index.js';
import type { ExpositionFormat } from '../../src/metrics/index.js';

/** A metric as a scraper reads it. */
export interface ParsedFamily {
  readonly name: string;
  help?: string;
  type?: string;
  unit?: string;
  readonly samples: ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** All of a registry's text. */
export async function textOf(registry: MetricsRegistry, format?: ExpositionFormat): Promise<string> {
  let text = '';
  for await (const piece of registry.text(format)) text += piece;
  return text;
}

/**
 * Reads either text format back by its grammar, and no line that does not follow it.
 *
 * @throws {SyntaxError} at the first line that is wrong.
 */
export function parseText(text: string, format: ExpositionFormat): ParsedFamily[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new SyntaxError('the last line has no end');
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new SyntaxError('no # EOF at the end');
  const families = new Map<string, ParsedFamily>();
  let current: ParsedFamily | undefined;
  for (const line of lines) {
    const meta = /^# (HELP|TYPE|UNIT) ([A-Za-z_:][\w:]*) (.*)$/s.exec(line);
    if (meta !== null) {
      const [, kind, name = '', value = ''] = meta;
      if (current?.name !== name) {
        if (families.has(name)) throw new SyntaxError(`${name} comes twice`);
        current = { name, samples: [] };
        families.set(name, current);
      }
      if (kind === 'HELP' && format === 'openmetrics' && /(?<!\\)(?:\\\\)*"/.test(value))
        throw new SyntaxError(`a quote that is not escaped: ${line}`);
      if (kind === 'HELP') current.help = unescape(value, format === 'openmetrics' ? '\\n"' : '\\n');
      else if (kind === 'TYPE') current.type = value;
      else current.unit = value;
      continue;
    }
    const sample = parseSample(line);
    if (current === undefined || !isOf(sample.name, current, format)) throw new SyntaxError(`whose is it: ${line}`);
    current.samples.push(sample);
  }
  return [...families.values()];
}

function isOf(name: string, family: ParsedFamily, format: ExpositionFormat): boolean {
  if (!name.startsWith(family.name)) return false;
  const end = name.slice(family.name.length);
  if (family.type === 'histogram') return ['_bucket', '_sum', '_count'].includes(end);
  return end === (family.type === 'counter' && format === 'openmetrics' ? '_total' : '');
}

const LABEL = /([A-Za-z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?=[A-Za-z_])|$)/y;

function parseSample(line: string): ParsedSample {
  const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/s.exec(line);
  if (match === null) throw new SyntaxError(`no sample: ${line}`);
  const [, name = '', inner = '', number = ''] = match;
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inner.length) {
    const at = LABEL.lastIndex;
    const label = LABEL.exec(inner);
    if (label === null) throw new SyntaxError(`no label at ${at}: ${line}`);
    const [, key = '', value = ''] = label;
    if (Object.hasOwn(labels, key)) throw new SyntaxError(`${key} comes twice: ${line}`);
    labels[key] = unescape(value, '\\n"');
    if (LABEL.lastIndex === 0) break;
  }
  return { name, labels, value: parseNumber(number) };
}

function parseNumber(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  if (text !== 'NaN' && !/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/.test(text)) throw new SyntaxError(`no number: ${text}`);
  return Number(text);
}

function unescape(text: string, escaped: string): string {
  return text.replace(/\\(.)/g, (pair, char: string) => {
    if (!escaped.includes(char)) return pair;
    return char === 'n' ? '\n' : char;
  });
}
