import { contentCodings } from '../../core/content-coding.js';
import type { Context } from '../../core/context.js';
import { headerValue } from '../../core/headers.js';
import { mediaType } from '../../core/media-type.js';
import type { ByteStream, GatewayResponse, HeaderMap, MaybePromise } from '../../core/types.js';
import { markChanged } from '../../core/changed-body.js';
import { recoded, through } from './recoded.js';
import { RewrittenBody, rewriteBytes, warnExceeded } from './rewritten-body.js';
import type { UrlReplacer } from './url-replacer.js';

/** Answers without a body of their own, or with a part of one. */
const BODILESS: ReadonlySet<number> = new Set([101, 204, 205, 206, 304]);

/** Their characters are not the bytes that are looked for. */
const WIDE_CHARSET = /;\s*charset\s*=\s*"?(?:utf-?16|utf-?32|ucs-?[24]|iso-10646-ucs)/i;

/** True for an answer whose body is to be looked through: of one of the types, whole, in codings that can be undone. */
export function isRewritable({ status, headers }: GatewayResponse, types: ReadonlySet<string>): boolean {
  const type = mediaType(headers);
  const isNamed = types.has(type) || types.has(type.replace(/\/.*/, '/*'));
  if (!isNamed || BODILESS.has(status) || headers['content-range'] !== undefined) return false;
  return !WIDE_CHARSET.test(headerValue(headers, 'content-type') ?? '') && contentCodings(headers) !== null;
}

/**
 * Rewrites the URLs in a body. One that is here as a whole stays so; else it is a stream that holds next to nothing.
 *
 * @throws {GatewayError} where it cannot be decoded, see {@link recoded}.
 */
export function rewriteBody(
  response: GatewayResponse,
  { request }: Context,
  replacer: UrlReplacer,
  maxBytes: number,
): MaybePromise<GatewayResponse> {
  const { headers } = response;
  const codings = contentCodings(headers) ?? [];
  const body = wholeBody(response);
  response.body = body;
  if (codings.length === 0 && knownLength(body, headers) > maxBytes) {
    warnExceeded();
    return response;
  }
  // The answer to a HEAD says what that to a GET would say.
  if (body !== null || request.method === 'HEAD') markChanged(headers);
  if (body === null) return response;
  if (codings.length > 0) return recoded(response, body, codings, new RewrittenBody(replacer, maxBytes));
  if (body instanceof Uint8Array) {
    const rewritten = rewriteBytes(body, replacer);
    headers['content-length'] = String(rewritten.length);
    response.body = rewritten;
  } else {
    response.body = through(body, [new RewrittenBody(replacer, maxBytes)]);
  }
  return response;
}

function wholeBody({ body }: GatewayResponse): ByteStream | Uint8Array | null {
  if (typeof body === 'string') return Buffer.from(body);
  if (body === null || body instanceof Uint8Array) return body;
  return body.takeWhole?.() ?? body;
}

function knownLength(body: ByteStream | Uint8Array | null, headers: HeaderMap): number {
  return body instanceof Uint8Array ? body.length : Number(headerValue(headers, 'content-length') ?? 0);
}
