export { transform } from './middleware.js';
export { SENSITIVE_HEADERS, stripHeaders } from './strip-headers.js';
export type {
  AddHeaderRule,
  BodyMapping,
  BodyShape,
  BytesMapping,
  RemoveHeaderRule,
  RequestFunction,
  RequestNames,
  RequestRenames,
  RequestTransform,
  RequestValues,
  RequestVerbs,
  ResponseFunction,
  ResponseTransform,
  ResponseVerbs,
  RewritePathRule,
  TransformOptions,
} from './types.js';
export { rewriteUrls } from './urls/index.js';
export type { RewriteUrlsOptions } from './urls/index.js';
