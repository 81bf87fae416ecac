import { isStream } from '../core/buffer-body.js';
import type { ContentCoding } from '../core/content-coding.js';
import { DecodeError, readDecoded } from '../core/decoded-body.js';
import type { Body } from '../core/types.js';

/**
 * All of a body, free of its codings. What is here already is not sent through streams.
 *
 * @throws {DecodeError} as {@link readDecoded} does.
 */
export async function readBody(body: Body, codings: readonly ContentCoding[], maxBytes: number): Promise<Uint8Array> {
  const whole = codings.length > 0 ? null : wholeBytes(body);
  if (whole === null) return readDecoded(body, codings, maxBytes);
  if (whole.length > maxBytes) throw new DecodeError('too-large', `the body has more than ${maxBytes} bytes`);
  return whole;
}

function wholeBytes(body: Body): Uint8Array | null {
  if (isStream(body)) return body.takeWhole?.() ?? null;
  return typeof body === 'string' ? Buffer.from(body) : body;
}
