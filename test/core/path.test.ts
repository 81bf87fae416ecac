import { describe, expect, it } from 'vitest';
import { canonicalPath, parseTarget } from '../../src/core/path.js';
import { seededRandom } from '../support/random.js';

function pathOf(target: string): string | null {
  return parseTarget(target)?.path ?? null;
}

/** Decodes once, byte by byte, as a server does that cares for no charset. */
function decodeBytes(path: string): string {
  return path.replace(/%([\da-f]{2})/gi, (_escape, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

describe('parseTarget', () => {
  it.each([
    ['/', '/', ''],
    ['/api/users', '/api/users', ''],
    ['/api/users/', '/api/users/', ''],
    ['/api?a=b', '/api', '?a=b'],
    ['/api?', '/api', '?'],
    ['/api?a=1&a=2&a', '/api', '?a=1&a=2&a'],
    ['/api?a=%zz&b=../..//x;y\\z?', '/api', '?a=%zz&b=../..//x;y\\z?'],
    ['/?/../x', '/', '?/../x'],
    ['/.well-known/jwks.json', '/.well-known/jwks.json', ''],
    ['/...', '/...', ''],
    ['/a..b/..c/d..', '/a..b/..c/d..', ''],
    ['/a:b@c!d$e&f(g)*+,=', '/a:b@c!d$e&f(g)*+,=', ''],
    ['/%F0%9F%98%80', '/%F0%9F%98%80', ''],
    ['/a%20b', '/a%20b', ''],
  ])('reads %s', (target, path, query) => {
    expect(parseTarget(target)).toEqual({ path, rawPath: path, query, authority: '' });
  });

  describe('spellings of /admin (FAILURES 20)', () => {
    it.each([
      ['/public/../admin'],
      ['/public/%2e%2e/admin'],
      ['/public/%2E./admin'],
      ['/public/.%2e/admin'],
      ['/public/..%2fadmin'],
      ['/public/..%2Fadmin'],
      ['/public/%2e%2e%2fadmin'],
      ['/public%2f..%2fadmin'],
      ['/public%2f../admin'],
      ['/public/..%5cadmin'],
      ['/public/..%5Cadmin'],
      ['/public%5c..%5cadmin'],
      ['/public/..;/admin'],
      ['/public/..;x=1/admin'],
      ['/public/%2e%2e;/admin'],
      ['/public/.;/..;/admin'],
      ['/public/..;a%2fb/admin'],
      ['/public\\..\\admin'],
      ['/public/..\\admin'],
      ['/\\admin'],
      ['/./admin'],
      ['/%2e/admin'],
      ['/.;/admin'],
      ['/;/admin'],
      ['/;x/admin'],
      ['/%2f;/admin'],
      ['/admin/.'],
      ['/admin/..'],
      ['/admin/%2e'],
      ['/admin/.%2f'],
      ['/admin/..;'],
      ['/..'],
      ['/.'],
      ['/../admin'],
      ['//../admin'],
      ['/public//../admin'],
      ['/public/../../admin?x=y'],
    ])('refuses %s', (target) => {
      expect(parseTarget(target)).toBeNull();
    });

    it.each([
      ['//admin', '/admin'],
      ['///admin', '/admin'],
      ['/public//admin', '/public/admin'],
      ['/admin//', '/admin/'],
      ['/%61dmin', '/admin'],
      ['/%61%64%6D%69%6e', '/admin'],
      ['/ad%6din', '/admin'],
      ['/ADMIN', '/ADMIN'],
      ['/%41DMIN', '/ADMIN'],
      ['/%7Euser/%5f%2D', '/~user/_-'],
    ])('compares and forwards %s as %s', (target, path) => {
      expect(parseTarget(target)).toEqual({ path, rawPath: path, query: '', authority: '' });
    });

    it.each([['/public/..%3B/admin'], ['/public/..%3bx/admin'], ['/public/%2e%2e%3b/admin'], ['/%3b/admin']])(
      'refuses %s, which is a dot segment to a server behind one that decodes',
      (target) => {
        expect(parseTarget(target)).toBeNull();
      },
    );
  });

  describe('encodings that stay (FAILURES 21)', () => {
    it.each([
      ['/a%2fb', '/a%2Fb'],
      ['/a%2Fb', '/a%2Fb'],
      ['/a%5cb', '/a%5Cb'],
      ['/%252e%252e/admin', '/%252e%252e/admin'],
      ['/%25%32%65', '/%252e'],
      ['/%252fadmin', '/%252fadmin'],
      ['/a%3fb', '/a%3Fb'],
      ['/a%23b', '/a%23b'],
      ['/a%3bb', '/a%3Bb'],
    ])('%s stays %s', (target, path) => {
      expect(parseTarget(target)).toEqual({ path, rawPath: path, query: '', authority: '' });
    });
  });

  describe('malformed targets (FAILURES 22)', () => {
    it.each([
      ['/%00'],
      ['/a%00.html'],
      ['/%zz'],
      ['/%'],
      ['/a%'],
      ['/a%2'],
      ['/a%2?x'],
      ['/%u002e%u002e/admin'],
      ['/%%32%65'],
      ['/a b'],
      ['/a\tb'],
      ['/a\r\nx: y'],
      ['/a\n'],
      ['/a\0'],
      ['/\x7f'],
      ['/\x80'],
      ['/\xe9'],
      ['/é'],
      ['/\uff0e\uff0e/admin'],
      ['/\u2028'],
      ['/😀'],
      ['/a#b'],
      ['/#'],
      ['/?a#b'],
      ['/?a b'],
      ['/?\xe9'],
      ['/a\\b'],
      ['\\'],
    ])('refuses %j', (target) => {
      expect(parseTarget(target)).toBeNull();
    });
  });

  describe('targets that would change the authority (FAILURES 23)', () => {
    it.each([
      ['@evil.test'],
      ['.evil.test/x'],
      [':80/x'],
      ['evil.test:443'],
      ['evil.test/x'],
      ['?x'],
      ['*'],
      [''],
      ['%2f'],
      ['ftp://evil.test/x'],
      ['file:///etc/passwd'],
      ['javascript:alert(1)'],
      ['http:/evil.test'],
      ['http:evil.test'],
      ['http://'],
      ['http:///x'],
      ['http://?x'],
      ['https:\\\\evil.test\\x'],
    ])('refuses %j', (target) => {
      expect(parseTarget(target)).toBeNull();
    });

    it.each([
      ['//evil.test/x', '/evil.test/x'],
      ['///evil.test', '/evil.test'],
      ['/@evil.test', '/@evil.test'],
      ['/:80/x', '/:80/x'],
      ['/http://evil.test/x', '/http:/evil.test/x'],
    ])('keeps %s a path: %s', (target, path) => {
      expect(parseTarget(target)).toEqual({ path, rawPath: path, query: '', authority: '' });
    });
  });

  describe('asterisk form', () => {
    it('is a path for OPTIONS alone', () => {
      expect(parseTarget('*', 'OPTIONS')).toEqual({ path: '*', rawPath: '*', query: '', authority: '' });
      for (const method of ['GET', 'HEAD', 'POST', 'options', 'TRACE']) expect(parseTarget('*', method)).toBeNull();
    });

    it.each([['**'], ['*/'], ['*?x'], ['*;'], ['%2a']])('%s is none, even for OPTIONS', (target) => {
      expect(parseTarget(target, 'OPTIONS')).toBeNull();
    });

    it('is not what a path of the wire can become', () => {
      expect(parseTarget('/*', 'OPTIONS')?.path).toBe('/*');
      expect(parseTarget('http://shop.test*', 'OPTIONS')?.path).toBe('/');
    });
  });

  describe('absolute form', () => {
    it.each([
      ['http://shop.test/a?b', 'shop.test', '/a', '?b'],
      ['HTTPS://Shop.test:8443/a', 'Shop.test:8443', '/a', ''],
      ['http://shop.test', 'shop.test', '/', ''],
      ['http://shop.test?b', 'shop.test', '/', '?b'],
      ['http://shop.test//a/%61', 'shop.test', '/a/a', ''],
      ['http://[::1]:80/', '[::1]:80', '/', ''],
      ['http://user@shop.test/', 'user@shop.test', '/', ''],
    ])('reads %s', (target, authority, path, query) => {
      expect(parseTarget(target)).toEqual({ path, rawPath: path, query, authority });
    });

    it('refuses in the path what it refuses in origin form', () => {
      for (const path of ['/a/../b', '/%zz', '/a\\b', '/..;/x', '/a b']) {
        expect(parseTarget(`http://shop.test${path}`)).toBeNull();
      }
    });
  });

  describe('path parameters', () => {
    it.each([
      ['/admin;x', '/admin'],
      ['/admin;jsessionid=1/users;v=2', '/admin/users'],
      ['/admin;', '/admin'],
      ['/a;b;c/d', '/a/d'],
      ['/a;%2F/d', '/a/d'],
      ['/a.;x/b', '/a./b'],
    ])('%s meets the policy of %s and is forwarded as it is', (target, path) => {
      expect(parseTarget(target)).toMatchObject({ path, rawPath: target });
    });

    it('are not searched for in the query', () => {
      expect(parseTarget('/a?b;c')).toEqual({ path: '/a', rawPath: '/a', query: '?b;c', authority: '' });
    });
  });

  describe('over 50000 random targets', () => {
    const alphabet = [
      '/',
      '/',
      '.',
      '.',
      '%2e',
      '%2F',
      '%5c',
      '%25',
      '%',
      ';',
      '\\',
      'a',
      'A',
      '2',
      'e',
      'f',
      '%61',
      '?',
    ];
    const random = seededRandom(99);
    const targets = Array.from(
      { length: 50_000 },
      () => `/${Array.from({ length: random.int(10) }, () => random.pick(alphabet)).join('')}`,
    );

    it('canonicalPath changes nothing on its own results', () => {
      let accepted = 0;
      for (const target of targets) {
        const once = canonicalPath(target);
        if (once === null) continue;
        accepted++;
        expect(canonicalPath(once)).toBe(once);
      }
      expect(accepted).toBeGreaterThan(5_000);
    });

    it('parseTarget changes nothing on what it forwards', () => {
      for (const target of targets) {
        const parsed = parseTarget(target);
        if (parsed !== null) expect(parseTarget(parsed.rawPath + parsed.query)).toEqual(parsed);
      }
    });

    it('parseTarget decides as canonicalPath does', () => {
      for (const target of targets) {
        const path = target.split('?', 1)[0] as string;
        expect(`${target} ${parseTarget(target)?.rawPath ?? null}`).toBe(`${target} ${canonicalPath(path)}`);
      }
    });

    it('no server that decodes once, drops parameters or takes backslashes finds a dot segment', () => {
      for (const target of targets) {
        const parsed = parseTarget(target);
        if (parsed === null) continue;
        for (const path of [parsed.path, parsed.rawPath]) {
          const segments = decodeBytes(path).split(/[/\\]/);
          const dots = segments
            .map((segment) => segment.split(';', 1)[0])
            .filter((name) => /^\.{1,2}$/.test(name ?? ''));
          expect({ target, dots }).toEqual({ target, dots: [] });
        }
      }
    });

    it('a path starts with one slash and holds no empty segment but a last one', () => {
      for (const target of targets) {
        const path = pathOf(target);
        if (path !== null) expect(path).toMatch(/^\/(?!\/)(?:[^/]+\/?)*$/);
      }
    });
  });

  it('takes time in proportion to the length, whatever the target', () => {
    const hard = ['/', '/.', '/a;', '%2e', ';', '/..;', '%2F', '//a'].map((part) => `/a${part.repeat(20_000)}`);
    const started = performance.now();
    for (const target of hard) parseTarget(target);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
