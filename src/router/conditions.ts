/** Conditions besides host, path and method: headers, query parameters and a function of the user's. */
import { headerValue } from '../core/headers.js';
import type { HeaderMap } from '../core/types.js';
import type { RoutePattern, RouterRequest, ValueCondition } from './types.js';

interface NamedCondition {
  readonly name: string;
  /** `null` where only presence counts. */
  readonly values: ReadonlySet<string> | null;
  readonly present: boolean;
}

const NO_HEADERS: Readonly<HeaderMap> = Object.freeze(Object.create(null) as HeaderMap);
/** Fields whose values stay out of an explanation. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key']);

export class Conditions {
  readonly when: ((request: RouterRequest) => boolean) | null;
  /** Equal where headers and query ask for the same. */
  readonly key: string;
  readonly #headers: readonly NamedCondition[];
  readonly #query: readonly NamedCondition[];

  constructor({ headers = {}, query = {}, when }: RoutePattern) {
    this.#headers = Object.entries(headers).map(([name, wanted]) => namedCondition(name.toLowerCase(), wanted));
    this.#query = Object.entries(query).map(([name, wanted]) => namedCondition(name, wanted));
    this.when = when ?? null;
    this.key = JSON.stringify([this.#headers, this.#query].map(conditionsKey));
  }

  get isEmpty(): boolean {
    return this.#headers.length === 0 && this.#query.length === 0 && this.when === null;
  }

  /** Negative where this is the more specific: more headers, then more of the query, then a function. */
  compare(other: Conditions): number {
    return (
      other.#headers.length - this.#headers.length ||
      other.#query.length - this.#query.length ||
      Number(other.when !== null) - Number(this.when !== null)
    );
  }

  hold(request: RouterRequest): boolean {
    for (const condition of this.#headers) {
      if (!holds(condition, readHeader(request, condition.name))) return false;
    }
    if (this.#query.length > 0) {
      const values = parseQuery(request.query ?? '');
      for (const condition of this.#query) if (!holds(condition, values[condition.name])) return false;
    }
    return this.when === null || this.when(request) === true;
  }

  /** The first condition that is not met, as a sentence; `null` where all are. */
  failure(request: RouterRequest): string | null {
    for (const condition of this.#headers) {
      const value = readHeader(request, condition.name);
      if (!holds(condition, value)) return describeFailure('header', condition, value);
    }
    const values = parseQuery(request.query ?? '');
    for (const condition of this.#query) {
      const value = values[condition.name];
      if (!holds(condition, value)) return describeFailure('query parameter', condition, value);
    }
    return this.when === null || this.when(request) === true ? null : 'its function `when` did not return true';
  }
}

function namedCondition(name: string, wanted: ValueCondition): NamedCondition {
  if (typeof wanted === 'boolean') return { name, values: null, present: wanted };
  return { name, values: new Set([wanted].flat()), present: true };
}

function conditionsKey(conditions: readonly NamedCondition[]): string {
  const keys = conditions.map(({ name, values, present }) =>
    JSON.stringify([name, values === null ? present : [...values].sort()]),
  );
  return keys.sort().join();
}

function holds({ values, present }: NamedCondition, value: string | undefined): boolean {
  return values === null ? (value !== undefined) === present : value !== undefined && values.has(value);
}

/** `constructor` is a lawful field name, and a plain object always answers to it. */
function readHeader({ headers = NO_HEADERS }: RouterRequest, name: string): string | undefined {
  return Object.hasOwn(headers, name) ? headerValue(headers, name) : undefined;
}

let lastQuery = '';
let lastValues: Readonly<Record<string, string>> = Object.create(null) as Record<string, string>;

/** The first value of each name. Remembers the last text, since all candidates for a request ask for the same. */
function parseQuery(query: string): Readonly<Record<string, string>> {
  if (query === lastQuery) return lastValues;
  const values = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(query)) values[name] ??= value;
  lastQuery = query;
  lastValues = values;
  return values;
}

function describeFailure(kind: string, { name, values, present }: NamedCondition, value: string | undefined): string {
  if (!present) return `${kind} ${name} is present`;
  if (value === undefined) return `${kind} ${name} is absent`;
  if (kind === 'header' && SECRET_FIELDS.has(name)) return `${kind} ${name} has another value`;
  const wanted = [...(values ?? [])].map((text) => `'${text}'`).join(' or ');
  return `${kind} ${name} is '${value.length > 60 ? `${value.slice(0, 57)}...` : value}', not ${wanted}`;
}
