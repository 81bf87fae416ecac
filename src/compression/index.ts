export { compression } from './middleware.js';
export type { CompressionOptions } from './options.js';
