/** What clients are told of a version that goes away. */
import { isPlainObject, type Schema } from '../core/options.js';
import type { GatewayResponse, HeaderMap } from '../core/types.js';

export interface Lifecycle {
  /**
   * When the version is deprecated, or was: a `Date`, `'2026-06-30'` (its start in UTC) or `'2026-06-30T18:00:00Z'`.
   * Answers carry it as `Deprecation` (RFC 9745 2). @default not deprecated
   */
  deprecated?: Date | string;
  /**
   * When the version may stop to answer, in the same form; not before `deprecated` (RFC 9745 4). Answers carry it as
   * `Sunset` (RFC 8594 3). It announces and no more: the version answers until it is taken out of the config.
   * @default not known
   */
  sunset?: Date | string;
  /**
   * Where people read what to do about it: an absolute URL, or a path of this host. Answers carry it in `Link`, beside
   * links of their own: as `deprecation` (RFC 9745 3), and as `sunset` (RFC 8594 6) where that is known.
   * @default no link
   */
  link?: string;
}

/** What that does to answers; `null` = nothing. */
export interface LifecycleFields {
  readonly fields: Readonly<HeaderMap> | null;
  /** Leaves the links that the answer has of its own. */
  readonly addLinks: ((response: GatewayResponse) => GatewayResponse) | null;
}

const ISO_DATE = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Milliseconds since 1970; `NaN` for what is no such date. A time without a zone is none: each server would read its own. */
export function dateMs(date: unknown): number {
  if (date instanceof Date) return date.getTime();
  const day = typeof date === 'string' ? ISO_DATE.exec(date)?.[1] : undefined;
  // `Date` takes February 30 for a day in March.
  if (day === undefined || !isoText(Date.parse(day)).startsWith(day)) return Number.NaN;
  return Date.parse(date as string);
}

function isoText(ms: number): string {
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString();
}

/** `HTTP-date` (RFC 9110 5.6.7) has four digits for a year. */
export const dateField: Schema = {
  expected: "a Date, or a text such as '2026-06-30' or '2026-06-30T18:00:00Z'",
  accepts: (value) => /^\d{4}-/.test(isoText(dateMs(value))),
};

/** True where clients would be told that the version stops to answer before it is deprecated. */
export function isSunsetEarly(version: unknown): boolean {
  if (!isPlainObject(version)) return false;
  const { deprecated, sunset } = version as Lifecycle;
  return seconds(sunset) < seconds(deprecated);
}

/** Compiles them once. */
export function lifecycleFields({ deprecated, sunset, link }: Lifecycle): LifecycleFields {
  const fields: HeaderMap = {};
  if (deprecated !== undefined) fields.deprecation = `@${seconds(deprecated)}`;
  if (sunset !== undefined) fields.sunset = new Date(dateMs(sunset)).toUTCString();
  // A policy can be published before anything is deprecated.
  const relations = deprecated !== undefined || sunset === undefined ? ['deprecation'] : [];
  if (sunset !== undefined) relations.push('sunset');
  const links = relations.map((relation) => `<${link}>; rel="${relation}"`);

  function addLinks(response: GatewayResponse): GatewayResponse {
    response.headers.link = [response.headers.link ?? [], links].flat().join(', ');
    return response;
  }

  return { fields: Object.keys(fields).length === 0 ? null : fields, addLinks: link === undefined ? null : addLinks };
}

function seconds(date: unknown): number {
  return Math.floor(dateMs(date) / 1000);
}
