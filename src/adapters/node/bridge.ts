/** From a request of `node:http` to the onion and back: the one path that every adapter takes. */
import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../core/clock.js';
import { Context } from '../../core/context.js';
import type { TrustFunction } from '../../core/trust.js';
import type { GatewayResponse, HeaderMap } from '../../core/types.js';
import { connectionOf } from './connection.js';
import type { ParsedRequest } from './parsed-body.js';
import { readRequest, type NodeRequest } from './read-request.js';
import { writeResponse } from './write-response.js';

/** The answer of nobody: the host's next handler is to answer. */
export class PassOn implements GatewayResponse {
  status = 200;
  headers: HeaderMap = {};
  body = null;
}

/** One exchange on a connection of Node: cancelled when the client leaves, finished when the answer is out. */
export class NodeExchange {
  readonly ctx: Context;
  readonly #res: ServerResponse;
  #response: GatewayResponse | null = null;

  /** @param parsed Where the host's body parsers leave what they made of the body. */
  constructor(req: NodeRequest, res: ServerResponse, trust: TrustFunction, clock: Clock, parsed: ParsedRequest = req) {
    const request = readRequest(req, res, trust, parsed);
    this.ctx = new Context(request, { clock, inform: req.httpVersion === '2.0' ? hintSender(res) : null });
    this.#res = res;
    connectionOf(req.socket).response = res;
    res.on('close', this.#onClose);
  }

  /** Writes the answer to the connection. */
  write(response: GatewayResponse): void {
    this.#response = response;
    if (this.ctx.aborted === null) writeResponse(this.#res, response, this.ctx.request);
    else discard(response);
  }

  /** Leaves the request to the host: what follows is none of ours. */
  release(): void {
    this.#res.off('close', this.#onClose);
  }

  readonly #onClose = (): void => {
    const res = this.#res;
    const aborted = !isSent(res);
    if (aborted) {
      this.ctx.abort(new Error('the client closed the connection'));
      if (this.#response !== null) discard(this.#response);
    }
    this.ctx.finish({ status: aborted && !res.headersSent ? 499 : res.statusCode, aborted });
  };
}

/** The compatibility layer of http2 knows it of its stream only. */
function isSent(res: ServerResponse & { stream?: ServerHttp2Stream }): boolean {
  return res.stream === undefined ? res.writableFinished : res.stream.writableFinished && !res.stream.aborted;
}

function discard({ body }: GatewayResponse): void {
  if (typeof body === 'object' && body !== null && 'destroy' in body) body.destroy();
}

/** 103 Early Hints (RFC 8297), over HTTP/2 alone: older clients are known to trip over it. */
function hintSender(res: ServerResponse): (status: number, headers: HeaderMap) => void {
  return function sendHints(_status, { link }) {
    try {
      if (link !== undefined && !res.headersSent) res.writeEarlyHints({ link });
    } catch {
      // Node takes it for no hint; the answer itself will follow.
    }
  };
}
