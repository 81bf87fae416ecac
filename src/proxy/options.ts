import { allowedAddressesField } from '../core/address-policy.js';
import {
  boolean,
  either,
  func,
  integer,
  inspect,
  literal,
  milliseconds,
  object,
  record,
  string,
  type Schema,
} from '../core/options.js';
import { patternFault } from '../core/slow-pattern.js';
import { targetUrlField } from '../core/target-options.js';
import { tlsField } from '../core/tls-options.js';
import type { CookieRewrite } from './response-rewrite.js';
import type { UpstreamPathOptions } from './upstream-path.js';
import type { UpstreamOptions } from './upstream.js';

/**
 * Deadlines in ms, from 1 on; all but the first take `Infinity` = none. Each has its own code. What has an answer under
 * way is cut off, the rest is 504.
 */
export interface Timeouts {
  /** To connect, TLS included. @default 5000 */
  connectMs?: number;
  /** From the dispatch, or from the last byte of the request's body, to the head of the answer. @default 30000 */
  firstByteMs?: number;
  /** Between two chunks of the answer, and for a client that stops reading. @default 60000 */
  idleMs?: number;
  /** For the whole exchange, streaming included. @default Infinity */
  totalMs?: number;
}

export interface ProxyOptions extends UpstreamPathOptions, Omit<UpstreamOptions, 'connectMs'> {
  /**
   * `http://` or `https://` URL of the upstream, with a base path if it has one. @default what `loadBalance()` in front
   * of it chooses
   */
  target?: string;
  timeouts?: Timeouts;
  /** Send the target's own `Host` instead of the client's. @default false */
  changeOrigin?: boolean;
  /** `Content-Type` for a request that has a body and names no type. @default none */
  defaultContentType?: string;
  /**
   * Bytes of an answer's body; a longer one is 502, or cut off where its head has left. From 0 on. @default Infinity
   */
  maxResponseBytes?: number;
  /** Map redirects to the upstream's origin, and to paths on it, to where the client finds them. @default true */
  rewriteLocation?: boolean;
  /**
   * `Domain` of cookies: `''` removes it, a text replaces it, a map replaces by old value (`'*'` = any other). @default
   * false
   */
  cookieDomainRewrite?: CookieRewrite;
  /** `Path` of cookies, in the same way. @default false */
  cookiePathRewrite?: CookieRewrite;
  /** Add `X-Response-Time`, the ms from the request to the head of the answer. @default false */
  responseTimeHeader?: boolean;
  /** Add `X-Gateway-Version`. @default false */
  versionHeader?: boolean;
}

const deadline = milliseconds({ endless: true });
const anyText = string('a string', () => true);
const path = string("a path from '/' on", (text) => /^\/[^?#\s]*$/.test(text));
const cookieRewrite = either(literal(false), anyText, record(anyText));

const pathRewriteRules: Schema = {
  ...record(anyText),
  expected: 'an object of regular expressions to replacements',
  inspect(rules: Readonly<Record<string, unknown>>, at, faults) {
    inspect(record(anyText), rules, at, faults);
    for (const pattern of Object.keys(rules)) {
      const reason = patternFault(pattern);
      if (reason !== null) faults.push({ path: `${at}[${JSON.stringify(pattern)}]`, message: reason });
    }
  },
};

/** Schemas of the options, by name, for those who put them into their own config. */
export const proxyFields = {
  target: targetUrlField,
  timeouts: object({ connectMs: milliseconds(), firstByteMs: deadline, idleMs: deadline, totalMs: deadline }),
  changeOrigin: boolean,
  defaultContentType: string(),
  maxResponseBytes: integer({ max: Infinity }),
  maxConnections: integer({ min: 1 }),
  maxQueue: integer(),
  keepAliveMs: milliseconds(),
  maxSocketAgeMs: deadline,
  maxRequestsPerSocket: integer({ min: 1, max: Infinity }),
  allowedAddresses: allowedAddressesField,
  socketPath: string(),
  tls: tlsField,
  dispatcher: {
    expected: 'an undici Dispatcher',
    accepts: (value) => typeof (value as { dispatch?: unknown } | null)?.dispatch === 'function',
  },
  stripPrefix: boolean,
  rewrite: path,
  pathRewrite: either(func, pathRewriteRules),
  rewriteLocation: boolean,
  cookieDomainRewrite: cookieRewrite,
  cookiePathRewrite: cookieRewrite,
  responseTimeHeader: boolean,
  versionHeader: boolean,
} satisfies Record<keyof ProxyOptions, Schema>;

/** Only one of these can decide the path. */
export const PATH_RULES = ['stripPrefix', 'rewrite', 'pathRewrite'] as const;

/** Adds a fault where options contradict each other. */
export function inspectPathRules(
  options: UpstreamPathOptions,
  at: string,
  faults: { path: string; message: string }[],
): void {
  const given = PATH_RULES.filter((name) => options[name] !== undefined);
  if (given.length > 1)
    faults.push({ path: at || 'options', message: `${given.join(' and ')} contradict each other; keep one` });
}

const fields = object(proxyFields);

export const proxySchema: Schema = {
  ...fields,
  inspect(options: ProxyOptions, at, faults) {
    fields.inspect?.(options as never, at, faults);
    inspectPathRules(options, at, faults);
  },
};
