import { afterAll, describe, expect, it } from 'vitest';
import type { Draft } from '../../src/core/draft.js';
import { HttpProxy } from '../../src/proxy/http-proxy.js';
import { fakeContext } from '../support/request.js';

const proxy = new HttpProxy({ target: 'http://users:3001/base' });

afterAll(() => proxy.close());

describe('the URL that a request is sent to', () => {
  it.each<[Partial<Draft>, string]>([
    [{}, '/base/a?b=c&d'],
    [{ query: '' }, '/base/a'],
    [{ query: '?d' }, '/base/a?d'],
    [{ url: '/other?x' }, '/base/other?x'],
    [{ url: '/other', query: '?of-no-effect' }, '/base/other'],
  ])('with a draft that says %j, is %s', (draft, url) => {
    const ctx = fakeContext({ url: '/a?b=c&d' });
    Object.assign(ctx.draft(), draft);
    expect(proxy.urlFor(ctx)).toBe(`http://users:3001${url}`);
  });

  it('has the query of the client where there is no draft', () => {
    expect(proxy.urlFor(fakeContext({ url: '/a?b=%20c&&d' }))).toBe('http://users:3001/base/a?b=%20c&&d');
  });
});
