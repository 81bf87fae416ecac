import type { Context } from '../core/context.js';
import { boolean, either, func, list, literal, show, type Fault, type Schema } from '../core/options.js';
import type { MaybePromise } from '../core/types.js';

/**
 * Whose pages may read the answers: origins in the spelling that browsers send (`https://app.example.com`), patterns
 * that match a whole origin, or a function that is asked for each request. `'*'` = everybody; `true` = everybody, with
 * their own origin sent back; `false` = nobody.
 *
 * The origin `null`, which any page can give itself, gets in by `'*'`, or where it is listed as `'null'`; no pattern or
 * function is asked for it. A function sees origins only, never other text that a client sent in the field.
 */
export type CorsOrigin =
  boolean | string | RegExp | readonly (string | RegExp)[] | ((origin: string, ctx: Context) => MaybePromise<boolean>);

/** True where pages of the origin may read the answer. */
export type OriginRule = (origin: string, ctx: Context) => MaybePromise<boolean>;

/** Scheme, host and port in their one spelling (RFC 6454 6.2): nothing else is shown to a pattern or a function. */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/(?:\[[\da-f:.]+\]|[a-z\d._-]+)(?::\d{1,5})?$/;

/** A host has 253 characters at most (RFC 1035 2.3.4). */
const MAX_ORIGIN_LENGTH = 300;

function isOrigin(text: string): boolean {
  return text.length <= MAX_ORIGIN_LENGTH && ORIGIN.test(text);
}

/** Compiles the option once. */
export function compileOrigin(option: CorsOrigin): OriginRule {
  if (option === '*') return () => true;
  if (typeof option === 'boolean') return option ? isOrigin : () => false;
  if (typeof option === 'function') return ruleOfFunction(option);
  const items = [option].flat();
  const listed = new Set(items.filter((item) => typeof item === 'string'));
  const patterns = items.filter((item) => item instanceof RegExp).map(wholeMatch);
  if (patterns.length === 0) return (origin) => listed.has(origin);
  return function isListed(origin) {
    return listed.has(origin) || (isOrigin(origin) && patterns.some((pattern) => pattern.test(origin)));
  };
}

function ruleOfFunction(option: OriginRule): OriginRule {
  return function askOption(origin, ctx) {
    if (!isOrigin(origin)) return false;
    const answer = option(origin, ctx);
    return answer instanceof Promise ? answer.then(isYes) : isYes(answer);
  };
}

/** What is merely truthy, such as a forgotten object, is no yes. */
function isYes(answer: boolean): boolean {
  return answer === true;
}

/** `^a$|b` has its anchors at one alternative only. */
function wholeMatch({ source, flags }: RegExp): RegExp {
  return new RegExp(`^(?:${source})$`, flags);
}

const text: Schema = {
  expected: "an origin such as 'https://app.example.com'",
  accepts: (value) => typeof value === 'string',
  inspect(given: string, path, faults) {
    const spelling = spellingOf(given);
    if (spelling === given) return;
    const advice =
      spelling === null
        ? `expected ${text.expected}, or a RegExp for several`
        : `write ${show(spelling)}: that is how browsers send it`;
    faults.push({ path, message: `got ${show(given)}, ${advice}` });
  },
};

/** How a browser writes the origin of a URL; `null` where it has none. */
function spellingOf(url: string): string | null {
  if (url === 'null') return url;
  if (!URL.canParse(url)) return null;
  const { origin, protocol, host } = new URL(url);
  // To URL, schemes that it does not know, such as those of apps and of extensions, have no origin.
  const spelling = origin === 'null' ? `${protocol}//${host}` : origin;
  return isOrigin(spelling) ? spelling : null;
}

const pattern: Schema = {
  expected: 'a RegExp',
  accepts: (value) => value instanceof RegExp,
  inspect({ source, sticky, global }: RegExp, path, faults: Fault[]) {
    if (sticky || global) faults.push({ path, message: 'has the flag g or y, with which a RegExp remembers; drop it' });
    if (!source.startsWith('^') || !/(?<!\\)(?:\\\\)*\$$/.test(source))
      faults.push({ path, message: 'matches a part of an origin, too; begin it with ^ and end it with $' });
  },
};

/** Schema of {@link CorsOrigin}. */
export const originField = either(boolean, literal('*'), text, pattern, list(either(text, pattern)), func);
