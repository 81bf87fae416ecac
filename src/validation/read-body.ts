import { isStream, keepBody } from '../core/buffer-body.js';
import { contentCodings } from '../core/content-coding.js';
import type { Context } from '../core/context.js';
import { DecodeError, readDecoded } from '../core/decoded-body.js';
import { bodyFormat } from '../core/media-type.js';
import { refuse, type RefuseOptions } from '../core/refuse.js';
import type { GatewayResponse } from '../core/types.js';
import { membersOf } from './members.js';

/** What a body says; `undefined` = there is none. */
export interface ReadBody {
  readonly value: unknown;
  /** Its length, decoded. */
  readonly bytes: number;
}

const FORMATS = { json: 'valid JSON', form: 'a valid form' } as const;

/** RFC 9110 15.5.16. */
const UNKNOWN_TYPE: RefuseOptions = { detail: 'The body must be JSON or a form.' };
const UNKNOWN_CODING: RefuseOptions = {
  detail: 'The Content-Encoding of the body is not known here.',
  headers: { 'accept-encoding': 'gzip, deflate, br' },
};

const NO_BODY: ReadBody = { value: undefined, bytes: 0 };

/** What is no UTF-8 might be read otherwise by a service. A byte order mark is taken away. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the body that goes upstream, JSON or a form, compressed or not, and leaves its bytes as they are; or refuses one
 * that cannot be read.
 */
export async function readBody(ctx: Context, maxBytes: number): Promise<ReadBody | GatewayResponse> {
  const { request, drafted } = ctx;
  const { headers, body } = drafted ?? request;
  if (body === null) {
    const { bodyFault } = request;
    return bodyFault === null ? NO_BODY : refuse(ctx, bodyFault.code, { detail: bodyFault.detail });
  }
  const codings = contentCodings(headers);
  if (codings === null) return refuse(ctx, 'ERR_GATEWAY_MEDIA_TYPE_UNSUPPORTED', UNKNOWN_CODING);
  const format = bodyFormat({ 'content-type': headers['content-type'] });
  if (format === null) return refuse(ctx, 'ERR_GATEWAY_MEDIA_TYPE_UNSUPPORTED', UNKNOWN_TYPE);
  // What the client said of its own body says nothing of one that took its place.
  if (body === request.body && Number(headers['content-length']) > maxBytes) return refuseLength(ctx, maxBytes);
  const bytes = isStream(body) ? await keepBody(ctx, body, maxBytes) : Buffer.from(body);
  if (bytes === null || bytes.length > maxBytes) return refuseLength(ctx, maxBytes);
  if (bytes.length === 0) return NO_BODY;
  try {
    const decoded = await readDecoded(bytes, codings, maxBytes);
    const text = utf8.decode(decoded);
    return { value: format === 'json' ? (JSON.parse(text) as unknown) : membersOf(text), bytes: decoded.length };
  } catch (error) {
    if (error instanceof DecodeError && error.kind === 'too-large') return refuseLength(ctx, maxBytes);
    const what = error instanceof DecodeError ? 'what its Content-Encoding says' : FORMATS[format];
    return refuse(ctx, 'ERR_GATEWAY_BODY_MALFORMED', { detail: `The body is not ${what}.` });
  }
}

function refuseLength(ctx: Context, maxBytes: number): GatewayResponse {
  const { body } = ctx.drafted ?? ctx.request;
  if (isStream(body)) body.destroy();
  return refuse(ctx, 'ERR_GATEWAY_BODY_TOO_LARGE', { detail: `The body is larger than ${maxBytes} bytes.` });
}
