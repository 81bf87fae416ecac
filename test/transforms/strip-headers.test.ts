import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { refuse } from '../../src/core/refuse.js';
import { SENSITIVE_HEADERS, stripHeaders } from '../../src/transforms/index.js';
import { fakeContext } from '../support/request.js';

const given = (): Record<string, string> => ({ server: 'nginx', 'x-powered-by': 'PHP', 'x-inner': '1', etag: '"a"' });

describe('stripHeaders', () => {
  it('takes what tells of the software from answers, and what is named besides', () => {
    const answer = { status: 200, headers: given(), body: null };
    expect(stripHeaders(['X-Inner'])(fakeContext(), () => answer)).toBe(answer);
    expect(JSON.parse(JSON.stringify(answer.headers))).toEqual({ etag: '"a"' });
    // Deleting would make the object a slow one.
    expect(Object.keys(answer.headers)).toEqual(Object.keys(given()));
  });

  it('leaves an answer of the gateway alone', () => {
    const ctx = fakeContext();
    const answer = stripHeaders(['content-type'])(ctx, () => refuse(ctx, 'ERR_GATEWAY_FORBIDDEN'));
    expect(answer).toMatchObject({ headers: { 'content-type': expect.any(String) as string } });
  });

  it('knows its list in lower case, and each name once', () => {
    expect(SENSITIVE_HEADERS).toEqual([...new Set(SENSITIVE_HEADERS)].map((name) => name.toLowerCase()).sort());
  });

  it('does not start with a name that is none', () => {
    expect(() => stripHeaders(['x y'])).toThrow(ConfigError);
  });
});
