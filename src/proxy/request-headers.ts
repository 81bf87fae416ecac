/**
 * The one place that decides which header fields reach an upstream. What belongs to a connection stays on it; what the
 * gateway vouches for is written by the gateway alone, after everything that a client could name in `Connection`.
 */
import { HOP_BY_HOP, IDENTITY_FIELDS, isFieldValue, nominatedFields } from '../core/headers.js';
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
/** What the client may not send, but a piece of the gateway may write into a draft. */
const DROPPED_OF_CLIENT: ReadonlySet<string> = new Set([...DROPPED, ...IDENTITY_FIELDS]);

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
  const nominated = drafted === null ? nominatedFields(headers.connection) : null;
  const dropped = drafted === null ? DROPPED_OF_CLIENT : DROPPED;
  const replacedBody = drafted !== null && drafted.body !== request.body;
  const lines: (string | string[])[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || isIn(dropped, name) || nominated?.has(name)) continue;
    if (replacedBody && name === 'content-length') continue;
    if (drafted !== null && ![value].flat().every(isFieldValue)) continue;
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
  if (requestId !== '' && isFieldValue(requestId)) lines.push('x-request-id', requestId);
  lines.push('x-gateway-timestamp', timestamp(clock.wall()));
}

/** Some servers read `x_forwarded_for` as `x-forwarded-for`. */
function isIn(names: ReadonlySet<string>, name: string): boolean {
  return names.has(name) || (name.includes('_') && names.has(name.replaceAll('_', '-')));
}

function portOf(host: string, protocol: string): string {
  const colon = host.lastIndexOf(':');
  // A colon inside brackets belongs to an IPv6 address.
  if (colon !== -1 && colon < host.length - 1 && colon > host.lastIndexOf(']')) return host.slice(colon + 1);
  return protocol === 'https' ? '443' : '80';
}

/** RFC 7239: one element per hop, the client's with what it asked for. */
function forwarded(chain: string, host: string, protocol: string): string {
  const comma = chain.indexOf(',');
  const client = comma === -1 ? chain : chain.slice(0, comma);
  const asked = host === '' ? '' : `;host=${TOKEN.test(host) ? host : `"${host}"`}`;
  const element = `for=${forwardedNode(client)}${asked};proto=${protocol}`;
  if (comma === -1) return element;
  const hops = chain.slice(comma + 2).split(', ');
  return [element, ...hops.map((hop) => `for=${forwardedNode(hop)}`)].join(', ');
}

const TOKEN = /^[\w.~-]+$/;

function forwardedNode(address: string): string {
  if (address === '') return 'unknown';
  return address.includes(':') ? `"[${address}]"` : address;
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
