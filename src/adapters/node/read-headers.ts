import { headerMap, isHost } from '../../core/headers.js';
import type { HeaderMap, RequestFault } from '../../core/types.js';

/** Node drops lines beyond its own limit without a word, so the gateway's limit lies below it. */
const MAX_LINES = 1_000;

export interface ReadHeaders {
  readonly headers: HeaderMap;
  readonly fault: RequestFault | null;
}

/**
 * One pass over the raw lines: builds the map and finds what parsers of HTTP disagree on, since a disagreement with the
 * upstream is how requests are smuggled (RFC 9112 11.2). The map has no prototype, so a field called `constructor` is a
 * field.
 */
export function readHeaders(rawHeaders: readonly string[], httpVersion: string): ReadHeaders {
  const headers = headerMap();
  let fault: RequestFault | null = null;
  if (rawHeaders.length >= 2 * MAX_LINES)
    fault = { code: 'ERR_GATEWAY_HEADERS_TOO_LARGE', detail: 'There are too many header fields.' };
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = lowerCase(rawHeaders[i] as string);
    const value = rawHeaders[i + 1] as string;
    const known = headers[name];
    if (known === undefined) {
      // HTTP/2 carries method, path and authority as fields of their own (RFC 9113 8.3).
      if (name.charCodeAt(0) !== 58 /* : */) headers[name] = name === 'set-cookie' ? [value] : value;
      else if (name === ':authority') headers.host = value;
    } else if (SINGULAR.has(name)) {
      fault ??= malformed(`The header field ${name} may be sent only once.`);
    } else if (typeof known === 'string') {
      headers[name] = known + (name === 'cookie' ? '; ' : ', ') + value;
    } else {
      known.push(value);
    }
  }
  return {
    headers,
    fault:
      fault ??
      framingFault(headers, httpVersion) ??
      hostFault(headers, httpVersion) ??
      expectFault(headers, httpVersion),
  };
}

const SINGULAR: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'proxy-authorization',
  'transfer-encoding',
]);

function framingFault(headers: HeaderMap, httpVersion: string): RequestFault | null {
  const coding = headers['transfer-encoding'];
  if (coding === undefined) return null;
  if (httpVersion !== '1.1') return malformed('Only HTTP/1.1 knows Transfer-Encoding.');
  if (headers['content-length'] !== undefined)
    return malformed('Content-Length and Transfer-Encoding exclude each other.');
  if (String(coding).toLowerCase() === 'chunked') return null;
  if (coding === '') return malformed('Transfer-Encoding is empty.');
  return { code: 'ERR_GATEWAY_CODING_UNSUPPORTED', detail: 'The only transfer coding that is understood is chunked.' };
}

function hostFault({ host }: HeaderMap, httpVersion: string): RequestFault | null {
  if (host === undefined) return httpVersion === '1.1' ? malformed('The Host header field is missing.') : null;
  return isHost(String(host)) ? null : malformed('The Host header field names no host.');
}

/** RFC 9110 10.1.1: there is one expectation, and HTTP/1.0 does not know it. */
function expectFault({ expect }: HeaderMap, httpVersion: string): RequestFault | null {
  if (expect === undefined || httpVersion === '1.0' || String(expect).toLowerCase() === '100-continue') return null;
  return {
    code: 'ERR_GATEWAY_EXPECTATION_UNKNOWN',
    detail: 'The only expectation that is understood is 100-continue.',
  };
}

export function malformed(detail: string): RequestFault {
  return { code: 'ERR_GATEWAY_REQUEST_MALFORMED', detail };
}

/** Names that have come before; bounded, since clients choose them. */
const knownNames = new Map<string, string>();
const MAX_KNOWN_NAMES = 1_000;

function lowerCase(name: string): string {
  let lower = knownNames.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (knownNames.size < MAX_KNOWN_NAMES && name.length <= 64) knownNames.set(name, lower);
  }
  return lower;
}
