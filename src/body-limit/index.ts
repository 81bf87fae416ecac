export { bodyLimit, maxBodyBytesField } from './middleware.js';
