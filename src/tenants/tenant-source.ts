import type { Context } from '../core/context.js';
import { compileRequestValue, type RequestValue } from '../core/request-value.js';
import type { TenantHosts, TenantTable } from './tenant-table.js';

/** Compiles sources once: the first that names a tenant, by its id, has the word; `null` where none does. */
export function compileTenantSources(
  sources: readonly RequestValue[],
  table: TenantTable<TenantHosts>,
): (ctx: Context) => string | null {
  const readers = sources.map((source) => {
    const read = compileRequestValue(source);
    return source === 'host' ? (ctx: Context) => table.idOfHost(read(ctx) ?? '') : read;
  });
  return function tenantId(ctx) {
    for (const read of readers) {
      const id = read(ctx);
      if (id !== null) return id;
    }
    return null;
  };
}
