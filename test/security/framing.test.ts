import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefused, front, lines, MOUNTINGS, observe, SMUGGLED, type Front } from './front.js';

/** A POST whose fields are given whole, and what follows its head. */
function post(fields: readonly string[], after: string, version = '1.1'): string {
  return lines(`POST /upload HTTP/${version}`, 'Host: gateway.test', ...fields, '') + after;
}

const CHUNKED = 'Transfer-Encoding: chunked';

const TWO_FRAMINGS: [string, string][] = [
  ['length first', post(['Content-Length: 5', CHUNKED], `0\r\n\r\n${SMUGGLED}`)],
  ['coding first', post([CHUNKED, 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`)],
  ['a length of 0', post(['Content-Length: 0', CHUNKED], `0\r\n\r\n${SMUGGLED}`)],
  ['a coding in capitals', post(['Content-Length: 5', 'TRANSFER-ENCODING: CHUNKED'], `0\r\n\r\n${SMUGGLED}`)],
  ['a coding that is unknown', post(['Content-Length: 5', 'Transfer-Encoding: x'], `hello${SMUGGLED}`)],
];

const TWO_LENGTHS: [string, string][] = [
  ['equal ones', post(['Content-Length: 5', 'Content-Length: 5'], `hello${SMUGGLED}`)],
  ['different ones', post(['Content-Length: 5', 'Content-Length: 0'], `hello${SMUGGLED}`)],
  ['different ones, the smaller first', post(['Content-Length: 0', 'Content-Length: 5'], `hello${SMUGGLED}`)],
  ['names in other cases', post(['Content-Length: 5', 'content-length: 5'], `hello${SMUGGLED}`)],
  ['a list of equal ones', post(['Content-Length: 5, 5'], `hello${SMUGGLED}`)],
  ['a list of different ones', post(['Content-Length: 5, 6'], `hello${SMUGGLED}`)],
  ['a list without a space', post(['Content-Length: 5,5'], `hello${SMUGGLED}`)],
];

const BAD_LENGTHS = [
  '+5',
  '-1',
  '-0',
  '0x5',
  '18446744073709551616',
  '18446744073709551621',
  '9'.repeat(400),
  '5 5',
  '5 0',
  '5.0',
  '5e0',
  '5;',
  '',
  ' ',
  'five',
  '"5"',
  '\u00b2',
  '5\t5',
  '5\v',
  '\f5',
];

const BAD_CODINGS = [
  'xchunked',
  'identity',
  'chunked, gzip',
  'chunked, chunked',
  'chunked chunked',
  'chunked, identity',
  'identity, chunked',
  'chunked,',
  ',chunked',
  ', chunked',
  'chunked;q=1',
  '"chunked"',
  'chunked\v',
  '\vchunked',
  '\fchunked',
  'chunked\f',
  'chunked\0',
  '\0chunked',
  '\u00a0chunked',
  'chunke\u0064\u0085',
  'chunk',
  'gzip',
  'deflate',
  'trailers',
];

const BAD_CHUNKS: [string, string][] = [
  ['a size that is no number', `zz\r\nhello\r\n0\r\n\r\n`],
  ['an empty size', `\r\nhello\r\n0\r\n\r\n`],
  ['a negative size', `-5\r\nhello\r\n0\r\n\r\n`],
  ['a size with a plus', `+5\r\nhello\r\n0\r\n\r\n`],
  ['a size with 0x', `0x5\r\nhello\r\n0\r\n\r\n`],
  ['a size with an underscore', `0_5\r\nhello\r\n0\r\n\r\n`],
  ['a space before the size', ` 5\r\nhello\r\n0\r\n\r\n`],
  ['a space after the size', `5 \r\nhello\r\n0\r\n\r\n`],
  ['a tab after the size', `5\t\r\nhello\r\n0\r\n\r\n`],
  ['a size of 65 bits', `10000000000000005\r\nhello\r\n0\r\n\r\n`],
  ['a size of 17 hex digits that all count', `fffffffffffffffff\r\nhello\r\n0\r\n\r\n`],
  ['a line feed alone after the size', `5\nhello\r\n0\r\n\r\n`],
  ['a carriage return alone after the size', `5\rhello\r\n0\r\n\r\n`],
  ['a carriage return within an extension', `5;a\rb\r\nhello\r\n0\r\n\r\n`],
  ['a line feed alone in an extension', `5;a\nb\r\nhello\r\n0\r\n\r\n`],
  ['a NUL in an extension', `5;a\0\r\nhello\r\n0\r\n\r\n`],
];

/** Their first chunk is good, so it may be on its way when the fault shows. */
const LATE_BAD_CHUNKS: [string, string][] = [
  ['no line end after the data', `5\r\nhello0\r\n\r\n`],
  ['a line feed alone after the data', `5\r\nhello\n0\r\n\r\n`],
  ['a carriage return alone after the data', `5\r\nhello\r0\r\n\r\n`],
  ['data longer than its size', `5\r\nhello, world\r\n0\r\n\r\n`],
  ['a last chunk that ends in a line feed alone', `5\r\nhello\r\n0\n\n`],
  ['a second size that is no number', `5\r\nhello\r\nzz\r\n\r\n`],
  ['a space before a trailer', `5\r\nhello\r\n0\r\n X: y\r\n\r\n`],
  ['a trailer without a colon', `5\r\nhello\r\n0\r\ntrailer\r\n\r\n`],
  ['a trailer with a NUL', `5\r\nhello\r\n0\r\nX: \0\r\n\r\n`],
];

describe.each(MOUNTINGS)('framing of a request, %s', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(undefined, { mounting });
  });

  afterAll(() => gateway.close());

  it.each(TWO_FRAMINGS)('Content-Length with Transfer-Encoding is refused: %s (row 1)', async (_case, data) => {
    await expectRefused(gateway, data);
  });

  it.each(TWO_LENGTHS)('two values of Content-Length are refused: %s (row 2)', async (_case, data) => {
    await expectRefused(gateway, data);
  });

  it.each(BAD_LENGTHS)('Content-Length %j is refused (row 3)', async (value) => {
    await expectRefused(gateway, post([`Content-Length: ${value}`], `hello${SMUGGLED}`));
  });

  it('a space between Content-Length and its colon is refused (row 3)', async () => {
    await expectRefused(gateway, post(['Content-Length : 5'], `hello${SMUGGLED}`));
  });

  it('a length of 2^63 - 1 is too large, and none of the body is read (row 3)', async () => {
    await expectRefused(gateway, post(['Content-Length: 9223372036854775807'], 'hello'), { statuses: [400, 413] });
  });

  it.each(BAD_CODINGS)('Transfer-Encoding %j is refused (row 4)', async (value) => {
    const data = post([`Transfer-Encoding: ${value}`], `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`);
    await expectRefused(gateway, data, { statuses: [400, 501] });
  });

  it.each([
    ['twice the same', [CHUNKED, CHUNKED]],
    ['chunked, then another', [CHUNKED, 'Transfer-Encoding: identity']],
    ['another, then chunked', ['Transfer-Encoding: identity', CHUNKED]],
    ['an empty one, then chunked', ['Transfer-Encoding:', CHUNKED]],
    ['chunked, then an empty one', [CHUNKED, 'Transfer-Encoding:']],
    ['folded', ['Transfer-Encoding:', ' chunked']],
    ['behind a space', ['Transfer-Encoding : chunked']],
  ])('two lines of Transfer-Encoding, or one that is no line, are refused: %s (row 4)', async (_case, fields) => {
    const data = post(fields, `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`);
    await expectRefused(gateway, data, { statuses: [400, 501] });
  });

  it.each([
    ['before the length', ['Transfer-Encoding:', 'Content-Length: 5']],
    ['after the length', ['Content-Length: 5', 'Transfer-Encoding:']],
    ['of spaces', ['Transfer-Encoding:   ', 'Content-Length: 5']],
    ['of a tab', ['Transfer-Encoding:\t', 'Content-Length: 5']],
    ['without a length', ['Transfer-Encoding:']],
  ])('an empty Transfer-Encoding is refused: %s (row 5)', async (_case, fields) => {
    await expectRefused(gateway, post(fields, `hello${SMUGGLED}`));
  });

  it.each([
    'gzip, chunked',
    'gzip,chunked',
    'deflate, chunked',
    'x, chunked',
    'gzip, deflate, chunked',
    'GZIP, Chunked',
  ])('the coding %j gets 501 and its chunks go nowhere (row 6)', async (value) => {
    const data = post([`Transfer-Encoding: ${value}`], `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`);
    await expectRefused(gateway, data, { statuses: [501] });
  });

  it.each(BAD_CHUNKS)('a body in chunks is refused for %s (row 7)', async (_case, body) => {
    await expectRefused(gateway, post([CHUNKED], body + SMUGGLED));
  });

  it.each(LATE_BAD_CHUNKS)(
    'a body in chunks never becomes whole at the upstream after %s (row 7)',
    async (_case, body) => {
      const { arrived, response, closed, raw } = await observe(gateway, post([CHUNKED], body + SMUGGLED));
      expect.soft(arrived.filter(({ complete }) => complete)).toEqual([]);
      expect.soft(arrived.filter(({ url }) => url === '/smuggled')).toEqual([]);
      expect.soft(response?.status).toBe(400);
      expect.soft(raw.match(/^HTTP\//gm)).toHaveLength(1);
      expect.soft(closed).toBe(true);
    },
  );

  it('chunk extensions end at the gateway, and the body arrives whole (row 7)', async () => {
    const body = '3;name=value\r\nhel\r\n2;quoted="a;b"\r\nlo\r\n0;last\r\n\r\n';
    const { arrived, response, bytes } = await observe(gateway, post([CHUNKED], body));
    expect(response?.status).toBe(200);
    expect(arrived).toMatchObject([{ url: '/upload', body: Buffer.from('hello'), complete: true }]);
    expect(bytes).not.toMatch(/name|quoted|last/);
  });

  it('a flood of chunk extensions gets 413 and closes (row 7)', async () => {
    const body = `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`;
    await expectRefused(gateway, post([CHUNKED], body + SMUGGLED), { statuses: [413] });
  });

  it('many chunk extensions, each within the limit, end at the gateway too (row 7)', async () => {
    const body = `${`1;${'a'.repeat(1_000)}\r\nx\r\n`.repeat(30)}0\r\n\r\n`;
    const { arrived, response, bytes } = await observe(gateway, post([CHUNKED], body));
    expect(response?.status).toBe(200);
    expect(arrived).toMatchObject([{ body: Buffer.from('x'.repeat(30)), complete: true }]);
    expect(bytes).not.toContain('aaa');
  });

  it.each([
    ['as it is', [CHUNKED]],
    ['with keep-alive', [CHUNKED, 'Connection: keep-alive']],
  ])('HTTP/1.0 in chunks is refused: %s (row 8)', async (_case, fields) => {
    await expectRefused(gateway, post(fields, `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`, '1.0'));
  });
});

describe('a body of any method', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front();
  });

  afterAll(() => gateway.close());

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH'])(
    'arrives whole with %s and a length, and the request behind it is a request of its own (row 9)',
    async (method) => {
      const data = lines(`${method} /body HTTP/1.1`, 'Host: gateway.test', 'Content-Length: 5', '') + 'hello';
      const { arrived, bytes, response } = await observe(gateway, data, method === 'HEAD');
      expect(response?.status).toBe(200);
      expect(arrived).toMatchObject([{ method, url: '/body', body: Buffer.from('hello'), complete: true }]);
      expect(bytes).toMatch(/hello$/);
      expect(bytes.match(/^(?:content-length|transfer-encoding):/gim)).toHaveLength(1);
    },
  );

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH'])(
    'arrives whole with %s in chunks, framed once (row 9)',
    async (method) => {
      const data = lines(`${method} /body HTTP/1.1`, 'Host: gateway.test', CHUNKED, '') + '5\r\nhello\r\n0\r\n\r\n';
      const { arrived, bytes, response } = await observe(gateway, data, method === 'HEAD');
      expect(response?.status).toBe(200);
      expect(arrived).toMatchObject([{ method, url: '/body', body: Buffer.from('hello'), complete: true }]);
      expect(bytes.match(/^(?:content-length|transfer-encoding):/gim)).toHaveLength(1);
    },
  );

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS'])(
    'that looks like a request is a body with %s, never a request of the upstream (row 9)',
    async (method) => {
      const head = lines(`${method} /body HTTP/1.1`, 'Host: gateway.test', `Content-Length: ${SMUGGLED.length}`, '');
      const { arrived } = await observe(gateway, head + SMUGGLED, method === 'HEAD');
      expect(arrived).toMatchObject([{ method, url: '/body', body: Buffer.from(SMUGGLED), complete: true }]);
    },
  );
});

describe('trailers of a request', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front();
  });

  afterAll(() => gateway.close());

  const harmless = 'X-Checksum: 1';

  it.each([
    harmless,
    'Host: evil.test',
    'Authorization: Bearer stolen',
    'X-User-Id: admin',
    'X-Forwarded-For: 198.51.100.1',
    'X-Request-Id: chosen',
    'Cookie: session=stolen',
    '__proto__: polluted',
  ])('end at the gateway: %s (row 10)', async (trailer) => {
    const data = post([CHUNKED, 'Trailer: X-Checksum'], lines('5', 'hello', '0', trailer, ''));
    const { arrived, bytes, response } = await observe(gateway, data);
    expect(response?.status).toBe(200);
    expect(arrived).toMatchObject([{ url: '/upload', body: Buffer.from('hello'), trailers: [], complete: true }]);
    expect(bytes).not.toContain(trailer);
    expect(bytes).not.toMatch(/^trailer:/im);
    expect(bytes.match(/^host:.*$/gim)).toEqual(['host: gateway.test']);
  });

  it.each(['Content-Length: 5', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'])(
    'that frame a message are refused, or end at the gateway: %s (row 10)',
    async (trailer) => {
      const { arrived, bytes } = await observe(
        gateway,
        post([CHUNKED], lines('5', 'hello', '0', trailer, '') + SMUGGLED),
      );
      for (const { url, body, trailers, complete } of arrived) {
        if (complete && url === '/upload')
          expect({ body, trailers }).toEqual({ body: Buffer.from('hello'), trailers: [] });
      }
      expect(bytes.match(/^content-length:/gim)).toBeNull();
      expect(bytes).not.toContain('identity');
    },
  );
});

describe('a host that parses leniently', () => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await front(undefined, {
      mounting: 'mounted',
      server: { insecureHTTPParser: true, requireHostHeader: false },
    });
  });

  afterAll(() => gateway.close());

  it.each(TWO_FRAMINGS)('does not open the way for two framings: %s (row 1)', async (_case, data) => {
    await expectRefused(gateway, data, { statuses: [400, 501] });
  });

  it.each(['xchunked', 'chunked, gzip', 'gzip, chunked', 'chunked, chunked', ''])(
    'does not open the way for the coding %j (rows 4, 5, 6)',
    async (value) => {
      const data = post([`Transfer-Encoding: ${value}`], `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`);
      await expectRefused(gateway, data, { statuses: [400, 501] });
    },
  );

  it('does not open the way for HTTP/1.1 without a Host (row 12)', async () => {
    await expectRefused(gateway, `GET / HTTP/1.1\r\n\r\n${SMUGGLED}`);
  });
});
