let lastSecond = Number.NaN;
/** Up to the dot before the milliseconds. */
let lastSecondText = '';

/**
 * A time as ISO 8601 in UTC with milliseconds, as `Date` writes it. Every request asks for the same second, so most of
 * the text is written once a second.
 *
 * @param wall Milliseconds since 1970, see `Clock.wall`.
 */
export function isoTime(wall: number): string {
  const second = Math.floor(wall / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondText = new Date(second * 1000).toISOString().slice(0, -4);
  }
  const ms = Math.floor(wall - second * 1000);
  return `${lastSecondText}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
}
