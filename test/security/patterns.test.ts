import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../src/core/path.js';
import { ConfigError } from '../../src/core/options.js';
import { createGateway, type Gateway } from '../../src/gateway/index.js';
import { HttpProxy } from '../../src/proxy/index.js';
import { Router } from '../../src/router/index.js';
import { isHost } from '../../src/core/headers.js';
import { jsonLine } from '../../src/logger/json-line.js';
import { exchange } from '../support/raw-client.js';
import { front, get } from './front.js';

/** The fastest of three runs, in ms: noise only ever adds. */
function fastest(run: () => unknown): number {
  let best = Infinity;
  for (let count = 0; count < 3; count++) {
    const startedAt = performance.now();
    run();
    best = Math.min(best, performance.now() - startedAt);
  }
  return best;
}

const LONG = 50_000;

const ATTACKED_PATTERNS: [string, string][] = [
  ['/:a-:b', `/${'-'.repeat(LONG)}`],
  ['/:a-:b-:c-:d-:e', `/${'-'.repeat(LONG)}`],
  ['/:a-:b-:c.json', `/${'-'.repeat(LONG)}.jsom`],
  ['/:a--:b', `/${'-a'.repeat(LONG / 2)}`],
  ['/:a.:b.:c', `/${'.'.repeat(LONG)}x`],
  ['/x:a-x:b-x:c', `/x${'-x'.repeat(LONG / 2)}`],
  ['/:a/:b/:c', '/x'.repeat(LONG / 2)],
  ['/*/*/*/z', '/x'.repeat(LONG / 2)],
  ['/files/*', `/files${'/x'.repeat(LONG / 2)}`],
  ['/:a-:b', `/${'A'.repeat(LONG)}`],
  ['/:a-:b', `/${'%2D-'.repeat(LONG / 4)}`],
];

describe('the router', () => {
  it.each(ATTACKED_PATTERNS)(
    'matches %s against a path of 50,000 characters within milliseconds (row 76)',
    (path, url) => {
      const router = new Router<string>().add('/', 'rest').add(path, 'it');
      expect(fastest(() => router.match({ path: url }))).toBeLessThan(5);
    },
  );

  it('matches 16 mixed segments in a row without trying their combinations (row 76)', () => {
    const names = Array.from({ length: 16 }, (_, index) => `/:a${index}-:b${index}`);
    const router = new Router<string>().add(`${names.join('')}/end`, 'it');
    expect(fastest(() => router.match({ path: `${`/${'-'.repeat(500)}`.repeat(16)}/other` }))).toBeLessThan(50);
  });

  it.each(['/(a+)+', '/:id(\\d+)', '/a?', '/a+', '/**', '/{a,b}', '/:a:b', '/x*', '/[ab]', '/a|b', '/^a$'])(
    'takes no regular expression: %s is refused, or it is those very characters (row 76)',
    (path) => {
      let router: Router<string>;
      try {
        router = new Router<string>().add(path, 'it');
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        return;
      }
      expect(router.match({ path: '/aaaa' })).toBeNull();
      expect(router.match({ path: '/a' })).toBeNull();
    },
  );
});

describe('what reads a request before the router', () => {
  it.each([
    ['dots', `/${'.'.repeat(LONG)}`],
    ['dots and semicolons', `/${'..;'.repeat(LONG / 3)}`],
    ['semicolons', `/x${';'.repeat(LONG)}`],
    ['slashes', '/'.repeat(LONG)],
    ['slashes and dots', '/.x'.repeat(LONG / 3)],
    ['escapes', `/${'%41'.repeat(LONG / 3)}`],
    ['percent signs', `/${'%'.repeat(LONG)}`],
    ['encoded slashes', `/${'%2f'.repeat(LONG / 3)}`],
    ['encoded semicolons', `/${'..%3b'.repeat(LONG / 5)}x`],
    ['an authority', `http://${'a'.repeat(LONG)}`],
    ['questions', `http:/${'/?'.repeat(LONG / 2)}`],
  ])('reads a target of 50,000 characters of %s within milliseconds (row 76)', (_case, target) => {
    expect(fastest(() => parseTarget(target))).toBeLessThan(50);
  });

  it.each(['a'.repeat(LONG), 'a.'.repeat(LONG / 2), `[${':'.repeat(LONG)}`, `a:${'1'.repeat(LONG)}`])(
    'reads a Host of 50,000 characters at once (row 76)',
    (host) => {
      expect(fastest(() => isHost(host))).toBeLessThan(5);
      expect(isHost(host)).toBe(false);
    },
  );

  it('writes a line of 1 MB of line separators within milliseconds (row 76)', () => {
    expect(fastest(() => jsonLine({ path: '\u2028'.repeat(1_000_000) }))).toBeLessThan(50);
  });
});

function startWith(pattern: string): Gateway {
  return createGateway({
    accessLog: false,
    routes: [{ path: '/', target: 'http://127.0.0.1:1', pathRewrite: { [pattern]: '/y' } }],
  });
}

/**
 * Each is slow on one of the paths that {@link attacks} makes: exponential, or of a degree that 2048 characters are enough for.
 */
const CATASTROPHIC = [
  '^/(a+)+$',
  '^/(a*)*$',
  '^/(?:a+)+$',
  '^/(a|a)*$',
  '^/(a|aa)+$',
  '^/([a-z]+)*$',
  '^/(.*)*$',
  '^/(a+){2,}$',
  '^/(a{1,9}){1,99}$',
  '^/(?:a?a?)+$',
  '^/(?:aa?)+$',
  '^/(a?a)*$',
  '^/(?:a?){40}a{40}$',
  `^/${'a?'.repeat(40)}${'a'.repeat(40)}$`,
  '^/a{0,500}a{0,500}a{0,500}a{0,500}$',
  '^/a*a*a*a*$',
  '^/a+a+a+$',
  '^/.*.*.*=.*$',
  'a*a*b',
  '.*-.*;',
  '[^/]*-[^/]*;',
  '(.*)(.*)x$',
  '^/((a+))+$',
  '^/(a+)\\1+$',
  '^/(?=(a+)+$)',
  '(?<!a+)b',
  '^/(?<x>a+)+$',
  '^/([[a]+)+$',
  '^/([)]a+)+$',
  '^/(\\(a+)+$',
  '^/(a+)+?$',
  '^/(a+)*?$',
];

const CHEAP = [
  '^/api',
  '^/api/v1',
  '/old/',
  '^/a/(.*)$',
  '^/users/([^/]+)/orders$',
  '^/v(\\d+)/',
  '^/(?:en|de)/',
  '\\.html$',
  '^/[a-z]{2}/',
  '',
];

/** Paths that make a backtracking engine despair. */
function attacks(): string[] {
  return ['a', '-', 'a-', '(a', '[a', ')a', '/', 'aa/'].map((part) => `/${part.repeat(2_048)}`.slice(0, 2_047) + '!');
}

describe('a regular expression of the configuration', () => {
  it.each(CATASTROPHIC)('does not start where a path could make it slow: %s (row 76)', (pattern) => {
    expect(() => startWith(pattern)).toThrow(ConfigError);
    expect(() => new HttpProxy({ target: 'http://127.0.0.1:1', pathRewrite: { [pattern]: '' } })).toThrow(ConfigError);
  });

  it.each(['(', '[', '*', '(?<a>x)(?<a>y)', '\\', '(?<n', 'a{2,1}'])(
    'does not start where it is none: %j (row 76)',
    (pattern) => {
      expect(() => startWith(pattern)).toThrow(ConfigError);
    },
  );

  it.each(CHEAP)('starts, and is fast on every path there can be: %j (row 76)', (pattern) => {
    const gateway = startWith(pattern);
    for (const path of attacks()) {
      expect(fastest(() => gateway.explain('GET', path))).toBeLessThan(50);
    }
  });

  it('never sees a path over 2048 characters: 414, and nothing is sent (row 76)', async () => {
    const gateway = await front((target) => ({
      routes: [
        { path: '/alive', target },
        { path: '/', target, pathRewrite: { '^/x': '/y' } },
      ],
    }));
    const { response, closed } = await exchange(gateway.port, get(`/${'a'.repeat(2_048)}`));
    expect(response?.status).toBe(414);
    expect(closed).toBe(true);
    expect(gateway.upstream.accepted).toBe(0);
    await gateway.close();
  });
});

describe('a mounted gateway whose host allows heads of 128 KiB', () => {
  it('answers 50,000 dashes against /:a-:b at once and goes on serving (row 76)', async () => {
    const gateway = await front(
      (target) => ({
        routes: [
          { path: '/', target },
          { path: '/:a-:b-:c', respond: { body: 'mixed' } },
        ],
      }),
      { mounting: 'mounted', server: { maxHeaderSize: 131_072 } },
    );
    const startedAt = performance.now();
    const status = await new Promise((resolve, reject) => {
      const sent = httpRequest({ port: gateway.port, path: `/${'-'.repeat(LONG)}` }, (response) => {
        resolve(response.resume().statusCode);
      });
      sent.on('error', reject).end();
    });
    expect(status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect((await exchange(gateway.port, get('/alive'))).response?.status).toBe(200);
    await gateway.close();
  });
});
