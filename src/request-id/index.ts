export { requestId, requestIdFields } from './middleware.js';
export { requestIdOf, type RequestIdOptions } from './request-id.js';
