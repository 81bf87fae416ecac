import { describe, expect, it } from 'vitest';
import { UrlMap } from '../../../src/transforms/urls/url-map.js';
import { fakeRequest } from '../../support/request.js';

const at = (host: string): ReturnType<typeof fakeRequest> => fakeRequest({ host });

describe('UrlMap', () => {
  it('the longer prefix counts, in whatever order they are given, in both directions', () => {
    const urls = {
      'http://a:1': 'https://x.test/long/path',
      'http://a:1/v1': 'https://x.test/long',
      'http://a:1/v1/v2': 'https://x.test',
    };
    const map = new UrlMap(urls);
    const texts = ['http://a:1/b', 'http://a:1/v1/b', 'http://a:1/v1/v2/b'];
    const outside = texts.map((text) => map.outward(at('')).replaceIn(text));
    expect(outside).toEqual(['https://x.test/long/path/b', 'https://x.test/long/b', 'https://x.test/b']);
    expect(outside.map((text) => map.inward(at('')).replaceIn(text))).toEqual(texts);
  });

  it('keeps what it has made for a host, and for a bounded number of them', () => {
    const map = new UrlMap({ 'http://a': '/a' });
    const [first, firstInward] = [map.outward(at('h.test')), map.inward(at('h.test'))];
    expect([map.outward(at('h.test')), map.inward(at('h.test'))]).toEqual([first, firstInward]);
    expect(map.outward(at('h.test'))).toBe(first);
    for (let index = 0; index < 64; index++) map.outward(at(`h${index}.test`));
    expect(map.outward(at('h.test'))).not.toBe(first);
    expect(map.inward(at('h.test'))).toBe(firstInward);
  });

  it('makes one for all hosts where none is asked for', () => {
    const map = new UrlMap({ 'http://a': 'https://a.test' });
    expect(map.outward(at('h.test'))).toBe(map.outward(at('i.test')));
  });

  it('knows the pairs of an origin, whatever the spelling of their URLs', () => {
    const map = new UrlMap({ 'HTTP://A:80': 'https://a.test', 'http://a/v1': '/a', 'http://b': '/b', 'ws://a': '/c' });
    expect(map.pairsAt('http://a', at('h.test'))).toEqual([
      { internal: 'HTTP://A:80', external: 'https://a.test' },
      { internal: 'http://a/v1', external: 'http://h.test/a' },
    ]);
    expect(map.pairsAt(null, at('h.test'))).toEqual([]);
  });
});
