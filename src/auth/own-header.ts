import { HOP_BY_HOP, VOUCHED_FIELDS, isFieldName } from '../core/headers.js';
import { string } from '../core/options.js';

/** Written by others, or part of the message itself. */
const TAKEN: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...VOUCHED_FIELDS,
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'via',
  'x-gateway-timestamp',
  'x-real-ip',
  'x-request-id',
]);

/** Schema of a field of the request upstream that an option names, and that only the gateway may write. */
export const ownHeaderField = string(
  'a header field name in lower case that nothing else writes, such as x-user-email',
  (name) => isFieldName(name) && !/[A-Z_]/.test(name) && !TAKEN.has(name) && !name.startsWith('x-forwarded-'),
);
