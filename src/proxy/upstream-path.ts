import type { Context } from '../core/context.js';
import { canonicalPath, isPath } from '../core/path.js';
import type { RouteMatch } from '../core/types.js';

/** Writes the path by hand: gets the full path of the request and returns the one to send. */
export type PathRewriter = (path: string, ctx: Context) => string;

export interface UpstreamPathOptions {
  /** Leave out what the route matched: `/api/users/42` -> `/42`. @default true, but false where the route is `exact` */
  stripPrefix?: boolean;
  /**
   * Put this in the place of what the route matched; `:name` takes a parameter of the route, a final `/*` the rest of
   * the path.
   */
  rewrite?: string;
  /**
   * Regular expressions and their replacements, on the full path; the first that matches is applied. Or a function.
   * A pattern that an input could make slow does not start, and a path over 2048 characters is answered with 414.
   */
  pathRewrite?: Readonly<Record<string, string>> | PathRewriter;
}

/** The rule from a request to the path that its upstream sees, compiled once. */
export interface UpstreamPath {
  /** The path to send, without the query; `null` where the rule made it ambiguous. */
  of(ctx: Context): string | null;
  /** Path of the target, without a slash at its end. */
  readonly basePath: string;
  /** What stands for the route's own prefix on the upstream's side; `null` where that cannot be told. */
  readonly internalPrefix: string | null;
}

/** @param basePath Path of the target, without a slash at its end. */
export function compileUpstreamPath(basePath: string, options: UpstreamPathOptions): UpstreamPath {
  const { stripPrefix = true, rewrite, pathRewrite } = options;
  if (pathRewrite !== undefined) {
    const rewriter = typeof pathRewrite === 'function' ? pathRewrite : regexRewriter(pathRewrite);
    return {
      of: (ctx) => checked(basePath + absolute(rewriter(ctx.request.rawPath, ctx))),
      basePath,
      internalPrefix: null,
    };
  }
  if (rewrite !== undefined) {
    const fill = compileTemplate(basePath + rewrite);
    const internalPrefix = /[:*]/.test(rewrite) ? null : basePath + rewrite;
    return { of: (ctx) => checked(fill(ctx)), basePath, internalPrefix };
  }
  const of = stripPrefix
    ? ({ route, request }: Context) => basePath + (route?.rest ?? request.rawPath) || '/'
    : ({ request }: Context) => basePath + request.rawPath;
  return { of, basePath, internalPrefix: basePath };
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

/** A rewrite can put together what was harmless apart: `^/api` -> `` turns `/api../admin` into `/../admin`. */
function checked(path: string): string | null {
  return isPath(path) ? canonicalPath(path) : path === '' ? '/' : null;
}

function regexRewriter(rules: Readonly<Record<string, string>>): PathRewriter {
  const compiled = Object.entries(rules).map(([pattern, replacement]) => ({
    pattern: new RegExp(pattern),
    replacement,
  }));
  return function rewriteByPattern(path) {
    const rule = compiled.find(({ pattern }) => pattern.test(path));
    return rule ? path.replace(rule.pattern, rule.replacement) : path;
  };
}

const PLACEHOLDER = /:([A-Za-z_]\w*)/g;

/** Parameters go back as they stood on the wire, so an encoded slash stays encoded. */
function compileTemplate(template: string): (ctx: Context) => string {
  const wildcard = template.endsWith('/*');
  const fixed = wildcard ? template.slice(0, -2) : template;
  const parts = fixed.split(PLACEHOLDER);
  return function fillTemplate({ route }) {
    let path = parts[0] as string;
    for (let i = 1; i < parts.length; i += 2) path += wireValue(route, parts[i] as string) + (parts[i + 1] as string);
    const rest = route?.rest ?? '';
    return path.endsWith('/') && rest.startsWith('/') ? path + rest.slice(1) : path + rest;
  };
}

function wireValue(route: RouteMatch | null, name: string): string {
  const index = route?.names.indexOf(name) ?? -1;
  return route?.values[index] ?? '';
}

/** Names of the parameters that a `rewrite` takes. */
export function rewriteParams(rewrite: string): string[] {
  return [...rewrite.matchAll(PLACEHOLDER)].map(([, name]) => name as string);
}
