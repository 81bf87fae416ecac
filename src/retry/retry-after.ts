const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

/** The three forms of a date that a recipient must read (RFC 9110 5.6.7): the one in use, RFC 850 and asctime. */
const DATES: readonly RegExp[] = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];

/**
 * How long an answer asks to wait, in ms (RFC 9110 10.2.3): seconds, or a date, of which one in the past is 0. `null`
 * where it says nothing that can be understood.
 *
 * @param wallMs Milliseconds since 1970, now.
 */
export function retryAfterMs(value: string | undefined, wallMs: number): number | null {
  if (value === undefined) return null;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = parseDate(value, wallMs);
  return date === null ? null : Math.max(0, date - wallMs);
}

/** `Date.parse` would take asctime for local time, and much that is no date for one. */
function parseDate(text: string, wallMs: number): number | null {
  for (const pattern of DATES) {
    const parts = pattern.exec(text)?.groups;
    if (parts === undefined) continue;
    const { day, month, year, hour, minute, second } = parts as Record<string, string>;
    const clock = [Number(hour), Number(minute), Number(second)] as const;
    return Date.UTC(fullYear(String(year), wallMs), MONTHS.indexOf(String(month)), Number(day), ...clock);
  }
  return null;
}

/** Two digits that seem to lie more than 50 years ahead are of the century before (RFC 9110 5.6.7). */
function fullYear(digits: string, wallMs: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(wallMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}
