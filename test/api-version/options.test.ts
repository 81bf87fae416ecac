import { describe, expect, it } from 'vitest';
import { apiVersions, type ApiVersionsOptions } from '../../src/api-version/index.js';
import { describeApiVersions, inspectVersionsOf } from '../../src/api-version/options.js';
import { ConfigError, string, type Fault } from '../../src/core/options.js';
import type { Handler } from '../../src/core/types.js';

const to: Handler = () => ({ status: 200, headers: {}, body: null });
const by = { header: 'x-v' };

function faultsOf(options: unknown): string[] {
  try {
    apiVersions(options as ApiVersionsOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

function faultsOfVersion(version: object): string[] {
  return faultsOf({ by, versions: { 1: { to, ...version } } });
}

describe('the options of apiVersions', () => {
  it('are told of all at once', () => {
    const versions = { v1: { to, sunset: 'soon' }, 1: {}, 'a b': { to }, c: { to, deprectaed: '2026-01-01' } };
    const all = faultsOf({ by: [], versions, default: '3', unknown: 'never', versoins: {} });
    expect(all).toEqual([
      expect.stringMatching(/^by: got an empty list, expected .*, or a list of them$/),
      'versions["1"].to: missing, expected a function',
      expect.stringMatching(/^versions\.v1\.sunset: got "soon", expected a Date/),
      'versions.c.deprectaed: unknown option; did you mean deprecated?',
      "unknown: got \"never\", expected one of 'refuse', 'default'",
      'versoins: unknown option; did you mean versions?',
      'versions.v1: is the same as versions["1"]; leave one out',
      'versions["a b"]: a name has letters, digits, ., _ and -',
      'default: is no version here; did you mean 1?',
    ]);
  });

  it.each([
    [undefined, ['options: got undefined, expected an object with by, versions, default, unknown']],
    [{}, [expect.stringMatching(/^by: missing/), expect.stringMatching(/^versions: missing/)]],
    [{ by, versions: {} }, ['versions: has no version']],
    [{ by, versions: { '': { to } } }, ['versions[""]: a name has letters, digits, ., _ and -']],
    [{ by, versions: { 1: { to } }, unknown: 'default' }, ["unknown: is 'default', and there is no default; name one"]],
    [{ by, versions: { stable: { to } }, default: 'stabel' }, ['default: is no version here; did you mean stable?']],
    [
      { by, versions: { 1: { to }, 2: { to } }, default: '2026' },
      ['default: is no version here; the versions are 1, 2'],
    ],
    [{ by, versions: { 1: { to } }, default: '__proto__' }, [expect.stringMatching(/^default: is no version here/)]],
    [{ by, versions: 5 }, [expect.stringMatching(/^versions: got 5/)]],
    [{ by, versions: { 1: null } }, [expect.stringMatching(/^versions\["1"\]: got null/)]],
    [
      { by: { vendor: 'vnd.acme' }, versions: { 1: { to } } },
      [expect.stringMatching(/^by\.vendor: .*without 'vnd\.'$/)],
    ],
    [{ by: { vendor: '' }, versions: { 1: { to } } }, [expect.stringMatching(/^by\.vendor: /)]],
    [
      { by: [{ vendor: 'a', header: 'b' }], versions: { 1: { to } } },
      [expect.stringMatching(/^by\[0\]\.header: unknown/)],
    ],
    [{ by: { hedaer: 'x' }, versions: { 1: { to } } }, [expect.stringMatching(/^by\.hedaer: /)]],
  ])('%j are refused', (options, expected) => {
    expect(faultsOf(options)).toEqual(expected);
  });

  it.each([
    true,
    '2026',
    '2026-02-30',
    '2026-1-1',
    '01/02/2026',
    '2026-01-01T00:00:00',
    '2026-01-01T25:00Z',
    'now',
    1767225600,
    new Date('never'),
    new Date(8.64e15),
  ])('%j is no date', (date) => {
    expect(faultsOfVersion({ deprecated: date })).toEqual([
      expect.stringMatching(/^versions\["1"\]\.deprecated: got /),
    ]);
  });

  it.each(['2026-02-28', '2024-02-29', '2026-01-01T00:00Z', '2026-01-01T23:59:59.999-11:30', new Date(0)])(
    '%j is a date',
    (date) => {
      expect(faultsOfVersion({ sunset: date })).toEqual([]);
    },
  );

  it('a sunset is not before the deprecation (RFC 9745 4)', () => {
    const message = 'versions["1"].sunset: is before deprecated, which RFC 9745 rules out';
    expect(faultsOfVersion({ deprecated: '2026-01-02', sunset: '2026-01-01' })).toEqual([message]);
    expect(faultsOfVersion({ deprecated: '2026-01-02', sunset: '2026-01-02' })).toEqual([]);
    // What goes out has no milliseconds.
    expect(faultsOfVersion({ deprecated: '2026-01-02T00:00:00.9Z', sunset: '2026-01-02' })).toEqual([]);
  });

  it.each(['x', 'ftp://a', 'javascript:alert(1)', '/a b', '/a>; rel="x', '/"', '/ü', '/a\r\nb', 'https://[', ''])(
    '%j is no link',
    (link) => {
      expect(faultsOfVersion({ link })).toEqual([expect.stringMatching(/^versions\["1"\]\.link: got /)]);
    },
  );

  it('can be embedded with destinations of another kind', () => {
    const faults: Fault[] = [];
    inspectVersionsOf(string())(
      { by: 'host', versions: { 1: { to: 'users' }, 2: { to: to } } },
      'routes[0].versions',
      faults,
    );
    expect(faults.map(({ path }) => path)).toEqual(['routes[0].versions.versions["2"].to']);
  });

  it('are told in words', () => {
    const versions = { 1: { to, deprecated: '2026-01-01' }, 2: { to } };
    expect(describeApiVersions({ by: [by, { query: 'v' }], versions, default: '2' })).toBe(
      '1 (deprecated), 2 by header x-v or query v, else 2',
    );
    expect(describeApiVersions({ by: 'host', versions })).toBe('1 (deprecated), 2 by host');
  });
});
