import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import { compileBodyCheck, lacksBody } from './check-body.js';
import { compileFieldChecks, type ValidationFault } from './check-fields.js';
import { validationSchema, type ValidationOptions } from './options.js';

/**
 * Lets only requests through that are as their schemas say, and refuses others with 400 and a list of every fault:
 * `errors: [{ in: 'body', path: '/items/0/id', message: 'must be integer' }]`, with `path` a JSON Pointer (RFC 6901). It
 * looks at the body last, and only where the rest is right, and changes nothing: what a validator makes of a value is
 * not sent on.
 *
 * JSON Schemas need the package `ajv`, and those with a `format` also `ajv-formats`.
 *
 * @throws {ConfigError} when an option is wrong, a JSON Schema is, or `ajv` is not installed.
 *
 * @example
 * const order = { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } } };
 * const handler = compose([validation({ body: order })], proxy({ target: 'http://orders:3001' }));
 */
export function validation(options: ValidationOptions): Middleware {
  validate('validation', options, validationSchema);
  const checkFields = compileFieldChecks(options);
  const checkBody = compileBodyCheck(options);

  function proceed(ctx: Context, next: Handler, faults: readonly ValidationFault[]): MaybePromise<GatewayResponse> {
    if (faults.length > 0) return refuseFaults(ctx, faults);
    return checkBody === null || lacksBody(ctx) ? next(ctx) : checkBody(ctx).then(decide);

    function decide(found: readonly ValidationFault[] | GatewayResponse): MaybePromise<GatewayResponse> {
      if ('status' in found) return found;
      return found.length > 0 ? refuseFaults(ctx, found) : next(ctx);
    }
  }

  return function validationMiddleware(ctx, next) {
    const faults = checkFields(ctx);
    return faults instanceof Promise ? faults.then((late) => proceed(ctx, next, late)) : proceed(ctx, next, faults);
  };
}

function refuseFaults(ctx: Context, errors: readonly ValidationFault[]): GatewayResponse {
  const [first] = errors as [ValidationFault];
  return refuse(ctx, 'ERR_GATEWAY_VALIDATION_FAILED', {
    detail: 'The request is not as it must be; errors has what is wrong with it.',
    reason: `${first.in}${first.path}: ${first.message}`,
    problem: { errors },
  });
}
