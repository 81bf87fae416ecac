import { describe, expect, it } from 'vitest';
import type { HeaderMap } from '../../src/core/types.js';
import { cleanResponseHeaders } from '../../src/proxy/response-headers.js';

/** What is left of an answer's fields. */
function cleaned(headers: HeaderMap, status = 200): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(cleanResponseHeaders(headers, status)).filter(([, value]) => value !== undefined),
  );
}

describe('cleanResponseHeaders', () => {
  it('keeps end-to-end fields, and works on the object that it was given', () => {
    const headers = { 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'], 'content-length': '3' };
    expect(cleanResponseHeaders(headers, 200)).toBe(headers);
    expect(cleaned(headers)).toEqual({
      'content-type': 'text/plain',
      'set-cookie': ['a=1', 'b=2'],
      'content-length': '3',
    });
  });

  it.each([
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'proxy-authenticate',
    'proxy-authorization',
  ])('takes out %s', (name) => {
    expect(cleaned({ [name]: 'x', 'x-stays': '1' })).toEqual({ 'x-stays': '1' });
  });

  it.each<[string, string | string[]]>([
    ['a list', 'X-Hop, x-two'],
    ['lines', ['x-hop', 'X-TWO']],
    ['a list with close', 'close,x-hop,  x-two,'],
  ])('takes out what Connection names as %s', (_what, connection) => {
    expect(cleaned({ connection, 'x-hop': '1', 'x-two': '2', 'x-stays': '3' })).toEqual({ 'x-stays': '3' });
  });

  it.each(['content-length', 'content-type', 'content-encoding', 'set-cookie'])(
    'keeps %s where Connection names it',
    (name) => {
      expect(cleaned({ connection: `close, ${name}`, [name]: '5' })).toEqual({ [name]: '5' });
    },
  );

  it.each([
    [200, '5'],
    [204, undefined],
    [205, '0'],
    [304, '5'],
  ])('leaves a %d with the length %s', (status, length) => {
    expect(cleaned({ 'content-length': '5' }, status)['content-length']).toBe(length);
  });

  it('gives a 205 without a length the length 0', () => {
    expect(cleaned({ 'transfer-encoding': 'chunked' }, 205)).toEqual({ 'content-length': '0' });
  });
});
