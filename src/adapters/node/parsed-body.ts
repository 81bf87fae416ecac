/**
 * What a body parser has eaten before the gateway came. The bytes go on as they were where somebody kept them, else
 * written anew from what the parser made of them; where neither can be done the request fails at once and says why. It
 * never waits for bytes that will not come.
 */
import type { IncomingMessage } from 'node:http';
import type { HeaderMap, RequestFault } from '../../core/types.js';

/** Where parsers put their results: `rawBody` by a `verify` hook, Nest and koa-bodyparser, `body` by everybody. */
export interface ParsedRequest {
  rawBody?: unknown;
  body?: unknown;
  /** Set by the parsers of Express where the body is their work. */
  _body?: boolean;
  /** The path before any mount point was taken off. */
  originalUrl?: string;
}

export type RestoredBody = { readonly bytes: Uint8Array } | { readonly fault: RequestFault };

/** True where somebody has read the body, or begun to. */
export function isConsumed(request: IncomingMessage): boolean {
  return request.readableDidRead || request.readableEnded;
}

/** Finds or rebuilds the body and corrects the header fields that describe it. */
export function restoreBody(parsed: ParsedRequest, headers: HeaderMap): RestoredBody {
  const type = mediaType(headers);
  const kept = keptBytes(parsed);
  const bytes = kept ?? (isLeftover(parsed, headers) ? null : encode(type, parsed.body));
  if (bytes === null) return { fault: consumedFault(type) };
  if (kept === null || typeof parsed.rawBody === 'string') nameEncoding(headers);
  // Parsers hand out what they have decompressed.
  delete headers['content-encoding'];
  delete headers['transfer-encoding'];
  headers['content-length'] = String(bytes.length);
  return { bytes };
}

function mediaType(headers: HeaderMap): string {
  return (String(headers['content-type'] ?? '').split(';')[0] as string).trim().toLowerCase();
}

function keptBytes({ rawBody, body }: ParsedRequest): Uint8Array | null {
  if (typeof rawBody === 'string') return Buffer.from(rawBody);
  if (rawBody instanceof Uint8Array) return rawBody;
  return body instanceof Uint8Array ? body : null;
}

/** Parsers that found nothing to do leave an empty object; whoever did read the body has kept it to himself. */
function isLeftover({ body, _body }: ParsedRequest, headers: HeaderMap): boolean {
  const isEmpty = typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0;
  return isEmpty && _body !== true && Number(headers['content-length']) > '{}'.length;
}

function encode(type: string, body: unknown): Uint8Array | null {
  if (body === undefined) return null;
  if (/^application\/(?:[\w.-]+\+)?json$/.test(type)) return Buffer.from(JSON.stringify(body));
  if (type === 'application/x-www-form-urlencoded' && typeof body === 'object' && body !== null) {
    return Buffer.from(new URLSearchParams(formPairs(body)).toString());
  }
  return typeof body === 'string' ? Buffer.from(body) : null;
}

/** `{ a: { b: [1, 2] } }` -> `a[b][0]=1`, `a[b][1]=2`: the notation that the parsers of nested forms read. */
function formPairs(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([part, entry]: [string, unknown]): [string, string][] => {
    const name = prefix === '' ? part : `${prefix}[${part}]`;
    if (Array.isArray(entry) && entry.every((item) => typeof item !== 'object')) {
      // One value alone would come back as a text.
      const key = entry.length === 1 ? `${name}[]` : name;
      return entry.map((item: string | number | boolean | null) => [key, String(item ?? '')]);
    }
    if (typeof entry === 'object' && entry !== null) return formPairs(entry, name);
    return entry === undefined ? [] : [[name, String((entry as string | number | boolean | null) ?? '')]];
  });
}

/** Text written anew is UTF-8, whatever it was. */
function nameEncoding(headers: HeaderMap): void {
  const type = headers['content-type'];
  if (typeof type === 'string') headers['content-type'] = type.replace(/charset=("[^"]*"|[^;\s]+)/i, 'charset=utf-8');
}

const PARSERS: Readonly<Record<string, string>> = {
  'multipart/form-data': 'a multipart parser such as multer',
  'application/json': 'a JSON parser such as express.json()',
  'application/x-www-form-urlencoded': 'a form parser such as express.urlencoded()',
};

function consumedFault(type: string): RequestFault {
  const parser = PARSERS[type] ?? `a parser of ${type || 'bodies without a type'}`;
  const detail = `The body was read before the gateway by ${parser}, and its bytes were not kept. Mount the gateway before the parser.`;
  return { code: 'ERR_GATEWAY_BODY_CONSUMED', detail };
}
