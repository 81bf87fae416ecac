import { describe, expect, it } from 'vitest';
import { acceptRanges } from '../../src/core/accept-ranges.js';
import { compileVersionSources, describeVersionSource } from '../../src/api-version/version-source.js';
import { fakeContext } from '../support/request.js';

function vendorVersion(accept: string | undefined, vendor = 'acme'): string | null {
  return compileVersionSources([{ vendor }])(fakeContext(accept === undefined ? {} : { headers: { accept } }));
}

describe('{ vendor }', () => {
  it.each([
    ['application/vnd.acme.v2+json', '2'],
    ['application/vnd.acme-v2+json', '2'],
    ['application/vnd.acme.v2', '2'],
    ['application/vnd.acme.v2.raw+json', '2'],
    ['application/vnd.acme.v1.2+json', '1.2'],
    ['application/vnd.acme.v2026-01-31+json', '2026-01-31'],
    ['application/vnd.acme.users.v2+json', '2'],
    ['application/vnd.acme.users-v2+xml; charset=utf-8', '2'],
    ['Application/VND.Acme.V2+JSON', '2'],
    ['text/html, application/vnd.acme.v2+json', '2'],
    ['application/vnd.acme.v1+json;q=0.5, application/vnd.acme.v2+json', '2'],
    ['application/vnd.acme.v1+json;q=0, application/vnd.acme.v2+json;q=0.1', '2'],
    ['application/vnd.acme.v1+json;q=0', null],
    ['application/vnd.acme+json', null],
    ['application/vnd.acme.users+json', null],
    ['application/vnd.acme.version+json', null],
    ['application/vnd.acme.v2x+json', null],
    ['application/vnd.acme.dev2+json', null],
    ['application/vnd.acme+v2', null],
    ['application/vnd.acmecorp.v2+json', null],
    ['application/vnd.other.v2+json', null],
    ['application/json;profile="application/vnd.acme.v2+json"', null],
    ['*/*', null],
    ['', null],
    [undefined, null],
  ])('reads %j as %j', (accept, expected) => {
    expect(vendorVersion(accept)).toBe(expected);
  });

  it('a dot in the name of a vendor is a dot', () => {
    expect(vendorVersion('application/vnd.acme.users.v2+json', 'acme.users')).toBe('2');
    expect(vendorVersion('application/vnd.acmexusers.v2+json', 'acme.users')).toBeNull();
  });

  it.each([
    ['application/vnd.acme.', '/vnd.acme.'],
    ['application/vnd.acme.', 'v1x.'],
    ['application/vnd.acme.v', '1'],
    ['application/json;a="', '\\"'],
    ['', '",'],
  ])('reads %j and a million of %j: a step more for each would never end', (start, part) => {
    expect(vendorVersion(`${start}${part.repeat(1_000_000)}x`)).toBeNull();
  });
});

describe('acceptRanges', () => {
  it('has the most liked first, and those that are liked the same in their order', () => {
    const types = acceptRanges('a/a;q=0.5, b/b, c/c;q=1.0, d/d;q=0, e/e;q=much, f/f;q=0.9').map(({ type }) => type);
    expect(types).toEqual(['b/b', 'c/c', 'f/f', 'a/a']);
  });

  it('reads parameters, quoted and not', () => {
    const [range] = acceptRanges('text/html; LEVEL=1 ;title="a, \\"b\\"; c=d";level=2;flag;q=0.7') as [never];
    expect(range).toEqual({
      type: 'text/html',
      parameters: new Map([
        ['level', '1'],
        ['title', 'a, "b"; c=d'],
      ]),
      weight: 0.7,
    });
  });

  it('a quote that is escaped ends nothing', () => {
    const [range] = acceptRanges('a/a;x="\\", b/b";version=2') as [never];
    expect(range).toMatchObject({
      type: 'a/a',
      parameters: new Map([
        ['x', '", b/b'],
        ['version', '2'],
      ]),
    });
  });

  it('a quote that is never closed takes the rest', () => {
    expect(acceptRanges('a/a;x="1, b/b;version=2').map(({ type }) => type)).toEqual(['a/a']);
  });
});

describe('describeVersionSource', () => {
  it('is in words', () => {
    expect([{ vendor: 'acme' }, { header: 'x-v' }, 'host' as const].map(describeVersionSource)).toEqual([
      'accept vnd.acme',
      'header x-v',
      'host',
    ]);
  });
});
