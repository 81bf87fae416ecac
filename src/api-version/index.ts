export type { Lifecycle } from './lifecycle.js';
export { apiVersions } from './middleware.js';
export type { ApiVersion, ApiVersionsOptions } from './options.js';
export type { VersionSource } from './version-source.js';
