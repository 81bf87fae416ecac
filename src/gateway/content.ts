/** Layers of a route that look into messages: what they ask of them, and what they make of them. */
import { compression } from '../compression/index.js';
import type { Fault } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { rewriteUrls, stripHeaders, transform } from '../transforms/index.js';
import { templateParams } from '../transforms/template-params.js';
import { validation } from '../validation/index.js';
import type { GatewayConfig, RouteConfig } from './config.js';
import type { Part, PlannedRoute } from './protect.js';

export function compressionPart({ policies: { compression: options } }: PlannedRoute): Part[] {
  return options === null ? [] : [{ middleware: compression(options) }];
}

/**
 * What reads a body goes by its type, and a service is told the default one: both see the same. Only where something
 * reads.
 */
export function contentTypePart({ route, config: { defaults = {} }, policies }: PlannedRoute): Part[] {
  const type = route.defaultContentType ?? defaults.defaultContentType;
  if (type === undefined || (policies.validation === null && policies.transforms === null)) return [];
  const middleware: Middleware = function contentTypeMiddleware(ctx, next) {
    const { headers, body } = ctx.drafted ?? ctx.request;
    if (body !== null && headers['content-type'] === undefined) ctx.draft().headers['content-type'] = type;
    return next(ctx);
  };
  return [{ middleware, setting: () => type }];
}

export function validationPart({ policies: { validation: options } }: PlannedRoute): Part[] {
  if (options === null) return [];
  const parts = ['params', 'query', 'headers', 'body'].filter((part) => part in options);
  return [{ middleware: validation(options), setting: () => `of ${parts.join(', ')}` }];
}

export function stripHeadersPart({ policies: { stripHeaders: names } }: PlannedRoute): Part[] {
  return names === null ? [] : [{ middleware: stripHeaders(names) }];
}

export function rewriteUrlsPart({ policies: { rewriteUrls: options } }: PlannedRoute): Part[] {
  if (options === null) return [];
  return [{ middleware: rewriteUrls(options), setting: () => Object.keys(options.urls).join(', ') }];
}

export function transformsPart({ policies: { transforms: options } }: PlannedRoute): Part[] {
  return options === null ? [] : [{ middleware: transform(options), setting: () => Object.keys(options).join(', ') }];
}

/** Adds what the templates of a route take from a path that has no such parameter. */
export function inspectTemplateParams(
  route: RouteConfig,
  { defaults = {} }: GatewayConfig,
  at: string,
  faults: Fault[],
): void {
  const options = route.transforms ?? defaults.transforms ?? false;
  if (options === false) return;
  const owner = route.transforms === undefined ? 'defaults' : at;
  for (const { path, name } of templateParams(options)) {
    if (!new RegExp(`:${name}(?!\\w)`).test(route.path))
      faults.push({
        path: `${owner}.transforms.${path}`,
        message: `{params.${name}}: '${route.path}' has no :${name}`,
      });
  }
}
