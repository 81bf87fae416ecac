import {
  either,
  func,
  isPlainObject,
  list,
  member,
  nearestName,
  object,
  oneOf,
  record,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import type { Handler } from '../core/types.js';
import { dateField, isSunsetEarly, type Lifecycle } from './lifecycle.js';
import { describeVersionSource, versionSourceField, type VersionSource } from './version-source.js';
import { versionKey } from './version-table.js';

/** One version of an API. */
export interface ApiVersion<To = Handler> extends Lifecycle {
  /** What answers for it. */
  to: To;
}

export interface ApiVersionsOptions<To = Handler> {
  /**
   * What names the version. Of several the first that names any has the word, be it an unknown one.
   *
   * What is a field of the request is in `Vary` of every answer, so that caches keep versions apart; fields that a
   * function reads are for that function to tell, by `ctx.setAnswerHeader`.
   */
  by: VersionSource | readonly VersionSource[];
  /**
   * The versions by name: letters, digits, `.`, `_` and `-`. Case says nothing, nor does a `v` before a digit: `v2` and
   * `2` are the same.
   */
  versions: Readonly<Record<string, ApiVersion<To>>>;
  /** Name of the version for requests that name none. @default they are refused */
  default?: string;
  /** What comes of a request for an unknown version: `'refuse'`, or `'default'` = it gets `default`. @default 'refuse' */
  unknown?: 'refuse' | 'default';
}

const link = string(
  "an http:// or https:// URL, or a path from '/' on, in visible ASCII",
  (text) => /^(?:https?:\/\/|\/)[\x21\x23-\x3b\x3d\x3f-\x7e]*$/.test(text) && URL.canParse(text, 'http://host'),
);

/** @param to Schema of a destination. */
function versionFieldsOf(to: Schema) {
  const version = { to, deprecated: dateField, sunset: dateField, link } satisfies Record<keyof ApiVersion, Schema>;
  return {
    by: either(versionSourceField, { ...list(versionSourceField), expected: 'a list of them' }),
    versions: record(object(version, { required: ['to'] })),
    default: string(),
    unknown: oneOf('refuse', 'default'),
  } satisfies Record<keyof ApiVersionsOptions, Schema>;
}

type Inspect = (options: ApiVersionsOptions<unknown>, at: string, faults: Fault[]) => void;

/** Makes the function that adds everything that is wrong with the options. @param to Schema of a destination. */
export function inspectVersionsOf(to: Schema): Inspect {
  const fields = object(versionFieldsOf(to), { required: ['by', 'versions'] });
  return function inspectApiVersionsOptions(options, at, faults) {
    fields.inspect?.(options as never, at, faults);
    if (isPlainObject(options.versions)) inspectVersions(options, at, faults);
    if (options.unknown === 'default' && options.default === undefined)
      faults.push({ path: member(at, 'unknown'), message: "is 'default', and there is no default; name one" });
  };
}

function inspectVersions({ versions, default: usual }: ApiVersionsOptions<unknown>, at: string, faults: Fault[]): void {
  const path = member(at, 'versions');
  const names = Object.keys(versions);
  const byKey = new Map<string, string>();
  if (names.length === 0) faults.push({ path, message: 'has no version' });
  for (const name of names) {
    const of = member(path, name);
    const first = byKey.get(versionKey(name));
    if (!/^[\w.-]+$/.test(name)) faults.push({ path: of, message: 'a name has letters, digits, ., _ and -' });
    if (first === undefined) byKey.set(versionKey(name), name);
    else faults.push({ path: of, message: `is the same as ${member(path, first)}; leave one out` });
    if (isSunsetEarly(versions[name]))
      faults.push({ path: member(of, 'sunset'), message: 'is before deprecated, which RFC 9745 rules out' });
  }
  if (typeof usual !== 'string' || usual === '' || byKey.has(versionKey(usual))) return;
  const nearest = nearestName(usual, names);
  const help = nearest === null ? `the versions are ${names.join(', ')}` : `did you mean ${nearest}?`;
  faults.push({ path: member(at, 'default'), message: `is no version here; ${help}` });
}

/** Schema of the options with a handler for each version. */
export const apiVersionsSchema: Schema = {
  expected: 'an object with by, versions, default, unknown',
  accepts: isPlainObject,
  inspect: inspectVersionsOf(func),
};

/** In a few words, such as `1 (deprecated), 2 by header x-api-version, else 2`. */
export function describeApiVersions({ by, versions, default: usual }: ApiVersionsOptions<unknown>): string {
  const names = Object.entries(versions).map(([name, { deprecated }]) =>
    deprecated === undefined ? name : `${name} (deprecated)`,
  );
  const sources = [by].flat().map(describeVersionSource).join(' or ');
  return `${names.join(', ')} by ${sources}${usual === undefined ? '' : `, else ${usual}`}`;
}
