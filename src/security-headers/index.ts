export { securityHeaders } from './middleware.js';
export type { ReferrerPolicy, SecurityHeadersOptions } from './options.js';
