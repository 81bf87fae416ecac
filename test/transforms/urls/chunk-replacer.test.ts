import { describe, expect, it } from 'vitest';
import { ChunkReplacer } from '../../../src/transforms/urls/chunk-replacer.js';
import { UrlPattern } from '../../../src/transforms/urls/url-pattern.js';
import { UrlReplacer } from '../../../src/transforms/urls/url-replacer.js';
import { seededRandom } from '../../support/random.js';

const INTERNAL = ['http://users:3001/v1/x', 'https://users:3001/v1', 'http://users:3001', 'http://u'];
const EXTERNAL = [
  'https://x.example.com',
  'https://y.example.com/y',
  'https://z.example.com/api/z',
  'https://u.test/u',
];

const pattern = new UrlPattern(INTERNAL);
const replacer = new UrlReplacer(pattern, EXTERNAL);

interface Output {
  readonly text: string;
  /** The most that was held back after a chunk. */
  readonly mostHeld: number;
}

function inChunks(chunks: readonly string[], maxBytes = Infinity): Output {
  const replacing = new ChunkReplacer(replacer, maxBytes);
  let mostHeld = 0;
  const given = chunks.map((chunk) => {
    const bytes = Buffer.from(replacing.write(Buffer.from(chunk, 'latin1')));
    mostHeld = Math.max(mostHeld, replacing.heldBytes);
    return bytes;
  });
  return { text: Buffer.concat([...given, replacing.end()]).toString('latin1'), mostHeld };
}

/** Each form of a prefix in which it is found. */
function formsOf(url: string): string[] {
  const relative = url.slice(url.indexOf('//'));
  return [url, relative].flatMap((text) => [text, text.replaceAll('/', '\\/'), encodeURIComponent(text)]);
}

const PIECES = [
  ...INTERNAL.flatMap(formsOf),
  ...[
    'http://users:30010',
    'http://users:3001.',
    '.evil',
    ' ',
    '"',
    '/',
    '//',
    '\\',
    '%2F',
    '%2',
    '%',
    'http',
    ':',
    'u',
  ],
  ...['http:', 'http:/', '3001', 'x', '\n', '\xe9', 'h', 'https', '<', 'hhttp://', 'http%3A'],
];

describe('ChunkReplacer', () => {
  it('finds every form of every prefix wherever it is cut', () => {
    for (const form of INTERNAL.flatMap(formsOf)) {
      const text = `a "${form}" b`;
      const whole = replacer.replaceIn(text);
      expect(whole).not.toBe(text);
      for (let at = 0; at <= text.length; at++) {
        expect([at, inChunks([text.slice(0, at), text.slice(at)]).text]).toEqual([at, whole]);
      }
      expect(inChunks(text.split('')).text).toBe(whole);
    }
  });

  it('gives the same whatever the chunks are', () => {
    const random = seededRandom(5);
    let changed = 0;
    for (let round = 0; round < 3_000; round++) {
      const text = Array.from({ length: 1 + random.int(12) }, () => random.pick(PIECES)).join('');
      const chunks: string[] = [];
      for (let at = 0; at < text.length;) {
        const length = 1 + random.int(random.pick([2, 8, 40]));
        chunks.push(text.slice(at, at + length));
        at += length;
      }
      const whole = replacer.replaceIn(text);
      if (whole !== text) changed++;
      expect({ chunks, text: inChunks(chunks).text }).toEqual({ chunks, text: whole });
    }
    expect(changed).toBeGreaterThan(1_000);
  });

  it('gives the same whatever the chunks are where only so many bytes are looked through', () => {
    const random = seededRandom(6);
    for (let round = 0; round < 1_000; round++) {
      const text = Array.from({ length: 1 + random.int(8) }, () => random.pick(PIECES)).join('');
      const maxBytes = random.int(text.length + 2);
      const [whole, single] = [inChunks([text], maxBytes), inChunks(text.split(''), maxBytes)];
      expect({ text, maxBytes, result: single.text }).toEqual({ text, maxBytes, result: whole.text });
    }
  });

  it('a match that begins within the bytes to look through counts, one behind them does not', () => {
    const text = 'http://u http://u';
    expect(inChunks([text], 0).text).toBe(text);
    expect(inChunks([text], 1).text).toBe('https://u.test/u http://u');
    expect(inChunks([text], 9).text).toBe('https://u.test/u http://u');
    expect(inChunks([text], 10).text).toBe('https://u.test/u https://u.test/u');
  });

  it('tells that there was more than it was to look through', () => {
    const told = [3, 4, 5].map((maxBytes) => {
      const replacing = new ChunkReplacer(replacer, maxBytes);
      replacing.write(Buffer.from('ab'));
      replacing.write(Buffer.from('cd'));
      replacing.end();
      return replacing.isExceeded;
    });
    expect(told).toEqual([true, false, false]);
  });

  it('holds back no more than the longest match has', () => {
    const random = seededRandom(7);
    const text = Array.from({ length: 5_000 }, () => random.pick(PIECES)).join('');
    const { mostHeld } = inChunks(text.split(''));
    expect(mostHeld).toBeGreaterThan(10);
    expect(mostHeld).toBeLessThan(pattern.longest);
  });

  it.each(['data: 1\n\n', 'http://other/', 'http://users:3001?', '"http://u"', 'http://users:300a', 'x//', 'a/'])(
    'gives %j on at once, which begins no match',
    (text) => {
      const replacing = new ChunkReplacer(replacer, Infinity);
      replacing.write(Buffer.from(text));
      expect(replacing.heldBytes).toBe(0);
    },
  );

  it('a match that may hold the beginning of another one is replaced once', () => {
    const odd = new UrlReplacer(new UrlPattern(['http://a/http:', 'http://b']), [
      'https://one.test',
      'https://two.test',
    ]);
    const replacing = new ChunkReplacer(odd, Infinity);
    const given = ['http://a/http:/', '/b "http://b'].map((chunk) => replacing.write(Buffer.from(chunk)));
    expect(Buffer.concat([...given, replacing.end()]).toString()).toBe('https://one.test//b "https://two.test');
  });

  it('gives on the very bytes where it has nothing to replace', () => {
    const chunk = Buffer.from('a chunk without any');
    const given = new ChunkReplacer(replacer, Infinity).write(chunk);
    expect(given.buffer).toBe(chunk.buffer);
    expect(given.byteOffset).toBe(chunk.byteOffset);
  });

  it('leaves all other bytes as they are', () => {
    const bytes = Uint8Array.from({ length: 1_024 }, (_, index) => index & 0xff);
    const given = inChunks([Buffer.concat([bytes, Buffer.from('"http://u"'), bytes]).toString('latin1')]).text;
    expect(Buffer.from(given, 'latin1')).toEqual(Buffer.concat([bytes, Buffer.from('"https://u.test/u"'), bytes]));
  });
});
