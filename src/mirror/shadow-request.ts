import { Context } from '../core/context.js';
import { headerMap } from '../core/headers.js';
import type { Body, GatewayRequest } from '../core/types.js';
import { UpstreamFields } from '../core/upstream-fields.js';

/** Tells the shadow that a request is a copy. */
const SHADOW_FIELD = 'x-gateway-shadow';
const MARK = new UpstreamFields({ [SHADOW_FIELD]: '1' });

/**
 * The exchange that the shadow sees: what goes upstream at this moment, whatever is done to the original later, marked
 * with `X-Gateway-Shadow: 1`. Nothing leads from it to the client: no connection, no trace, no signal.
 */
export class ShadowRequest {
  readonly ctx: Context;
  readonly #request: { -readonly [Name in keyof GatewayRequest]: GatewayRequest[Name] };

  constructor(original: Context) {
    const { request, drafted } = original;
    this.#request = { ...request, body: null, raw: null };
    const ctx = (this.ctx = new Context(this.#request, { clock: original.clock }));
    ctx.requestId = original.requestId;
    ctx.route = original.route;
    ctx.params = original.params;
    ctx.identity = original.identity;
    ctx.apiVersion = original.apiVersion;
    ctx.tenant = original.tenant;
    ctx.upstreamFields = original.upstreamFields;
    if (drafted !== null) {
      const headers = Object.assign(headerMap(), drafted.headers);
      // It is told of the body that has been replaced; the new one is counted where it is sent.
      if (drafted.body !== request.body) delete headers['content-length'];
      Object.assign(ctx.draft(), drafted, { headers, body: null });
    }
    ctx.setUpstreamFields(MARK);
  }

  setBody(body: Body): void {
    this.#request.body = body;
    if (this.ctx.drafted !== null) this.ctx.drafted.body = body;
  }
}
