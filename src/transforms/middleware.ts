import { after } from '../core/after.js';
import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import type { GatewayResponse, Handler, MaybePromise, Middleware } from '../core/types.js';
import { compileTransforms } from './compile-transforms.js';
import { transformSchema } from './options.js';
import type { TransformOptions } from './types.js';

/**
 * Changes requests on their way upstream and answers on their way back: by rules (`add-header`, `remove-header`,
 * `rewrite-path`), by verbs (`remove`, `rename`, `replace`, `add`, `append`, `pick`, `omit`, `wrap`) over header fields,
 * query and bodies, or by functions.
 *
 * Values are templates: `{params.id}`, `{query.page}`, `{headers.x-name}`, `{identity.id}`, `{identity.tenant}`,
 * `{identity.consumer}`, `{identity.claims.email}`, `{requestId}`, `{traceId}`, `{clientIp}`, `{method}`, `{path}`,
 * `{host}` and `{route}` are those of the request as the client sent it, `{env.NAME}` a variable of the environment at
 * start, `{{` a brace. A value without something to stand for is not written.
 *
 * Bodies are read into memory only by rules that name members of them, up to `maxBodyBytes`, and only where they are of
 * a type that the rule is for; all others stream. It belongs outside of `retry`, so that a request is changed once.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const change = transform({
 *   request: [{ type: 'add-header', key: 'X-Tenant', value: '{identity.tenant}' }],
 *   response: { omit: ['password', 'items.*.password'] },
 * });
 * const handler = compose([change], proxy({ target: 'http://users:3001' }));
 */
export function transform(options: TransformOptions): Middleware {
  validate('transform', options, transformSchema);
  const { onRequest, onAnswer } = compileTransforms(options);

  function forward(ctx: Context, next: Handler): MaybePromise<GatewayResponse> {
    return onAnswer === null ? next(ctx) : after(next, ctx, onAnswer);
  }

  return function transformMiddleware(ctx, next) {
    const early = onRequest(ctx);
    if (early instanceof Promise) return early.then((answer) => answer ?? forward(ctx, next));
    return early ?? forward(ctx, next);
  };
}
