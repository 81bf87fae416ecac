/** From a request of `node:http` to the onion and back: the one path that every adapter takes. */
import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { bodyBytes } from '../../core/body-bytes.js';
import { Context, type Outcome } from '../../core/context.js';
import { answerFailure } from '../../core/error-boundary.js';
import { isGatewayError } from '../../core/errors.js';
import { refuse } from '../../core/refuse.js';
import type { TrustFunction } from '../../core/trust.js';
import type { Body, GatewayResponse, HeaderMap } from '../../core/types.js';
import { connectionOf, type Connection } from './connection.js';
import { isPassedOn, type Mount } from './mount.js';
import type { ParsedRequest } from './parsed-body.js';
import { readRequest, type NodeRequest } from './read-request.js';
import { RequestBody } from './request-body.js';
import { SentBytes, setHeaders, writeResponse } from './write-response.js';

/** What a piece that was mounted earlier has proven of a request, for those that are mounted behind it. */
const proven = new WeakMap<NodeRequest, Pick<Context, 'identity' | 'upstreamFields'>>();

/** One exchange on a connection of Node: cancelled when the client leaves, finished when the answer is out. */
export class NodeExchange {
  readonly ctx: Context;
  readonly #req: NodeRequest;
  readonly #mount: Mount;
  readonly #connection: Connection;
  readonly #res: ServerResponse;
  readonly #caller: { user?: unknown };
  #response: GatewayResponse | null = null;
  /** What the connection is given; `undefined` where the host answers. */
  #sent: Body | SentBytes | undefined;

  /**
   * @param hostTrust Holds where the mount has no trust setting of its own.
   * @param parsed Where the host's body parsers leave what they made of the body.
   * @param caller Where the host's handlers look for the `user` that calls.
   */
  constructor(
    mount: Mount,
    req: NodeRequest,
    res: ServerResponse,
    hostTrust: TrustFunction,
    parsed: ParsedRequest = req,
    caller: object = req,
  ) {
    const request = readRequest(req, res, mount.trust ?? hostTrust, parsed);
    const inform = req.httpVersion === '2.0' ? hintSender(res) : null;
    this.ctx = new Context(request, { clock: mount.clock, inform });
    const earlier = proven.get(req);
    if (earlier !== undefined) Object.assign(this.ctx, earlier);
    this.#req = req;
    this.#mount = mount;
    this.#res = res;
    this.#caller = caller;
    this.#connection = connectionOf(req.socket);
    this.#connection.response = res;
    res.on('close', this.#onClose);
  }

  /** The answer to write; `null` where the host's next handler is to answer, which is prepared for it. */
  settle(response: GatewayResponse): GatewayResponse | null {
    const { isDraining, isGateway } = this.#mount;
    const answer = isPassedOn(response) ? this.#refusePassing() : response;
    if (answer !== null && isDraining()) answer.headers.connection = 'close';
    if (answer !== null) return this.#complete(answer);
    this.#passOnIdentity();
    if (isGateway) this.#passOn();
    else this.#completeHost(response.headers);
    return null;
  }

  #passOn(): void {
    this.#res.off('close', this.#onClose);
    this.ctx.finish(PASSED_ON);
  }

  #completeHost(headers: HeaderMap): void {
    this.ctx.completeAnswer(headers);
    setHeaders(this.#res, headers, this.ctx.request);
  }

  #passOnIdentity(): void {
    const { identity, upstreamFields } = this.ctx;
    if (identity === null) return;
    proven.set(this.#req, { identity, upstreamFields });
    this.#caller.user = identity;
  }

  #complete(response: GatewayResponse): GatewayResponse {
    this.ctx.completeAnswer(response.headers);
    const { body } = response;
    this.#sent = body instanceof Readable ? new SentBytes(body, this.#res) : body;
    return response;
  }

  /** Writes the answer to the connection. */
  write(response: GatewayResponse): void {
    const failure = failureOf(response);
    this.#response = failure === null ? response : this.#complete(answerFailure(failure, this.ctx));
    if (this.ctx.aborted !== null) {
      discard(response);
      return;
    }
    try {
      writeResponse(this.#res, this.#response, this.ctx.request);
    } catch (error) {
      // Whatever a host has done to its response, the client must not wait for it.
      this.ctx.error = error;
      this.#res.destroy();
    }
  }

  /**
   * A body that a piece has wrapped, to count it say, does not reach the host: what holds for it could not be kept. Nor
   * does one that a piece has read: nothing is left of it on the connection.
   */
  #refusePassing(): GatewayResponse | null {
    const { drafted, request } = this.ctx;
    if (drafted === null || drafted.body === request.body) return null;
    if (!(drafted.body instanceof Uint8Array)) return refuse(this.ctx, 'ERR_GATEWAY_LENGTH_REQUIRED');
    const detail = 'A piece in front of the app has read the body. Mount it behind a body parser of the app.';
    return refuse(this.ctx, 'ERR_GATEWAY_BODY_CONSUMED', { detail });
  }

  readonly #onClose = (): void => {
    const res = this.#res;
    // An idle connection holds nothing of the exchange that was its last.
    if (this.#connection.response === res) this.#connection.response = null;
    const aborted = !isSent(res);
    if (aborted) {
      this.ctx.abort(new Error('the client closed the connection'));
      if (this.#response !== null) discard(this.#response);
    }
    const status = aborted && this.#clientLeft() ? 499 : res.statusCode;
    this.ctx.finish({ status, aborted, bytesIn: this.#bytesIn(), bytesOut: this.#bytesOut() });
  };

  #bytesIn(): number | undefined {
    const { body, headers } = this.ctx.request;
    if (body instanceof RequestBody) return body.bytesRead;
    return this.#sent === undefined ? lengthOf(headers['content-length']) : bodyBytes(body);
  }

  #bytesOut(): number | undefined {
    if (this.ctx.request.method === 'HEAD') return 0;
    if (this.#sent === undefined) return lengthOf(this.#res.getHeader('content-length'));
    return this.#sent instanceof SentBytes ? this.#sent.count : bodyBytes(this.#sent);
  }

  /** An answer that is cut short is cut by the client, unless something failed on this side before. */
  #clientLeft(): boolean {
    const { error } = this.ctx;
    return error === null || (isGatewayError(error) && error.code === 'ERR_GATEWAY_CLIENT_CLOSED');
  }
}

/** The compatibility layer of http2 knows it of its stream only. */
function isSent(res: ServerResponse & { stream?: ServerHttp2Stream }): boolean {
  return res.stream === undefined ? res.writableFinished : res.stream.writableFinished && !res.stream.aborted;
}

const PASSED_ON: Outcome = { status: 404, aborted: false, passedOn: true };

/** What a host has read or written itself is known by what was announced. */
function lengthOf(field: unknown): number | undefined {
  return field === undefined ? undefined : Number(field);
}

function failureOf({ body }: GatewayResponse): Error | null {
  return typeof body === 'object' && body !== null && 'failure' in body ? (body.failure ?? null) : null;
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
