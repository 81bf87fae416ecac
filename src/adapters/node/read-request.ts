import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Socket } from 'node:net';
import { isHost } from '../../core/headers.js';
import { parseTarget } from '../../core/path.js';
import { resolveClient, type TrustFunction } from '../../core/trust.js';
import type { Body, GatewayRequest, HeaderMap, RequestFault } from '../../core/types.js';
import { isConsumed, restoreBody, type ParsedRequest } from './parsed-body.js';
import { connectionOf } from './connection.js';
import { malformed, readHeaders } from './read-headers.js';
import { RequestBody } from './request-body.js';

/** What frameworks add to a request of `node:http`. */
export type NodeRequest = IncomingMessage & ParsedRequest;

/**
 * Reads a request of `node:http`, `https` or the compatibility layer of `http2`; what is wrong with it is told in
 * `fault`, never thrown.
 */
export function readRequest(
  req: NodeRequest,
  res: ServerResponse,
  trust: TrustFunction,
  parsed: ParsedRequest,
): GatewayRequest {
  const { headers, fault: headerFault } = readHeaders(req.rawHeaders, req.httpVersion);
  const target = parseTarget(parsed.originalUrl ?? req.url ?? '', req.method);
  const { body, fault: bodyFault } = readBody(req, res, headers, parsed);
  const connection = connectionOf(req.socket);
  const { address, protocol: ownProtocol } = connection;
  const peer = { address, protocol: ownProtocol, host: target?.authority || String(headers.host ?? '') };
  const { clientIp, forwardedFor, protocol, host } = resolveClient(peer, headers, trust);
  return {
    method: req.method ?? '',
    path: target?.path ?? '/',
    rawPath: target?.rawPath ?? '/',
    query: target?.query ?? '',
    headers,
    body,
    clientIp,
    forwardedFor,
    protocol,
    host,
    httpVersion: req.httpVersion,
    fault: connection.refuseAfter(versionFault(req) ?? headerFault ?? targetFault(target, headers)),
    bodyFault,
    raw: req,
  };
}

function targetFault(target: ReturnType<typeof parseTarget>, headers: HeaderMap): RequestFault | null {
  if (target === null) return malformed('The request target is malformed or ambiguous.');
  const { authority } = target;
  if (authority === '') return null;
  if (!isHost(authority)) return malformed('The request target names no host.');
  if (headers.host === undefined || authority.toLowerCase() === String(headers.host).toLowerCase()) return null;
  return malformed('The request target and the Host header field name different hosts.');
}

/** A server of HTTP/1.1 on a plain port gets more than HTTP/1.1. */
function versionFault(req: IncomingMessage): RequestFault | null {
  const { httpVersion } = req;
  if (httpVersion === '1.1' || httpVersion === '1.0' || (httpVersion === '2.0' && 'stream' in req)) return null;
  return malformed('This version of HTTP is not spoken here.');
}

function readBody(
  req: NodeRequest,
  res: ServerResponse,
  headers: HeaderMap,
  parsed: ParsedRequest,
): { body: Body; fault: RequestFault | null } {
  if (!hasBody(req, headers)) return { body: null, fault: null };
  if (!isConsumed(req)) return { body: new RequestBody(req, continueSender(req, res, headers)), fault: null };
  const restored = restoreBody(parsed, headers);
  return 'fault' in restored ? { body: null, fault: restored.fault } : { body: restored.bytes, fault: null };
}

/** True where the framing announces a body (RFC 9112 6.3), empty ones left out. */
export function hasBody(req: IncomingMessage, headers: HeaderMap): boolean {
  const length = headers['content-length'];
  if (length !== undefined) return length !== '0';
  if (headers['transfer-encoding'] !== undefined) return true;
  const { stream } = req as { stream?: Http2ServerRequest['stream'] };
  return stream !== undefined && !stream.endAfterHeaders;
}

/**
 * Node answers `Expect` by itself unless somebody listens to `checkContinue`; then the answer is due when the body is
 * wanted.
 */
function continueSender(req: IncomingMessage, res: ServerResponse, headers: HeaderMap): (() => void) | null {
  if (headers.expect === undefined || req.httpVersion === '1.0') return null;
  const { server } = req.socket as Socket & { server?: { listenerCount(event: string): number } };
  if (!server?.listenerCount('checkContinue')) return null;
  return () => {
    if (!res.headersSent) res.writeContinue();
  };
}
