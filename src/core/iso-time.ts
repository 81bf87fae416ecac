let lastSecond = Number.NaN;
/** Up to the dot before the milliseconds. */
let lastSecondText = '';
let lastMs = Number.NaN;
let lastText = '';

/**
 * A time as ISO 8601 in UTC with milliseconds, as `Date` writes it. Every request asks for the same second, so most of
 * the text is written once a second, and many ask for the same millisecond.
 *
 * @param wall Milliseconds since 1970, see `Clock.wall`.
 */
export function isoTime(wall: number): string {
  const ms = Math.floor(wall);
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = writeTime(ms);
  }
  return lastText;
}

function writeTime(wall: number): string {
  const second = Math.floor(wall / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondText = new Date(second * 1000).toISOString().slice(0, -4);
  }
  const ms = wall - second * 1000;
  return `${lastSecondText}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
}
