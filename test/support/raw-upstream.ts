import { createServer, type Socket } from 'node:net';
import { ByteQueue } from './byte-queue.js';
import { listen } from './listen.js';
import { NO_BODY, readChunked, readHead, readLength, type HeaderTexts, type RawBody, type RawHeader } from './wire.js';

export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** Request line and fields, with CR LF for every line end; `received` has the very bytes. */
  readonly head: string;
  readonly rawHeaders: readonly RawHeader[];
  readonly headers: HeaderTexts;
  /** Number of the connection it came on, from 0. */
  readonly connection: number;
  /** What has come of the body so far; whole where `complete`. */
  body: Buffer;
  trailers: readonly RawHeader[];
  /** False while the body is on its way, and for good where the connection ended before its end. */
  complete: boolean;
}

export type RawRequestHandler = (request: RawRequest, socket: Socket) => unknown;

export interface RawUpstreamOptions {
  /** Called as soon as the head is there, before the body. */
  onHead?: RawRequestHandler;
  /** Called for each connection, before any byte. */
  onConnection?: (socket: Socket) => unknown;
}

export interface RawUpstream {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** In order of arrival, from the moment their heads are complete. */
  readonly requests: readonly RawRequest[];
  /** Connections that are open now. */
  readonly connections: number;
  /** Connections since the start. */
  readonly accepted: number;
  /** All bytes that came on a connection, whether they are a request or not. */
  received(connection: number): Buffer;
  close(): Promise<void>;
}

/** An upstream that believes everything: it records what really arrives and answers with any bytes. By default 200 `ok`. */
export async function rawUpstream(
  onRequest: RawRequestHandler = answerOk,
  { onHead, onConnection }: RawUpstreamOptions = {},
): Promise<RawUpstream> {
  const requests: RawRequest[] = [];
  const received: Buffer[][] = [];

  async function serve(socket: Socket, queue: ByteQueue, connection: number): Promise<void> {
    for (;;) {
      const head = await readHead(queue);
      if (head === null) return;
      const { startLine, rawHeaders, headers, text } = head;
      const [method = '', url = '', version = ''] = startLine.split(' ');
      const request: RawRequest = {
        ...{ method, url, httpVersion: version.replace('HTTP/', ''), head: text, rawHeaders, headers, connection },
        ...{ body: NO_BODY.body, trailers: [], complete: false },
      };
      requests.push(request);
      await onHead?.(request, socket);
      Object.assign(request, await readBody(queue, headers));
      if (!request.complete) return;
      await onRequest(request, socket);
      if (headers.upgrade !== undefined) return;
    }
  }

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    const connection = received.push(chunks) - 1;
    const queue = new ByteQueue();
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      queue.push(chunk);
    });
    socket.on('end', () => {
      queue.end();
    });
    socket.on('close', () => {
      queue.end();
    });
    onConnection?.(socket);
    serve(socket, queue, connection).then(
      () => {
        if (queue.ended) socket.end();
      },
      (error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  });
  const listening = await listen(server);

  return {
    port: listening.port,
    url: listening.url,
    requests,
    get connections() {
      return listening.connections;
    },
    get accepted() {
      return listening.accepted;
    },
    received: (connection) => Buffer.concat(received[connection] ?? []),
    close: () => listening.close(),
  };
}

/** As a lenient server frames a request: chunked wins, `Content-Length` is read as far as it is a number. */
function readBody(queue: ByteQueue, headers: HeaderTexts): Promise<RawBody> | RawBody {
  if (/chunked/i.test(headers['transfer-encoding'] ?? '')) return readChunked(queue);
  const length = Number.parseInt(headers['content-length'] ?? '0', 10);
  return length > 0 ? readLength(queue, length) : NO_BODY;
}

function answerOk(_request: RawRequest, socket: Socket): void {
  reply(socket, 200, { 'content-type': 'text/plain' }, 'ok');
}

/** Writes a response; `content-length` is added unless the headers frame the body or `body` is `null`. */
export function reply(
  socket: Socket,
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  body: string | Uint8Array | null = '',
): void {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`));
  const isFramed = names.includes('content-length') || names.includes('transfer-encoding');
  if (bytes !== null && !isFramed) lines.push(`content-length: ${bytes.length}`);
  const head = Buffer.from([`HTTP/1.1 ${status} Status`, ...lines, '', ''].join('\r\n'), 'latin1');
  if (!socket.destroyed) socket.write(bytes === null ? head : Buffer.concat([head, bytes]));
}
