import type { Schema } from '../../core/options.js';

/** A point in time: a `Date`, or an ISO 8601 text that is a day, or a time with its zone. A day begins in UTC. */
export type Moment = Date | string;

/** Without a zone a time would be another one on every machine. */
const ISO_TIME = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Schema of an option that takes a point in time. */
export const momentField: Schema = {
  expected: "a valid Date, or a time such as '2027-01-31T12:00:00Z' or '2027-01-31'",
  accepts(value) {
    if (typeof value === 'string') return isIsoTime(value);
    return value instanceof Date && !Number.isNaN(value.getTime());
  },
};

function isIsoTime(text: string): boolean {
  const day = ISO_TIME.exec(text)?.[1];
  // `Date` takes the 31st of February for the 3rd of March.
  return day !== undefined && !Number.isNaN(Date.parse(text)) && new Date(day).toISOString().startsWith(day);
}

/** In milliseconds since 1970. */
export function momentOf(moment: Moment): number {
  return typeof moment === 'string' ? Date.parse(moment) : moment.getTime();
}
