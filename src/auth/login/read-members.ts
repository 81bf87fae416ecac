import { isStream, keepBody } from '../../core/buffer-body.js';
import type { Context } from '../../core/context.js';
import { bodyFormat } from '../../core/media-type.js';
import type { RequestFault } from '../../core/types.js';

/** The text of a member of a body; `null` where it is no text, is empty, has a NUL, or takes more than 1 KiB. */
export type MemberLookup = (name: string) => string | null;

const MAX_MEMBER_BYTES = 1_024;

/** It takes a byte order mark away, as the parser of a service does. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a JSON or form body of at most `maxBytes`. It stays in the draft, for whoever runs the handler again.
 *
 * @returns A fault where it is too long, malformed, compressed, or of another type.
 */
export async function readMembers(ctx: Context, maxBytes: number): Promise<MemberLookup | RequestFault> {
  const { request, drafted } = ctx;
  const format = bodyFormat(request.headers);
  const body = drafted === null ? request.body : drafted.body;
  if (request.bodyFault !== null) return request.bodyFault;
  if (format === null || body === null) return malformed('A body of JSON or of a form is needed here.');
  if (Number(request.headers['content-length']) > maxBytes) return tooLarge(maxBytes);
  const bytes = isStream(body) ? await keepBody(ctx, body, maxBytes) : body;
  if (bytes === null || Buffer.byteLength(bytes) > maxBytes) return tooLarge(maxBytes);
  try {
    const text = typeof bytes === 'string' ? bytes : utf8.decode(bytes);
    return format === 'json' ? parseJson(text) : parseForm(text);
  } catch {
    return malformed('The body is malformed.');
  }
}

function malformed(detail: string): RequestFault {
  return { code: 'ERR_GATEWAY_REQUEST_MALFORMED', detail };
}

function tooLarge(maxBytes: number): RequestFault {
  return { code: 'ERR_GATEWAY_BODY_TOO_LARGE', detail: `The body is larger than ${maxBytes} bytes.` };
}

/** Only what the client wrote counts, never what every object inherits. */
function parseJson(text: string): MemberLookup {
  const value = JSON.parse(text) as unknown;
  return (name) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
    return usableText((value as Record<string, unknown>)[name]);
  };
}

/** Of a field that is there twice, a limiter and the service could each believe another value. */
function parseForm(text: string): MemberLookup {
  const form = new URLSearchParams(text);
  return (name) => {
    const [value, ...others] = form.getAll(name);
    return others.length === 0 ? usableText(value) : null;
  };
}

/** To bcrypt a password ends at a NUL. */
function usableText(value: unknown): string | null {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return null;
  return Buffer.byteLength(value) > MAX_MEMBER_BYTES ? null : value;
}
