export type { ValidationFault } from './check-fields.js';
export type { JsonSchema } from './json-schema.js';
export { validation } from './middleware.js';
export type { RequestPart, ValidationOptions } from './options.js';
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.js';
