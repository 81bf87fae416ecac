export { cors } from './middleware.js';
export type { CorsNames, CorsOptions } from './options.js';
export type { CorsOrigin } from './origin.js';
