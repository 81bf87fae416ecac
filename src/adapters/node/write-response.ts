import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable, pipeline } from 'node:stream';
import { derivedStream } from '../../core/derived-stream.js';
import { isFieldName, isFieldValue } from '../../core/headers.js';
import type { Body, GatewayRequest, GatewayResponse, HeaderMap } from '../../core/types.js';
import { connectionOf } from './connection.js';
import { LINGER_BYTES, lingerOnClose } from './linger.js';

/**
 * First write of a streamed answer: Node writes a head that goes out alone, or with text, as UTF-8 and breaks its
 * non-ASCII bytes.
 */
const NO_BYTES = Buffer.alloc(0);

/** Writes an answer to `node:http` or to the compatibility layer of `http2`. */
export function writeResponse(res: ServerResponse, response: GatewayResponse, request: GatewayRequest): void {
  const { status, headers } = response;
  const body = wholeBody(response.body);
  if (body instanceof Uint8Array) headers['content-length'] ??= String(body.length);
  writeHead(res, status, headers, request);
  if (request.method === 'HEAD' || status === 204 || status === 304) {
    if (body !== null && !(body instanceof Uint8Array)) body.destroy();
    res.end();
  } else if (body === null) {
    res.end();
  } else if (body instanceof Uint8Array) {
    writeWhole(res, body, request);
  } else if (body instanceof Readable) {
    res.write(NO_BYTES);
    // An answer whose source fails is cut off, and there is nobody left to tell.
    pipeline(body, res, () => undefined);
  } else {
    body.pipe(res);
    if (!res.writableEnded) res.write(NO_BYTES);
  }
}

function wholeBody(body: Body): Exclude<Body, string> {
  if (typeof body === 'string') return Buffer.from(body);
  if (body === null || body instanceof Uint8Array) return body;
  return body.takeWhole?.() ?? body;
}

/** A body up to this size is copied into the write of its head. */
const SMALL_BODY = 16_384;

/**
 * Head and body as one text are one write, where `end(body)` makes a vector of three: a tenth of what a small answer
 * costs. Latin-1 is the encoding in which a byte is a character.
 */
function writeWhole(res: ServerResponse, body: Uint8Array, { httpVersion }: GatewayRequest): void {
  if (body.length === 0 || body.length > SMALL_BODY || httpVersion === '2.0' || Object.hasOwn(res, 'write')) {
    res.end(body);
    return;
  }
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const { socket } = res;
  socket?.cork();
  res.write(text, 'latin1');
  socket?.uncork();
  res.end();
}

function writeHead(res: ServerResponse, status: number, headers: HeaderMap, request: GatewayRequest): void {
  prepareHeaders(res, headers, request);
  const lines: (string | string[])[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) lines.push(name, value);
  }
  try {
    // A host that wraps `writeHead` to see the fields, as compression does, looks for them where `setHeader` puts them.
    if (Object.hasOwn(res, 'writeHead')) throw new TypeError('wrapped');
    res.writeHead(status, lines as string[]);
  } catch {
    setHeaders(res, headers, request);
    res.writeHead(status);
  }
}

/**
 * Sets the fields one by one. A value that HTTP cannot carry, such as a line break that a piece took over from a token,
 * is left out.
 */
export function setHeaders(res: ServerResponse, headers: HeaderMap, request: GatewayRequest): void {
  prepareHeaders(res, headers, request);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && isFieldName(name) && [value].flat().every(isFieldValue)) res.setHeader(name, value);
  }
}

/** Fields whose earlier values, set by the host, stay beside those of the answer: everywhere else the answer wins. */
const JOINED = ['set-cookie', 'vary'] as const;

function prepareHeaders(res: ServerResponse, headers: HeaderMap, request: GatewayRequest): void {
  closeUnlessRead(headers, request);
  // HTTP/2 has no fields of a connection (RFC 9113 8.2.2).
  if (request.httpVersion === '2.0') headers.connection = undefined;
  for (const name of JOINED) {
    const own = headers[name];
    const earlier = own === undefined ? undefined : res.getHeader(name);
    if (earlier !== undefined) headers[name] = [...new Set([earlier, own].flat().map(String))];
  }
}

/** Where more may come than is worth reading, or than Node would read, the connection ends with the answer. */
function closeUnlessRead(headers: HeaderMap, { body, headers: sent, raw, httpVersion }: GatewayRequest): void {
  if (httpVersion === '2.0') return;
  const req = raw as IncomingMessage;
  const unread = body !== null && !req.complete && !(Number(sent['content-length']) <= LINGER_BYTES);
  // Node's parser stops behind the offer of an upgrade, taken or not.
  if (unread || sent.upgrade !== undefined) headers.connection = 'close';
  if (unread) lingerOnClose(req.socket);
  if (headers.connection === 'close') connectionOf(req.socket).close();
}

/** Bytes that a stream of Node's has given to the connection; other bodies are known, or count them. */
export class SentBytes {
  count = 0;

  constructor(body: Readable, res: ServerResponse) {
    res.once('pipe', (source: Readable) => {
      if (source === body) source.on('data', this.#onData);
    });
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.count += chunk.length;
  };
}

/**
 * A body for hosts that want a `Readable`. It takes the connection down where the upstream fails, so nobody takes the
 * answer for complete.
 */
export function readableBody({ body }: GatewayResponse, res: ServerResponse): Buffer | Readable | null {
  if (body === null) return null;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const stream = body instanceof Readable ? body : derivedStream(body, body);
  res.once('pipe', (source) => {
    if (source === stream) res.write(NO_BYTES);
  });
  return stream.once('error', () => res.destroy());
}
