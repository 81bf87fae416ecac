export { requestId } from './middleware.js';
export type { RequestIdOptions } from './request-id.js';
