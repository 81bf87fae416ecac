import { describe, expect, it } from 'vitest';
import { ConfigError, type Fault } from '../../src/core/options.js';
import { cors, type CorsOptions } from '../../src/cors/index.js';
import { inspectCorsOptions } from '../../src/cors/options.js';

const ORIGIN = 'https://app.example.com';

function faultsOf(options: unknown): readonly string[] {
  try {
    cors(options as CorsOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('the options of cors', () => {
  it('has no default for the origin', () => {
    expect(faultsOf({})[0]).toMatch(/^origin: missing, expected /);
    expect(faultsOf(undefined)).toHaveLength(1);
    expect(faultsOf({ origins: ORIGIN })[0]).toBe('origins: unknown option; did you mean origin?');
  });

  it.each([
    'https://app.example.com',
    'http://localhost:3000',
    'http://[::1]:8080',
    'https://xn--bcher-kva.example',
    'capacitor://localhost',
    'chrome-extension://abcdefghijklmnop',
    'null',
    '*',
    true,
    false,
    /^https:\/\/[a-z-]+\.example\.com$/,
    [ORIGIN, /^https:\/\/a\\$/],
    () => true,
  ])('takes the origin %s', (origin) => {
    expect(faultsOf({ origin })).toEqual([]);
  });

  it.each([
    ['https://app.example.com/', ORIGIN],
    ['https://app.example.com/path?query', ORIGIN],
    ['https://App.Example.com', ORIGIN],
    ['HTTPS://app.example.com', ORIGIN],
    ['https://app.example.com:443', ORIGIN],
    [' https://app.example.com', ORIGIN],
    ['http://localhost:80', 'http://localhost'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ])('shows how %s is to be written', (given, wanted) => {
    const message = `got "${given}", write "${wanted}": that is how browsers send it`;
    expect(faultsOf({ origin: given })).toEqual([`origin: ${message}`]);
    expect(faultsOf({ origin: [ORIGIN, given] })).toEqual([`origin[1]: ${message}`]);
  });

  it.each([
    'app.example.com',
    'localhost:3000',
    'https://*.example.com',
    'https://a.example.com,https://b.example.com',
    'file://',
    '//app.example.com',
    '',
    'NULL',
    '__proto__',
  ])('refuses %s, which no browser sends', (origin) => {
    expect(faultsOf({ origin })).toEqual([
      `origin: got "${origin}", expected an origin such as 'https://app.example.com', or a RegExp for several`,
    ]);
  });

  it('shows no password that stands in an origin', () => {
    expect(faultsOf({ origin: 'https://user:secret@app.example.com' }).join()).not.toContain('secret');
  });

  it.each([5, null, {}, [], ['*'], [true], [[ORIGIN]], Symbol('origin')])('refuses the origin %o', (origin) => {
    expect(faultsOf({ origin })).toHaveLength(1);
  });

  it.each([
    /example\.com/,
    /^https:\/\/app\.example\.com/,
    /app\.example\.com$/,
    /^https:\/\/app\.example\.com\$/,
    /(?:)/,
  ])('refuses %s, which matches a part of another origin', (origin) => {
    expect(faultsOf({ origin })).toEqual([
      'origin: matches a part of an origin, too; begin it with ^ and end it with $',
    ]);
  });

  it('refuses a RegExp that remembers', () => {
    for (const flags of ['g', 'y', 'gi'])
      expect(faultsOf({ origin: new RegExp('^https://a$', flags) })).toEqual([
        'origin: has the flag g or y, with which a RegExp remembers; drop it',
      ]);
  });

  it('refuses credentials for everybody', () => {
    for (const origin of ['*', true])
      expect(faultsOf({ origin, credentials: true })).toEqual([
        'origin: is every origin, which cannot have credentials; list those that you trust',
      ]);
    for (const origin of ['null', [ORIGIN, 'null']])
      expect(faultsOf({ origin, credentials: true })).toEqual([
        "origin: has 'null', which every page can be and so cannot have credentials; leave it out",
      ]);
    expect(faultsOf({ origin: ORIGIN, credentials: true })).toEqual([]);
    expect(faultsOf({ origin: '*', credentials: false })).toEqual([]);
  });

  it('refuses a * that would mean nothing beside credentials', () => {
    const all = { methods: '*', allowedHeaders: ['X-A', '*'], exposedHeaders: 'X-A, *' };
    expect(faultsOf({ origin: ORIGIN, ...all })).toEqual([]);
    expect(faultsOf({ origin: ORIGIN, ...all, credentials: true }).map((fault) => fault.split(':')[0])).toEqual([
      'methods',
      'allowedHeaders',
      'exposedHeaders',
    ]);
  });

  it('tells all that is wrong at once, with its path', () => {
    const faults: Fault[] = [];
    const options = {
      origin: 'https://app.example.com/',
      methods: 'GET,post',
      allowedHeaders: ['X A'],
      exposedHeaders: '',
      credentials: 'yes',
      maxAge: -1,
      optionsSuccessStatus: 202,
      preflightContinue: 'no',
      credential: true,
    };
    inspectCorsOptions(options as unknown as CorsOptions, 'routes[2].cors', faults);
    expect(faults.map(({ path }) => path)).toEqual([
      'routes[2].cors.origin',
      'routes[2].cors.methods',
      'routes[2].cors.allowedHeaders[0]',
      'routes[2].cors.exposedHeaders',
      'routes[2].cors.credentials',
      'routes[2].cors.maxAge',
      'routes[2].cors.optionsSuccessStatus',
      'routes[2].cors.preflightContinue',
      'routes[2].cors.credential',
    ]);
  });

  it('is a ConfigError whatever is given for a name', () => {
    for (const names of [Object.create(null) as object, [Symbol('name')], [null], 7, ['a\r\nb']])
      expect(faultsOf({ origin: ORIGIN, credentials: true, allowedHeaders: names })).toHaveLength(1);
  });

  it('takes methods and fields as a list, or with commas in between', () => {
    for (const names of [[], ['X-A', 'X-B'], 'X-A', 'X-A,X-B', 'X-A, X-B'])
      expect(faultsOf({ origin: ORIGIN, allowedHeaders: names, exposedHeaders: names })).toEqual([]);
    for (const names of ['', 'X-A,', ',', 'X-A X-B', ['X-A,X-B'], ['']])
      expect(faultsOf({ origin: ORIGIN, exposedHeaders: names })).toHaveLength(1);
  });
});
