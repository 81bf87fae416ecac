/** What travels: one request and one answer, the same for every setup. */

export const path = '/api/items/42?full=1';

/** About 200 bytes of JSON. No `$` and no quote `'`: nginx must be able to hold it in its configuration. */
export const body = JSON.stringify({
  id: 42,
  name: 'A small answer, as an API gives it',
  price: 19.9,
  tags: ['new', 'sale', 'outdoor'],
  stock: { here: 12, elsewhere: 3 },
  description: 'Nothing special about it but its usual size.',
});

/**
 * A limit that lets every request of the load pass and whose figures are as large as those of real limits: V8 keeps the
 * texts of small numbers, and to write one of a billion costs more than the limiter.
 */
export const wideLimit = { windowMs: 100, limit: 10_000 };

/** Whose pages may read the answers, where a setup has CORS. */
export const origin = 'https://shop.test';

/**
 * The bytes of the request. The headers are those that a browser sends with a fetch.
 * @param {string} target the path and query that is asked for
 * @param {Record<string, string>} [headers] what a setup needs besides
 */
export function encodeRequest(target, headers = {}) {
  return Buffer.from(
    [
      `GET ${target} HTTP/1.1`,
      'Host: gateway.test',
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
      'Accept: application/json, text/plain, */*',
      'Accept-Language: en-US,en;q=0.5',
      'Accept-Encoding: gzip, deflate, br',
      'Cookie: session=8f14e45fceea167a5a36dedd4bea2543',
      'Connection: keep-alive',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n'),
    'latin1',
  );
}
