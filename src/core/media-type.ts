import { headerValue } from './headers.js';
import type { HeaderMap } from './types.js';

/** The media type of a body (RFC 9110 8.3.1) in lower case, without parameters; `''` where none is named. */
export function mediaType(headers: Readonly<HeaderMap>): string {
  const [type = ''] = (headerValue(headers, 'content-type') ?? '').split(';');
  return type.trim().toLowerCase();
}

/** `text/json` and `text/x-json` are no registered types, and yet services read and write them. */
const JSON_TYPE = /^(?:application|text)\/(?:x-)?json$|\+json$/;

/**
 * What a body says it is: `json` (RFC 6839 3.1, too) or `form`; `null` for another type, and where it is compressed. Of
 * several types that are named, one is enough: readers do not agree on which of them counts.
 */
export function bodyFormat(headers: Readonly<HeaderMap>): 'json' | 'form' | null {
  if (headers['content-encoding'] !== undefined) return null;
  const named = headers['content-type'];
  if (typeof named === 'string' && !named.includes(',')) return formatOf(mediaType(headers));
  const formats = String(named ?? '')
    .split(',')
    .map((type) => formatOf(mediaType({ 'content-type': type })));
  return formats.find((format) => format === 'json') ?? formats.find((format) => format !== null) ?? null;
}

function formatOf(type: string): 'json' | 'form' | null {
  if (type === 'application/x-www-form-urlencoded') return 'form';
  return JSON_TYPE.test(type) ? 'json' : null;
}
