/**
 * The schemas of a route's matching options, for the router itself and for whoever builds routes from a configuration.
 */
import { domainToASCII } from 'node:url';
import { isFieldName, isFieldValue, isHost } from '../core/headers.js';
import { boolean, either, func, inspect, list, member, object, record, show, string } from '../core/options.js';
import type { Fault, Schema } from '../core/options.js';
import { routePath } from './path-schema.js';

/** A text that is looked at further: `check` returns what is wrong with it. */
function text(expected: string, check: (value: string) => string | null): Schema {
  return {
    expected,
    accepts: (value) => typeof value === 'string',
    inspect(value: string, path, faults) {
      const message = check(value);
      if (message !== null) faults.push({ path, message: `got ${show(value)}, ${message}` });
    },
  };
}

const method = text("a method such as 'GET'", function methodFault(value) {
  const upper = value.toUpperCase();
  if (!isFieldName(value) || value === '*') return "expected a method such as 'GET'; leave `methods` out for all";
  return value === upper ? null : `write '${upper}'`;
});

const HOST_FORM = "a host such as 'api.example.com' or '*.example.com'";

const host = text(HOST_FORM, function hostFault(value) {
  const scheme = /^[a-z][a-z\d+.-]*:\/\//i.exec(value)?.[0];
  if (scheme !== undefined) return `a host has no scheme, write '${value.slice(scheme.length).replace(/\/.*$/, '')}'`;
  if (value.includes('/')) return `a host has no path, write '${value.slice(0, value.indexOf('/'))}'`;
  if (value === '*') return 'leave `host` out for every host';
  const name = value.startsWith('*.') ? value.slice(2) : value;
  if (name.includes('*')) return `'*.' stands once, at the start; expected ${HOST_FORM}`;
  if (/[^\x21-\x7e]/.test(name) && domainToASCII(name) !== '') {
    return `write '${value.slice(0, value.length - name.length)}${domainToASCII(name)}'`;
  }
  const isValid = isHost(name) && /^(?:\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::\d{1,5})?$/i.test(name);
  return isValid ? null : `expected ${HOST_FORM}`;
});

/** Conditions by name; `nameFault` returns what is wrong with one of the names. */
function conditions(value: Schema, nameFault: (name: string, names: readonly string[]) => string | null): Schema {
  const condition = either(boolean, value, list(value));
  return {
    expected: 'an object of names to a text, a list of texts, true (present) or false (absent)',
    accepts: record(condition).accepts,
    inspect(wanted: Readonly<Record<string, unknown>>, path, faults: Fault[]) {
      const names = Object.keys(wanted);
      for (const name of names) {
        const at = member(path, name);
        const message = nameFault(name, names);
        if (message !== null) faults.push({ path: at, message });
        inspect(condition, wanted[name], at, faults);
      }
    },
  };
}

const headers = conditions(
  string('a header value', (value) => isFieldValue(value) && value.trim() === value),
  function headerNameFault(name, names) {
    if (!isFieldName(name)) return 'not a header name';
    const lower = name.toLowerCase();
    return names.filter((other) => other.toLowerCase() === lower).length > 1 ? `'${lower}' is there twice` : null;
  },
);

const query = conditions(
  string('a text', () => true),
  (name) => (name === '' ? 'a name is not empty' : null),
);

const answersAtOnce: Schema = {
  ...func,
  expected: 'a function that returns true or false',
  inspect(when: object, path, faults) {
    if (Object.prototype.toString.call(when) === '[object AsyncFunction]') {
      faults.push({ path, message: 'got an async function, expected one that returns true or false at once' });
    }
  },
};

/** One schema for each field of a `RoutePattern`. */
export const routePatternFields = {
  path: routePath,
  exact: boolean,
  methods: list(method),
  host: either(host, list(host)),
  headers,
  query,
  when: answersAtOnce,
  id: string(),
} satisfies Record<string, Schema>;

/** A whole `RoutePattern`. */
export const routePattern: Schema = object(routePatternFields, { required: ['path'] });
