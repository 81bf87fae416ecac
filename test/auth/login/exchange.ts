import type { Context } from '../../../src/core/context.js';
import type { GatewayResponse, Handler, HeaderMap } from '../../../src/core/types.js';
import { bodyText, fakeContext, type FakeRequestOptions } from '../../support/request.js';

export interface Exchange {
  readonly status: number;
  readonly headers: HeaderMap;
  /** The body, parsed; `null` where there is none. */
  readonly json: Record<string, unknown> | null;
  readonly ctx: Context;
}

const JSON_TYPE: HeaderMap = { 'content-type': 'application/json' };

/** Sends a value as JSON, or a text as it is. */
export async function post(handler: Handler, body: unknown, overrides: FakeRequestOptions = {}): Promise<Exchange> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { ...JSON_TYPE, ...overrides.headers };
  return send(handler, { method: 'POST', body: Buffer.from(text), ...overrides, headers });
}

/** Sends a request as it is. */
export async function send(handler: Handler, request: FakeRequestOptions): Promise<Exchange> {
  const ctx = fakeContext(request);
  const { status, headers, body }: GatewayResponse = await handler(ctx);
  const text = await bodyText(body);
  return { status, headers, json: text === '' ? null : (JSON.parse(text) as Record<string, unknown>), ctx };
}
