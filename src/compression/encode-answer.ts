import { bodyBytes } from '../core/body-bytes.js';
import { isStream } from '../core/buffer-body.js';
import type { ContentCoding } from '../core/content-coding.js';
import type { Body, ByteStream, GatewayResponse } from '../core/types.js';
import { CompressedBody } from './compressed-body.js';
import { encodeHead } from './encoded-head.js';
import type { Encoder } from './encoder.js';

/**
 * Bytes up to which a body that is here is compressed at once: it takes less time than to hand it to another thread, and
 * the answer keeps an exact length.
 */
const SMALL_BODY = 16_384;

/** Compresses the body of an answer. A small one that would not get smaller stays as it is, and so does its head. */
export function encodeAnswer(response: GatewayResponse, coding: ContentCoding, encoder: Encoder): void {
  const { headers } = response;
  const body = bytesOf(response.body);
  if (isStream(body) || body.length > SMALL_BODY || encoder.encode === null) {
    encodeHead(headers, coding);
    response.body = new CompressedBody(body, encoder);
    return;
  }
  const encoded = encoder.encode(body);
  response.body = encoded.length < body.length ? encoded : body;
  if (response.body === body) return;
  encodeHead(headers, coding);
  headers['content-length'] = String(encoded.length);
}

/** Bytes of the body of an answer; `Infinity` where nobody can tell yet. */
export function answerLength({ headers, body }: GatewayResponse): number {
  const length = headers['content-length'];
  if (length !== undefined) return Number(length);
  return body === null || isStream(body) ? Infinity : (bodyBytes(body) ?? Infinity);
}

function bytesOf(body: Body): Uint8Array | ByteStream {
  if (isStream(body)) return body.takeWhole?.() ?? body;
  return body instanceof Uint8Array ? body : Buffer.from(body ?? '');
}
