import { keepBody } from '../core/buffer-body.js';
import type { Context } from '../core/context.js';
import { bodyFormat } from '../core/media-type.js';
import type { ByteStream, MaybePromise } from '../core/types.js';

/** Finds the value of the member in a text; throws where the text is malformed. */
type Parse = (text: string) => unknown;

/** It takes a byte order mark away, as the parser of a service does. */
const utf8 = new TextDecoder();

/**
 * Reads a member of JSON and form bodies as a text for a key: trimmed and in lower case. `null` where there is none to
 * read: another type, compressed, malformed, over `maxBytes`, or a value that is neither text nor number. A body that
 * streams is kept in the draft, so it goes on byte for byte.
 *
 * @param name Of the member; `user.email` is `{"user":{"email":...}}`, or `user[email]` in a form.
 */
export function compileBodyMember(name: string, maxBytes: number): (ctx: Context) => MaybePromise<string | null> {
  const path = name.split('.');
  const [first, ...nested] = path;
  const field = [first, ...nested.map((part) => `[${part}]`)].join('');
  const parseJson: Parse = (text) => jsonMember(JSON.parse(text), path);
  const parseForm: Parse = (text) => onlyField(new URLSearchParams(text), field);

  return function bodyMember(ctx) {
    const { request, drafted } = ctx;
    const format = bodyFormat(request.headers);
    const body = drafted === null ? request.body : drafted.body;
    if (format === null || body === null) return null;
    const parse = format === 'json' ? parseJson : parseForm;
    if (typeof body === 'string') return memberText(Buffer.from(body), maxBytes, parse);
    if (body instanceof Uint8Array) return memberText(body, maxBytes, parse);
    if (Number(request.headers['content-length']) > maxBytes) return null;
    return readStream(ctx, body, maxBytes, parse);
  };
}

async function readStream(ctx: Context, body: ByteStream, maxBytes: number, parse: Parse): Promise<string | null> {
  const kept = await keepBody(ctx, body, maxBytes);
  return kept === null ? null : memberText(kept, maxBytes, parse);
}

function memberText(bytes: Uint8Array, maxBytes: number, parse: Parse): string | null {
  if (bytes.length > maxBytes) return null;
  try {
    const value = parse(utf8.decode(bytes));
    if (typeof value === 'number') return String(value);
    return typeof value === 'string' ? value.trim().toLowerCase() || null : null;
  } catch {
    return null;
  }
}

/** Only what the client wrote counts, never what every object inherits. */
function jsonMember(value: unknown, path: readonly string[]): unknown {
  let member = value;
  for (const name of path) {
    if (typeof member !== 'object' || member === null || !Object.hasOwn(member, name)) return null;
    member = (member as Record<string, unknown>)[name];
  }
  return member;
}

/** A field that is there twice would let a client show one value to the limiter and another one to the service. */
function onlyField(form: URLSearchParams, name: string): string | null {
  const values = form.getAll(name);
  return values.length === 1 ? (values[0] as string) : null;
}
