import { describe, expect, it } from 'vitest';
import { slowPatternReason } from '../../src/core/slow-pattern.js';

describe('slowPatternReason', () => {
  it.each([
    '^/api',
    '^/api/(.*)$',
    '^/api/([^/]+)/([^/]+)$',
    '^/(v1|v2)/',
    '^/a{2}b?',
    '[(*+|)]',
    '\\(a+\\)',
    '^/(?:x)',
    '^/(\\d{4})$',
  ])('has nothing against %s', (pattern) => {
    expect(slowPatternReason(pattern)).toBeNull();
  });

  it.each([
    '(a+)+',
    '(a*)*',
    '(a+?)+?',
    '([a-z]+)*$',
    '(a|a)*',
    '(a|aa)+$',
    '(?:a|b|ab)*',
    '((ab)+)*',
    '(?<n>a+){2,}',
    '(a{1,9}){2,}',
    '(.*a){20}',
    '\\d+\\d+\\d+',
    '.*.*.*x',
    'a{1,}b{1,}c{1,}',
    '(a)\\1',
    '(?=a)b',
    '(?!a)b',
    '(?<=a)b',
    '(?<!a)b',
  ])('refuses %s', (pattern) => {
    expect(slowPatternReason(pattern)).toEqual(expect.any(String));
  });

  it.each([
    ['an optional part inside a repeated group', '^/(a?){26}b'],
    ['optional parts inside a repeated group', '^/(?:a?b?){20}c'],
    ['a repeated group with an optional end', '^/(a?){22}a{22}b'],
    ['a row of optional parts', `^/${'a?'.repeat(26)}b`],
    ['two repetitions without an anchor', 'a*a*b'],
    ['two repetitions of anything without an anchor', '.*.*b'],
    ['a row of bounded repetitions', '^/a{0,999}a{0,999}a{0,999}a{0,999}b'],
    ['a named backreference', '(?<n>a*)\\k<n>b'],
  ])('refuses %s, which a path can make slow: %s', (_what, pattern) => {
    expect(slowPatternReason(pattern)).toEqual(expect.any(String));
  });
});
