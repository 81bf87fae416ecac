import { headerValue, isFieldName } from '../core/headers.js';
import { boolean, func, object, string, validate } from '../core/options.js';
import type { Middleware } from '../core/types.js';
import { requestIdOf, type RequestIdOptions } from './request-id.js';

export const requestIdFields = {
  header: string('a header field name in lower case', (name) => isFieldName(name) && name === name.toLowerCase()),
  trustClient: boolean,
  generate: func,
};

/**
 * Gives every request an id: on `ctx.requestId`, to the upstream as `X-Request-Id`, and back to the client.
 *
 * @throws {ConfigError} when an option is wrong.
 */
export function requestId(options: RequestIdOptions = {}): Middleware {
  validate('requestId', options, object(requestIdFields));
  const { header = 'x-request-id' } = options;
  return function requestIdMiddleware(ctx, next) {
    ctx.requestId = requestIdOf(headerValue(ctx.request.headers, header), options);
    ctx.setAnswerHeader(header, ctx.requestId);
    return next(ctx);
  };
}
