export { ipFilter } from './middleware.js';
export type { IpFilterOptions } from './options.js';
