import type { Context } from '../core/context.js';
import { VOUCHED_FIELDS } from '../core/headers.js';
import type { GatewayResponse, Handler, Identity, MaybePromise } from '../core/types.js';
import { absentFields } from '../core/upstream-fields.js';
import type { AuthenticateOptions } from './authenticate-options.js';
import { compileRemoval } from './credentials.js';
import { compileIdentityHeaders, identityHeaderNames } from './identity-headers.js';

/** Lets a request in, as whoever has been proven to send it, or as nobody. */
export type Admit = (identity: Identity | null, ctx: Context, next: Handler) => MaybePromise<GatewayResponse>;

/** Compiles what a request takes on its way: its identity, the fields that tell the upstream of it, no credentials. */
export function compileAdmission({
  strategies,
  forwardCredentials = true,
  identityHeaders = true,
}: AuthenticateOptions): Admit {
  const headers = typeof identityHeaders === 'boolean' ? {} : identityHeaders;
  const fieldsOf = identityHeaders === false ? null : compileIdentityHeaders(headers);
  const nobody = absentFields([...VOUCHED_FIELDS, ...identityHeaderNames(headers)]);
  const removeCredentials = forwardCredentials ? null : compileRemoval(strategies.flatMap(({ sources }) => sources));

  return function admit(identity, ctx, next) {
    removeCredentials?.(ctx);
    if (identity !== null) {
      ctx.identity = identity;
      ctx.setUpstreamFields(fieldsOf?.(identity) ?? nobody);
    } else if (ctx.identity === null) {
      ctx.setUpstreamFields(nobody);
    }
    return next(ctx);
  };
}
