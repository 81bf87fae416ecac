import { describe, expect, it } from 'vitest';
import { isCoding } from '../../src/core/content-coding.js';
import { askForDecodable } from '../../src/transforms/decodable.js';
import { fakeContext } from '../support/request.js';

const zstd = isCoding('zstd');

/** What goes upstream in the place of the client's `Accept-Encoding`; `undefined` where the client's goes. */
function asked(accepted?: string): unknown {
  const ctx = fakeContext(accepted === undefined ? {} : { headers: { 'accept-encoding': accepted } });
  askForDecodable(ctx);
  return ctx.upstreamFields?.takes('accept-encoding') === true
    ? ctx.upstreamFields.fields['accept-encoding']
    : undefined;
}

describe('askForDecodable', () => {
  it('keeps ranges from the upstream', () => {
    const ctx = fakeContext({ headers: { range: 'bytes=0-4', 'if-range': '"a"' } });
    askForDecodable(ctx);
    expect([ctx.upstreamFields?.takes('range'), ctx.upstreamFields?.takes('if-range')]).toEqual([true, true]);
    expect(ctx.draft().headers.range).toBeUndefined();
    expect(ctx.upstreamFields?.lines).toEqual([]);
  });

  it.each([[undefined], ['gzip'], ['gzip, deflate, br'], ['br;q=1, gzip;q=0.5, identity;q=0'], ['x-gzip'], ['']])(
    'leaves the Accept-Encoding %j, which asks for nothing unknown',
    (accepted) => {
      expect(asked(accepted)).toBeUndefined();
    },
  );

  it.each([
    ['compress, gzip', 'gzip'],
    ['dcb, BR, gzip;q=0.2', 'br, gzip'],
    ['compress', 'identity'],
    ['compress, gzip;q=0', 'identity'],
    ['compress, gzip; q = 0.000, br', 'br'],
    ['*;q=0, aes128gcm, br', 'br'],
    ['*', zstd ? 'br, gzip, deflate, zstd' : 'br, gzip, deflate'],
    ['*, br;q=0, zstd;q=0, deflate;q=0', 'gzip'],
    ['__proto__, constructor, gzip', 'gzip'],
  ])('asks for what can be undone of %j: %j', (accepted, expected) => {
    expect(asked(accepted)).toBe(expected);
  });

  it('asks for zstd only where Node can undo it', () => {
    expect(asked('gzip, zstd')).toBe(zstd ? undefined : 'gzip');
  });

  it('lays the fields out once', () => {
    const [one, other] = [fakeContext({ headers: { 'accept-encoding': 'compress, br' } }), fakeContext()];
    askForDecodable(one);
    const [first, second] = ['br, sdch', 'sdch;q=0.1, br;q=0.2'].map((accepted) => {
      const ctx = fakeContext({ headers: { 'accept-encoding': accepted } });
      askForDecodable(ctx);
      return ctx.upstreamFields;
    });
    askForDecodable(other);
    expect(first).toBe(one.upstreamFields);
    expect(second).toBe(first);
    expect(other.upstreamFields).not.toBe(first);
  });

  it('goes by what an earlier piece has put into the draft', () => {
    const ctx = fakeContext({ headers: { 'accept-encoding': 'compress' } });
    ctx.draft().headers['accept-encoding'] = 'sdch, br';
    askForDecodable(ctx);
    expect(ctx.draft().headers['accept-encoding']).toBe('br');
  });
});
