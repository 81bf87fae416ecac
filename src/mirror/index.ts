export { mirror, type MirrorMiddleware } from './middleware.js';
export type { MirrorOptions } from './options.js';
export type { MirrorStats } from './shadow.js';
