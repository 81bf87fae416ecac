import { list, type Schema } from '../core/options.js';

/** Statuses of answers, from 200 to 599: one by one, or as a range such as `'200-299'`. */
export type StatusRanges = readonly (number | string)[];

const ONE = /^[2-5]\d\d$/;
const RANGE = /^([2-5]\d\d)-([2-5]\d\d)$/;

/** Schema of {@link StatusRanges}. */
export const statusRangesField: Schema = list({
  expected: "a status from 200 to 599, or a range such as '200-299'",
  accepts: (value) => (typeof value === 'number' || typeof value === 'string') && rangeOf(value) !== null,
});

/** Compiles the option once. */
export function compileStatuses(statuses: StatusRanges): (status: number) => boolean {
  const ranges = statuses.flatMap((entry) => rangeOf(entry) ?? []);
  return (status) => ranges.some(({ first, last }) => status >= first && status <= last);
}

function rangeOf(entry: number | string): { first: number; last: number } | null {
  if (typeof entry === 'number') return ONE.test(String(entry)) ? { first: entry, last: entry } : null;
  const [, first, last] = (RANGE.exec(entry) ?? []).map(Number);
  return first !== undefined && last !== undefined && first <= last ? { first, last } : null;
}
