import { after } from '../core/after.js';
import type { Context } from '../core/context.js';
import { isFieldName } from '../core/headers.js';
import { list, string, validate } from '../core/options.js';
import type { GatewayResponse, Handler, Middleware } from '../core/types.js';

/** Fields of answers that tell which software, and which release of it, an attacker has to do with. */
export const SENSITIVE_HEADERS: readonly string[] = [
  'liferay-portal',
  'server',
  'x-aspnet-version',
  'x-aspnetmvc-version',
  'x-backend-server',
  'x-cms',
  'x-drupal-cache',
  'x-drupal-cache-contexts',
  'x-drupal-cache-max-age',
  'x-drupal-cache-tags',
  'x-drupal-dynamic-cache',
  'x-generated-by',
  'x-generator',
  'x-litespeed-cache',
  'x-mod-pagespeed',
  'x-owa-version',
  'x-page-speed',
  'x-php-version',
  'x-powered-by',
  'x-powered-by-plesk',
  'x-powered-cms',
  'x-redirect-by',
  'x-runtime',
  'x-turbo-charged-by',
];

export const headerNamesField = list(string('a header field name', isFieldName), { min: 0 });

/**
 * Takes from the answers of services what tells of the software behind: {@link SENSITIVE_HEADERS}, and the fields of
 * `names`.
 *
 * @throws {ConfigError} when a name is none of a header field.
 *
 * @example
 * const handler = compose([stripHeaders(['x-backend-server'])], proxy({ target: 'http://users:3001' }));
 */
export function stripHeaders(names: readonly string[] = []): Middleware {
  validate('stripHeaders', names, headerNamesField, 'names');
  const taken = new Set([...SENSITIVE_HEADERS, ...names.map((name) => name.toLowerCase())]);

  function strip(response: GatewayResponse, ctx: Context): GatewayResponse {
    if (response === ctx.ownAnswer) return response;
    const { headers } = response;
    // Set, not deleted: an object that loses a field loses its fast shape.
    for (const name in headers) if (taken.has(name)) headers[name] = undefined;
    return response;
  }

  return function stripHeadersMiddleware(ctx, next: Handler) {
    return after(next, ctx, strip);
  };
}
