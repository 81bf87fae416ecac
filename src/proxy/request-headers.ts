/**
 * The one place that decides which header fields reach an upstream. What belongs to a connection stays on it; what the gateway vouches for is
 * written by the gateway alone, after everything that a client could name in `Connection`.
 */
import { HOP_BY_HOP, isIdentityField, listTokens } from '../core/headers.js';
import type { Context } from '../core/context.js';

/** Written below from what the gateway knows, or not at all. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-gateway-timestamp',
  'x-real-ip',
  'x-request-id',
]);

/** Never relayed: fields of this connection, fields of the gateway's own, and what the gateway answers for itself. */
const DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...OWN_FIELDS, 'expect', 'host']);

/** End-to-end fields that a client cannot have removed by naming them in `Connection`. */
const NOT_NOMINABLE: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'traceparent',
  'tracestate',
]);

export interface RequestHeaderOptions {
  /** Value of `Host`; `''` leaves it to the connection. */
  host: string;
  /** Type of a body that came without one. */
  defaultContentType: string | undefined;
}

/** The header of the upstream's request, flat: name, value, name, value. */
export function requestHeaders(
  ctx: Context,
  { host, defaultContentType }: RequestHeaderOptions,
): (string | string[])[] {
  const { request, drafted } = ctx;
  const headers = drafted?.headers ?? request.headers;
  const nominated = headers.connection === undefined ? null : nominatedFields(headers.connection);
  const replacedBody = drafted !== null && drafted.body !== request.body;
  const lines: (string | string[])[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || isDropped(name) || nominated?.has(name)) continue;
    // Identity in a draft was written by a piece of the gateway; in the request it was written by the client.
    if (drafted === null && isIdentityField(name)) continue;
    if (replacedBody && name === 'content-length') continue;
    lines.push(name, value);
  }
  if (defaultContentType !== undefined && request.body !== null && headers['content-type'] === undefined) {
    lines.push('content-type', defaultContentType);
  }
  if (host !== '') lines.push('host', host);
  pushOwnFields(lines, ctx);
  return lines;
}

function pushOwnFields(lines: (string | string[])[], { request, requestId, clock }: Context): void {
  const { clientIp, forwardedFor, protocol, host, httpVersion } = request;
  if (clientIp !== '') lines.push('x-forwarded-for', forwardedFor, 'x-real-ip', clientIp);
  lines.push('x-forwarded-proto', protocol);
  if (host !== '') lines.push('x-forwarded-host', host, 'x-forwarded-port', portOf(host, protocol));
  lines.push('forwarded', forwarded(forwardedFor, host, protocol));
  const via = `${httpVersion} innergate`;
  lines.push('via', request.headers.via === undefined ? via : `${String(request.headers.via)}, ${via}`);
  if (requestId !== '') lines.push('x-request-id', requestId);
  lines.push('x-gateway-timestamp', timestamp(clock.wall()));
}

function nominatedFields(connection: string | string[]): ReadonlySet<string> | null {
  const names = listTokens(connection).filter((name) => !NOT_NOMINABLE.has(name));
  return names.length === 0 ? null : new Set(names);
}

/** Some servers read `x_forwarded_for` as `x-forwarded-for`. */
function isDropped(name: string): boolean {
  return DROPPED.has(name) || (name.includes('_') && DROPPED.has(name.replaceAll('_', '-')));
}

function portOf(host: string, protocol: string): string {
  return /:(\d+)$/.exec(host)?.[1] ?? (protocol === 'https' ? '443' : '80');
}

/** RFC 7239: one element per hop, the client's with what it asked for. */
function forwarded(chain: string, host: string, protocol: string): string {
  const [client, ...hops] = chain.split(', ').map(forwardedNode);
  const asked = host === '' ? '' : `host=${quoteUnlessToken(host)};`;
  return [`for=${client ?? 'unknown'};${asked}proto=${protocol}`, ...hops.map((hop) => `for=${hop}`)].join(', ');
}

function forwardedNode(address: string): string {
  if (address === '') return 'unknown';
  return address.includes(':') ? `"[${address}]"` : address;
}

function quoteUnlessToken(value: string): string {
  return /^[\w.~-]+$/.test(value) ? value : `"${value}"`;
}

let lastWall = Number.NaN;
let lastTimestamp = '';

/** ISO 8601, made once per millisecond. */
function timestamp(wall: number): string {
  if (wall !== lastWall) {
    lastWall = wall;
    lastTimestamp = new Date(wall).toISOString();
  }
  return lastTimestamp;
}
