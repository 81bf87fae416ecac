import { isFieldName } from '../../core/headers.js';
import {
  integer,
  isPlainObject,
  list,
  member,
  object,
  show,
  string,
  type Fault,
  type Schema,
} from '../../core/options.js';

export interface RewriteUrlsOptions {
  /**
   * Prefixes of the URLs that services give of themselves, with what the outside sees in their place:
   * `{ 'http://users:3001': 'https://api.example.com/users' }`. A prefix ends with a host, a port or a segment of a path,
   * and of several that fit, the longest counts. A value from `/` on is a path at the scheme and host that the client
   * asked for; where it named no host, the URL stays.
   */
  urls: Readonly<Record<string, string>>;
  /**
   * Header fields of answers whose URLs are rewritten. In `Set-Cookie` it is the domain and the path, for the service
   * that has answered. An empty list = none.
   * @default ['location', 'content-location', 'link', 'refresh', 'set-cookie']
   */
  headers?: readonly string[];
  /**
   * Media types whose bodies are rewritten, such as `application/json`, `text/html` or `text/*`. They are read as
   * bytes: what is in UTF-16 or UTF-32 stays as it is. @default [], so bodies stay as they are
   */
  types?: readonly string[];
  /**
   * Bytes of a body that are looked through, decoded; it bounds work, not memory. A body whose length is known to be
   * greater stays as it is, and of another one what comes after them. From 0 on; `Infinity` = all of every body.
   * @default 104857600, 100 MiB
   */
  maxBodyBytes?: number;
  /**
   * Header fields of requests in which the URLs of the outside become internal ones again, such as `referer` or
   * `destination` (RFC 4918 10.3). @default []
   */
  requestHeaders?: readonly string[];
}

const SEGMENTS = String.raw`(?:\/[\w.~%!$*+,;:=-]+)*`;
const URL_PREFIX = new RegExp(String.raw`^(?:http|ws)s?:\/\/(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?${SEGMENTS}$`, 'i');
const PATH_PREFIX = new RegExp(`^(?:/|${SEGMENTS})$`);

function isUrlPrefix(text: string): boolean {
  return URL_PREFIX.test(text) && URL.canParse(text);
}

const internalUrl = string(
  "a URL such as 'http://users:3001' or 'http://users:3001/v1', without a slash at its end",
  isUrlPrefix,
);
const externalUrl = string(
  "a URL such as 'https://api.example.com/users', or a path such as '/users', without a slash at its end",
  (text) => {
    return isUrlPrefix(text) || (text !== '' && PATH_PREFIX.test(text));
  },
);

const urlsField: Schema = {
  expected: 'an object of internal URLs to external ones',
  accepts: (value) => isPlainObject(value) && Object.keys(value).length > 0,
  inspect(urls: Readonly<Record<string, unknown>>, path, faults) {
    for (const [internal, external] of Object.entries(urls)) inspectPair(internal, external, path, faults);
  },
};

function inspectPair(internal: string, external: unknown, path: string, faults: Fault[]): void {
  // The path of a fault is printed as it is, and this key may hold a password.
  if (!internalUrl.accepts(internal))
    faults.push({ path, message: `got the key ${show(internal)}, expected ${internalUrl.expected}` });
  else if (!externalUrl.accepts(external))
    faults.push({ path: member(path, internal), message: `got ${show(external)}, expected ${externalUrl.expected}` });
}

const fieldName = string(
  'a header field name in lower case',
  (name) => isFieldName(name) && name === name.toLowerCase(),
);
const mediaRange = string(
  "a media type in lower case such as 'application/json' or 'text/*', without parameters",
  (type) => {
    return /^[a-z\d!#$&^_.+-]+\/(?:\*|[a-z\d!#$&^_.+-]+)$/.test(type);
  },
);

/** Schemas of the options, by name, for those who put them into their own config. */
export const rewriteUrlsFields = {
  urls: urlsField,
  headers: list(fieldName, { min: 0 }),
  types: list(mediaRange, { min: 0 }),
  maxBodyBytes: integer({ max: Infinity }),
  requestHeaders: list(fieldName, { min: 0 }),
} satisfies Record<keyof RewriteUrlsOptions, Schema>;

const fields = object(rewriteUrlsFields, { required: ['urls'] });

/** Adds everything that is wrong with the options. */
export function inspectRewriteUrlsOptions(options: RewriteUrlsOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  if (urlsField.accepts(options.urls)) inspectTogether(options.urls, member(at, 'urls'), faults);
}

/** What is external must not be internal as well: an answer that is right already would be rewritten once more. */
function inspectTogether(urls: Readonly<Record<string, unknown>>, path: string, faults: Fault[]): void {
  const internals = Object.keys(urls).filter(isUrlPrefix);
  for (const [index, internal] of internals.entries()) {
    const at = member(path, internal);
    const twin = internals.slice(0, index).find((other) => other.toLowerCase() === internal.toLowerCase());
    if (twin !== undefined) faults.push({ path: at, message: `is ${show(twin)} once more; keep one of the two` });
    const external = String(urls[internal]).toLowerCase();
    const wider = internals.find((other) => external.startsWith(`${other.toLowerCase()}/`));
    if (wider !== undefined)
      faults.push({ path: at, message: `is to become a URL below ${show(wider)}, which is internal itself` });
  }
}

export const rewriteUrlsSchema: Schema = { ...fields, inspect: inspectRewriteUrlsOptions };
