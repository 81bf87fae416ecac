export { bodyLimit } from './middleware.js';
