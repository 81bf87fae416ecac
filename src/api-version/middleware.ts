import { after } from '../core/after.js';
import { show, validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { Handler } from '../core/types.js';
import { lifecycleFields } from './lifecycle.js';
import { apiVersionsSchema, type ApiVersionsOptions } from './options.js';
import { compileVersionSources, varyOfVersion } from './version-source.js';
import { VersionTable } from './version-table.js';

/**
 * The end of a chain that chooses by the version that a request is for, and tells clients of versions that go away:
 * `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link`. What names no version that there is gets 404, and the list
 * of those that there are.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = apiVersions({
 *   by: [{ header: 'x-api-version' }, { vendor: 'acme' }],
 *   default: '2',
 *   versions: {
 *     1: { to: proxy({ target: 'http://users-1:3001' }), deprecated: '2026-01-01', sunset: '2026-12-31' },
 *     2: { to: proxy({ target: 'http://users-2:3001' }) },
 *   },
 * });
 */
export function apiVersions(options: ApiVersionsOptions): Handler {
  validate('apiVersions', options, apiVersionsSchema);
  const { by, versions, default: usual = null, unknown } = options;
  const sources = [by].flat();
  const nameOf = compileVersionSources(sources);
  const vary = varyOfVersion(sources);
  const detail = `The versions are ${Object.keys(versions).join(', ')}.`;
  const compiled = Object.entries(versions).map(
    ([name, version]) => [name, { to: version.to, ...lifecycleFields(version) }] as const,
  );
  const table = new VersionTable(compiled, { usual, takesUnknown: unknown === 'default' });

  return function apiVersionsHandler(ctx) {
    if (vary !== '') ctx.addVary(vary);
    const name = nameOf(ctx);
    const version = table.find(name);
    if (version === null) {
      const reason = name === null ? 'the request names no version' : `version ${show(name)} is unknown`;
      return refuse(ctx, 'ERR_GATEWAY_VERSION_UNKNOWN', { detail, reason });
    }
    ctx.apiVersion = version.name;
    const { to, fields, addLinks } = version.value;
    if (fields !== null) ctx.setAnswerHeaders(fields);
    return addLinks === null ? to(ctx) : after(to, ctx, addLinks);
  };
}
