import { describe, expect, it } from 'vitest';
import { parseTraceparent } from '../../src/tracing/index.js';
import { formatTraceparent } from '../../src/tracing/traceparent.js';

const TRACE = '12345678901234567890123456789012';
const SPAN = '1234567890123456';
const VALID = { traceId: TRACE, parentId: SPAN, sampled: true };

describe('parseTraceparent', () => {
  it.each([
    ['version 00', `00-${TRACE}-${SPAN}-01`],
    ['a later version', `cc-${TRACE}-${SPAN}-01`],
    ['a later version with more to it', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
    ['version 01, of the same length', `01-${TRACE}-${SPAN}-01`],
    ['a space in front', ` 00-${TRACE}-${SPAN}-01`],
    ['a tab in front', `\t00-${TRACE}-${SPAN}-01`],
    ['a space behind', `00-${TRACE}-${SPAN}-01 `],
    ['a tab behind', `00-${TRACE}-${SPAN}-01\t`],
    ['space all around', `\t 00-${TRACE}-${SPAN}-01 \t`],
  ])('reads %s', (_case, value) => {
    expect(parseTraceparent(value)).toEqual(VALID);
  });

  it.each([
    ['nothing', ''],
    ['version 00 with a character too many', `00-${TRACE}-${SPAN}-01.`],
    ['version 00 with more to it', `00-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
    ['a later version with more to it, but no dash', `cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['a version that begins with no digit', `.0-${TRACE}-${SPAN}-01`],
    ['a version that ends with no digit', `0.-${TRACE}-${SPAN}-01`],
    ['a version in upper case', `CC-${TRACE}-${SPAN}-01`],
    ['a version of three digits', `000-${TRACE}-${SPAN}-01`],
    ['a version of four digits', `0000-${TRACE}-${SPAN}-01`],
    ['a version of one digit', `0-${TRACE}-${SPAN}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a trace that begins with no digit', `00-.${TRACE.slice(1)}-${SPAN}-01`],
    ['a trace that ends with no digit', `00-${TRACE.slice(1)}.-${SPAN}-01`],
    ['a trace in upper case', `00-${'A'.repeat(32)}-${SPAN}-01`],
    ['a trace that is too long', `00-${TRACE}3-${SPAN}-01`],
    ['a trace that is too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a parent that begins with no digit', `00-${TRACE}-.${SPAN.slice(1)}-01`],
    ['a parent that ends with no digit', `00-${TRACE}-${SPAN.slice(1)}.-01`],
    ['a parent in upper case', `00-${TRACE}-${'B'.repeat(16)}-01`],
    ['a parent that is too long', `00-${TRACE}-${SPAN}7-01`],
    ['a parent that is too short', `00-${TRACE}-${SPAN.slice(1)}-01`],
    ['flags that begin with no digit', `00-${TRACE}-${SPAN}-.0`],
    ['flags that end with no digit', `00-${TRACE}-${SPAN}-0.`],
    ['flags of three digits', `00-${TRACE}-${SPAN}-001`],
    ['flags of one digit', `00-${TRACE}-${SPAN}-1`],
    ['two in one line', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['a line break in between', `00-${TRACE}-${SPAN}-01\n00-${TRACE}-${SPAN}-01`],
  ])('refuses %s', (_case, value) => {
    expect(parseTraceparent(value)).toBeNull();
  });

  it.each([
    ['00', false],
    ['01', true],
    ['02', false],
    ['03', true],
    ['09', true],
    ['fe', false],
    ['ff', true],
  ])('reads of the flags %s the lowest bit alone', (flags, sampled) => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`)?.sampled).toBe(sampled);
  });
});

describe('formatTraceparent', () => {
  it.each([true, false])('writes what is read again, sampled: %s', (sampled) => {
    expect(parseTraceparent(formatTraceparent(TRACE, SPAN, sampled))).toEqual({ ...VALID, sampled });
  });
});
