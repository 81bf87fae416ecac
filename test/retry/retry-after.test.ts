import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../src/retry/retry-after.js';

const NOW = Date.UTC(1994, 10, 6, 8, 49, 30);

describe('retryAfterMs', () => {
  it.each([
    ['0', 0],
    ['1', 1_000],
    ['120', 120_000],
    ['007', 7_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7_000],
    ['Sun Nov  6 08:49:37 1994', 7_000],
    ['Wed Nov 16 08:49:30 1994', 10 * 86_400_000],
    ['Sun, 06 Nov 1994 08:49:60 GMT', 30_000],
    ['Sun, 06 Nov 1994 08:49:30 GMT', 0],
    ['Sun, 06 Nov 1994 08:49:29 GMT', 0],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ])('reads %j as %i ms', (value, ms) => {
    expect(retryAfterMs(value, NOW)).toBe(ms);
  });

  it('reads a number beyond all numbers as for ever', () => {
    expect(retryAfterMs('9'.repeat(400), NOW)).toBe(Infinity);
  });

  it('does not depend on the time zone of the process', () => {
    const { TZ } = process.env;
    try {
      process.env.TZ = 'Asia/Tokyo';
      expect(new Date(NOW).getTimezoneOffset()).toBe(-540);
      expect(retryAfterMs('Sun Nov  6 08:49:37 1994', NOW)).toBe(7_000);
    } finally {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    }
  });

  it.each([
    ['Saturday, 06-Nov-26 08:49:37 GMT', Date.UTC(2026, 10, 6, 8, 49, 30), 7_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', Date.UTC(2026, 10, 6), 0],
    ['Friday, 06-Nov-76 00:00:10 GMT', Date.UTC(2026, 10, 6), Date.UTC(2076, 10, 6) - Date.UTC(2026, 10, 6) + 10_000],
    ['Saturday, 06-Nov-77 00:00:10 GMT', Date.UTC(2026, 10, 6), 0],
  ])('finds the century of %j', (value, now, ms) => {
    expect(retryAfterMs(value, now)).toBe(ms);
  });

  it.each([
    [undefined],
    [''],
    [' '],
    ['soon'],
    ['-1'],
    ['1.5'],
    ['+1'],
    ['1e3'],
    ['0x10'],
    ['1, 2'],
    ['Nov 6 1994'],
    ['1994-11-06T08:49:37Z'],
    ['Sun, 06 Nov 1994 08:49:37 +0000'],
    ['Sun, 6 Nov 1994 08:49:37 GMT'],
    ['Sun, 06 Foo 1994 08:49:37 GMT'],
    ['sun, 06 nov 1994 08:49:37 gmt'],
    ['Sun, 06 Nov 1994 08:49:37 GMT, 5'],
  ])('makes nothing of %j', (value) => {
    expect(retryAfterMs(value, NOW)).toBeNull();
  });
});
