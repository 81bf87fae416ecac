export { tenants } from './middleware.js';
export type { Tenant, TenantsOptions } from './options.js';
