import { headerValue } from './headers.js';
import type { HeaderMap } from './types.js';

/** The media type of a body (RFC 9110 8.3.1) in lower case, without parameters; `''` where none is named. */
export function mediaType(headers: Readonly<HeaderMap>): string {
  const [type = ''] = (headerValue(headers, 'content-type') ?? '').split(';');
  return type.trim().toLowerCase();
}

/** What a body says it is: `json` (RFC 6839 3.1, too) or `form`; `null` for another type, and where it is compressed. */
export function bodyFormat(headers: Readonly<HeaderMap>): 'json' | 'form' | null {
  if (headers['content-encoding'] !== undefined) return null;
  const type = mediaType(headers);
  if (type === 'application/x-www-form-urlencoded') return 'form';
  return /^application\/(?:[\w.-]+\+)?json$/.test(type) ? 'json' : null;
}
