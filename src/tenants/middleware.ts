import { show, validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import { varyOf } from '../core/request-value.js';
import type { Handler } from '../core/types.js';
import { tenantsSchema, type TenantsOptions } from './options.js';
import { compileTenantSources } from './tenant-source.js';
import { TenantTable } from './tenant-table.js';

/**
 * The end of a chain that chooses by the tenant that a request is of; each has an upstream and limits of its own. It
 * belongs inside of authentication. A request of no known tenant gets 404, and no word on which there are; one for
 * another tenant than the caller's gets 403.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = tenants({
 *   by: ['host', 'tenant'],
 *   tenants: {
 *     acme: {
 *       hosts: ['acme.example.com'],
 *       to: compose([rateLimit({ windowMs: 60_000, limit: 6_000 })], proxy({ target: 'http://acme:3001' })),
 *     },
 *     umbrella: {
 *       to: compose([rateLimit({ windowMs: 60_000, limit: 60 })], proxy({ target: 'http://shared:3001' })),
 *     },
 *   },
 * });
 */
export function tenants(options: TenantsOptions): Handler {
  validate('tenants', options, tenantsSchema);
  const { by, default: usual = null, mustMatchIdentity = true } = options;
  const table = new TenantTable(options.tenants);
  const sources = [by].flat();
  const idOf = compileTenantSources(sources, table);
  const vary = varyOf(sources);

  return function tenantsHandler(ctx) {
    if (vary !== '') ctx.addVary(vary);
    const id = idOf(ctx) ?? usual;
    if (id === null) return refuse(ctx, 'ERR_GATEWAY_TENANT_UNKNOWN', { reason: 'the request names no tenant' });
    const proven = ctx.identity?.tenant;
    // Before the look into the table: callers learn nothing of the other tenants that there are.
    if (mustMatchIdentity && proven !== undefined && proven !== id)
      return refuse(ctx, 'ERR_GATEWAY_FORBIDDEN', { reason: `tenant ${show(id)} is not the caller's` });
    const tenant = table.get(id);
    if (tenant === undefined)
      return refuse(ctx, 'ERR_GATEWAY_TENANT_UNKNOWN', { reason: `tenant ${show(id)} is unknown` });
    ctx.tenant = id;
    return tenant.to(ctx);
  };
}
