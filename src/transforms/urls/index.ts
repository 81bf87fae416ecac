export { rewriteUrls } from './middleware.js';
export { inspectRewriteUrlsOptions, rewriteUrlsFields, type RewriteUrlsOptions } from './options.js';
