/**
 * The one place that decides which header fields reach an upstream. What belongs to a connection stays on it; what the
 * gateway vouches for is written by the gateway alone, after everything that a client could name in `Connection`.
 */
import {
  GATEWAY_FIELDS,
  hasField,
  HOP_BY_HOP,
  VOUCHED_FIELDS,
  isFieldValue,
  nominatedFields,
} from '../core/headers.js';
import type { Context } from '../core/context.js';
import { flatText } from '../core/flat-text.js';
import { isoTime } from '../core/iso-time.js';

/** Never relayed: fields of this connection, fields of the gateway's own, and what the gateway answers for itself. */
const DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...GATEWAY_FIELDS, 'expect', 'host']);
/** What the client may not send, but a piece of the gateway may write into a draft. */
const DROPPED_OF_CLIENT: ReadonlySet<string> = new Set([...DROPPED, ...VOUCHED_FIELDS]);

/** Written below where the exchange is traced, else the client's. */
const TRACE_FIELDS: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

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
  const { request, drafted, trace } = ctx;
  const upstreamFields = drafted === null ? ctx.upstreamFields : null;
  const headers = drafted?.headers ?? request.headers;
  const nominated = drafted === null ? nominatedFields(headers.connection) : null;
  const dropped = drafted === null ? DROPPED_OF_CLIENT : DROPPED;
  const replacedBody = drafted !== null && drafted.body !== request.body;
  const lines: (string | string[])[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || hasField(dropped, name) || nominated?.has(name)) continue;
    if (upstreamFields?.takes(name)) continue;
    if (trace !== null && TRACE_FIELDS.has(name)) continue;
    if (replacedBody && name === 'content-length') continue;
    if (drafted !== null && ![value].flat().every(isFieldValue)) continue;
    lines.push(name, value);
  }
  if (defaultContentType !== undefined && request.body !== null && headers['content-type'] === undefined) {
    lines.push('content-type', defaultContentType);
  }
  if (host !== '') lines.push('host', host);
  if (upstreamFields !== null) for (const line of upstreamFields.lines) lines.push(line);
  pushOwnFields(lines, ctx);
  return lines;
}

function pushOwnFields(lines: (string | string[])[], { request, requestId, trace, clock }: Context): void {
  const { clientIp, forwardedFor, protocol, host, httpVersion } = request;
  const { port, forwarded } = hostFields(host, protocol);
  if (clientIp !== '') lines.push('x-forwarded-for', forwardedFor);
  if (request.headers['x-real-ip'] !== undefined) lines.push('x-real-ip', clientIp);
  lines.push('x-forwarded-proto', protocol);
  if (host !== '') lines.push('x-forwarded-host', host, 'x-forwarded-port', port);
  lines.push('forwarded', forwardedChain(forwardedFor, forwarded));
  const via = httpVersion === '1.1' ? '1.1 innergate' : `${httpVersion} innergate`;
  lines.push('via', request.headers.via === undefined ? via : `${String(request.headers.via)}, ${via}`);
  if (requestId !== '') lines.push('x-request-id', requestId);
  if (trace !== null) lines.push('traceparent', trace.traceparent);
  if (trace !== null && trace.tracestate !== '') lines.push('tracestate', trace.tracestate);
  lines.push('x-gateway-timestamp', isoTime(clock.wall()));
}

/** What the host that a client asked for becomes in the fields of the gateway. */
interface HostFields {
  readonly host: string;
  readonly protocol: string;
  readonly port: string;
  /** Of the element of `Forwarded` (RFC 7239) that tells of the client. */
  readonly forwarded: string;
}

/** Of the request before: most gateways have one host, or a few. */
let lastHost: HostFields = { host: '', protocol: '', port: '', forwarded: '' };

function hostFields(host: string, protocol: string): HostFields {
  if (host !== lastHost.host || protocol !== lastHost.protocol) {
    const asked = host === '' ? '' : `;host=${/^[\w.~-]+$/.test(host) ? host : `"${host}"`}`;
    const port = /:(\d+)$/.exec(host)?.[1] ?? (protocol === 'https' ? '443' : '80');
    lastHost = { host, protocol, port, forwarded: `${asked};proto=${protocol}` };
  }
  return lastHost;
}

/** RFC 7239: one element per hop, the client's with what it asked for. */
function forwardedChain(chain: string, asked: string): string {
  const comma = chain.indexOf(',');
  if (comma === -1) return flatText('for=', forwardedNode(chain), asked);
  const hops = chain.slice(comma + 2).split(', ');
  const elements = hops.map((hop) => `for=${forwardedNode(hop)}`);
  return [`for=${forwardedNode(chain.slice(0, comma))}${asked}`, ...elements].join(', ');
}

function forwardedNode(address: string): string {
  if (address === '') return 'unknown';
  return address.includes(':') ? `"[${address}]"` : address;
}
