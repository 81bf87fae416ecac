import { describe, expect, it } from 'vitest';
import { isSecretField, isSecretParameter, redactQuery, redactText } from '../../src/core/redact.js';

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl';

describe('redactQuery', () => {
  it.each([
    ['', ''],
    ['?', '?'],
    ['?page=2&sort=name', '?page=2&sort=name'],
    ['?token=abc', '?token=[redacted]'],
    ['?a=1&access_token=abc&b=2', '?a=1&access_token=[redacted]&b=2'],
    ['?accessToken=abc', '?accessToken=[redacted]'],
    ['?ACCESS-TOKEN=abc', '?ACCESS-TOKEN=[redacted]'],
    ['?api_key=abc&apikey=def&api-key=ghi', '?api_key=[redacted]&apikey=[redacted]&api-key=[redacted]'],
    ['?p%61ssword=abc', '?p%61ssword=[redacted]'],
    ['?+password=abc', '?+password=[redacted]'],
    ['?X-Amz-Signature=abc&X-Amz-Date=1', '?X-Amz-Signature=[redacted]&X-Amz-Date=1'],
    ['?password=a=b=c', '?password=[redacted]'],
    ['?token[]=a&user[password]=b&user[name]=c', '?token[]=[redacted]&user[password]=[redacted]&user[name]=c'],
    ['?a=1;token=b', '?a=1;token=[redacted]'],
    ['?next=/cb?token=b', '?next=/cb?token=[redacted]'],
    ['?token=a&token=b', '?token=[redacted]&token=[redacted]'],
    ['?%zz=1', '?%zz=1'],
    [`?q=${JWT}`, '?q=[redacted]'],
    [`?${JWT}`, '?[redacted]'],
    ['?url=https://ada:secret@host/x', '?url=https://[redacted]@host/x'],
    ['?url=https%3A%2F%2Fada%3Asecret%40host', '?url=https%3A%2F%2F[redacted]@host'],
  ])('%j is shown as %j', (query, shown) => {
    expect(redactQuery(query)).toBe(shown);
  });

  it('keeps back what the caller names, in lower case', () => {
    expect(redactQuery('?Voucher=abc&x=1', new Set(['voucher']))).toBe('?Voucher=[redacted]&x=1');
  });
});

describe('redactText', () => {
  it.each([
    ['no secret in here, 42 of them', 'no secret in here, 42 of them'],
    [`token ${JWT} is old`, 'token [redacted] is old'],
    ['Authorization: Bearer abcdef.123', 'Authorization: [redacted]'],
    ['for authorization: Digest username="ada", response="x"\nnext', 'for authorization: [redacted]\nnext'],
    ['401 for Cookie: theme=dark; session=abc', '401 for Cookie: [redacted]'],
    ['{"set-cookie":["session=abc"],"host":"a"}', '{"set-cookie":[redacted],"host":"a"}'],
    ['{"cookie":"session=abc","host":"a"}', '{"cookie":[redacted],"host":"a"}'],
    ['sent Bearer abcdef.123 to it', 'sent Bearer [redacted] to it'],
    ['connect redis://ada:pw@store:6379 failed', 'connect redis://[redacted]@store:6379 failed'],
    ['connect redis://:pw@store failed', 'connect redis://[redacted]@store failed'],
    ['{"password":"x y","n":1}', '{"password":[redacted],"n":1}'],
    ['api_key=abc&page=2', 'api_key=[redacted]&page=2'],
    ['GET /x?key=abc&page=2 failed', 'GET /x?key=[redacted]&page=2 failed'],
    ['GET /x?page=2&sig=abc', 'GET /x?page=2&sig=[redacted]'],
    ['https://ada:p@ss@host/x', 'https://[redacted]@host/x'],
    ['{"password":"a\\"b","n":1}', '{"password":[redacted],"n":1}'],
    ['{"password":"cut', '{"password":[redacted]'],
    ['"{\\"password\\":\\"abc\\",\\"n\\":1}"', '"{\\"password\\":[redacted],\\"n\\":1}"'],
    ['{"body":"{\\"password\\":\\"abc\\"}"}', '{"body":"{\\"password\\":[redacted]}"}'],
    ['code: ERR_X, key: 3', 'code: ERR_X, key: 3'],
    ['client_secret: abc', 'client_secret: [redacted]'],
  ])('%j is shown as %j', (text, shown) => {
    expect(redactText(text)).toBe(shown);
  });

  it('keeps back what the caller names, in lower case', () => {
    expect(redactText('X-Voucher: abc and /x?voucher=def', new Set(['x-voucher', 'voucher']))).toBe(
      'X-Voucher: [redacted] and /x?voucher=[redacted]',
    );
  });

  it('is as it was after a second time', () => {
    const once = redactText(`password=abc Bearer abcdef https://u:p@h/ ${JWT}`);
    expect(redactText(once)).toBe(once);
    expect(once).not.toMatch(/abc|u:p/);
  });

  it.each([
    'cookie=[',
    'cookie: "',
    'eyJ',
    'eyJ-',
    '://',
    '%3a%2f%2f',
    'token',
    'token-',
    'a-',
    'token="',
    'Bearer ',
    'password= ',
  ])('is done with 60,000 times %j within the time of a test', (part) => {
    expect(redactText(part.repeat(60_000)).length).toBeGreaterThan(0);
  });
});

describe('isSecretField', () => {
  it.each(['authorization', 'Cookie', 'set-cookie', 'x-api-key', 'x_api_key', 'Proxy-Authorization'])(
    '%s is one',
    (name) => {
      expect(isSecretField(name)).toBe(true);
    },
  );

  it.each(['accept', 'user-agent', 'x-request-id', '__proto__', 'constructor'])('%s is none', (name) => {
    expect(isSecretField(name)).toBe(false);
  });

  it('takes further names', () => {
    expect(isSecretField('X-Mine', new Set(['x-mine']))).toBe(true);
  });
});

it.each(['page', 'q', '', '__proto__', 'constructor', 'tokens-used'])('the parameter %j is shown', (name) => {
  expect(isSecretParameter(name)).toBe(false);
});
