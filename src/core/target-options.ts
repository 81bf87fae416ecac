import { boolean, either, integer, list, object, string, type Fault, type Schema } from './options.js';

/** One of the places that can answer for a service. */
export interface TargetOptions {
  /** `http://` or `https://` URL, with a base path if it has one, without user, query and fragment. */
  url: string;
  /**
   * Its part of the requests beside those of the others. From 0 to 1000000; 0 = none but those of clients that a cookie
   * keeps there. @default 1
   */
  weight?: number;
  /** Where it stands, in a name of your own such as `eu-west-1a`; `''` = nowhere. @default '' */
  zone?: string;
  /** Targets of a higher number are asked when those before them are down. From 0 to 65535. @default 0 */
  priority?: number;
  /** Another name for `priority: 1`. @default false */
  backup?: boolean;
}

/** A target, or its URL alone. */
export type TargetEntry = string | TargetOptions;

/** A target with everything written out. */
export interface ResolvedTarget {
  /** In its normal form, without a slash at its end. */
  readonly url: string;
  readonly weight: number;
  /** `''` = nowhere. */
  readonly zone: string;
  readonly priority: number;
}

export function isTargetUrl(text: string): boolean {
  // `URL` forgives much, and drops an empty query without a word.
  if (!/^https?:\/\/[^\s?#]+$/i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username + password === '';
}

export const targetUrlField = string(
  "an http:// or https:// URL without user, query and fragment, such as 'http://users:3001'",
  isTargetUrl,
);

export const weightField: Schema = {
  expected: 'a number from 0 to 1000000',
  accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1_000_000,
};

const fields = object(
  {
    url: targetUrlField,
    weight: weightField,
    zone: string('a string', () => true),
    priority: integer({ max: 65_535 }),
    backup: boolean,
  } satisfies Record<keyof TargetOptions, Schema>,
  { required: ['url'] },
);

const options: Schema = {
  ...fields,
  expected: 'an object with url, weight, zone, priority, backup',
  inspect(target: TargetOptions, at, faults) {
    fields.inspect?.(target as never, at, faults);
    if (target.backup !== undefined && target.priority !== undefined)
      faults.push({ path: at, message: 'backup is another name for priority: 1; keep one' });
  },
};

/** Schema of one {@link TargetEntry}. */
export const targetField: Schema = either(targetUrlField, options);

export function resolveTarget(entry: TargetEntry): ResolvedTarget {
  const given = typeof entry === 'string' ? { url: entry } : entry;
  const { url, weight = 1, zone = '', backup = false, priority = backup ? 1 : 0 } = given;
  return { url: new URL(url).href.replace(/\/$/, ''), weight, zone, priority };
}

/** Schema of several targets together. @param entry Of one. */
export function targetsFieldOf(entry: Schema, { min = 1 }: { min?: number } = {}): Schema {
  const entries = list(entry, { min });
  return {
    ...entries,
    expected: min === 0 ? 'a list of targets' : 'a list of at least one target',
    inspect(targets: readonly TargetEntry[], at, faults) {
      const before = faults.length;
      entries.inspect?.(targets as never, at, faults);
      // Targets that are wrong in themselves say nothing of each other.
      if (faults.length === before) inspectTargetSet(targets, at, faults);
    },
  };
}

/** Adds what is wrong with targets that are right one by one: the same twice, or no weight at all. */
export function inspectTargetSet(entries: readonly TargetEntry[], at: string, faults: Fault[]): void {
  const seen = new Map<string, number>();
  const targets = entries.map(resolveTarget);
  targets.forEach(({ url }, index) => {
    const first = seen.get(url);
    if (first === undefined) seen.set(url, index);
    else faults.push({ path: `${at}[${index}]`, message: `${url} is ${at}[${first}] already; leave one out` });
  });
  if (targets.length > 0 && targets.every(({ weight }) => weight === 0))
    faults.push({ path: at, message: 'every weight is 0, so that nothing would get a request; give one more' });
}
