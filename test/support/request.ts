import { Context, type ContextOptions } from '../../src/core/context.js';
import { parseTarget } from '../../src/core/path.js';
import type { Body, GatewayRequest, HeaderMap, RequestFault } from '../../src/core/types.js';
import { FakeClock } from './fake-clock.js';

export interface FakeRequestOptions {
  /** @default 'GET' */
  method?: string;
  /** Request target as it stands on the wire. @default '/' */
  url?: string;
  /** Names in any case. `host` is added where it is missing. */
  headers?: HeaderMap;
  /** @default null */
  body?: Body;
  /** @default '203.0.113.7' */
  clientIp?: string;
  /** @default the client's address */
  forwardedFor?: string;
  /** @default 'http' */
  protocol?: 'http' | 'https';
  /** @default the `host` header, else 'gateway.test' */
  host?: string;
  /** @default '1.1' */
  httpVersion?: string;
  /** @default null */
  fault?: RequestFault | null;
  /** @default null */
  bodyFault?: RequestFault | null;
  raw?: unknown;
}

/** A request as an adapter would hand it over. */
export function fakeRequest(overrides: FakeRequestOptions = {}): GatewayRequest {
  const { method = 'GET', url = '/', body = null, clientIp = '203.0.113.7', protocol = 'http', raw = null } = overrides;
  const target = parseTarget(url, method);
  if (target === null) throw new TypeError(`not a request target: ${JSON.stringify(url)}`);
  const { path, rawPath, query, authority } = target;
  const headers: HeaderMap = {};
  for (const [name, value] of Object.entries(overrides.headers ?? {})) headers[name.toLowerCase()] = value;
  const host = overrides.host ?? (authority || (typeof headers.host === 'string' ? headers.host : 'gateway.test'));
  headers.host ??= host;
  const { forwardedFor = clientIp, httpVersion = '1.1', fault = null, bodyFault = null } = overrides;
  const connection = { clientIp, forwardedFor, protocol, host, httpVersion };
  return { method, path, rawPath, query, headers, body, ...connection, fault, bodyFault, raw };
}

/** An exchange on a fake clock of its own, where the options give none. */
export function fakeContext(overrides: FakeRequestOptions = {}, options: ContextOptions = {}): Context {
  return new Context(fakeRequest(overrides), { clock: new FakeClock(), ...options });
}

/** All of a body, as UTF-8 text. */
export async function bodyText(body: Body): Promise<string> {
  return (await bodyBytes(body)).toString('utf8');
}

/** All of a body. */
export async function bodyBytes(body: Body): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
