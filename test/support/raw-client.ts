import { connect, type Socket } from 'node:net';
import { ByteQueue } from './byte-queue.js';
import { NO_BODY, readChunked, readHead, readLength, type HeaderTexts, type RawBody, type RawHeader } from './wire.js';

export interface InformationalResponse {
  readonly status: number;
  readonly rawHeaders: readonly RawHeader[];
  readonly headers: HeaderTexts;
}

export interface RawResponse extends InformationalResponse, RawBody {
  readonly httpVersion: string;
  readonly reason: string;
  /** 1xx answers that came ahead; 101 is an answer of its own. */
  readonly informational: readonly InformationalResponse[];
}

export interface ReadOptions {
  /** @default 5000 */
  withinMs?: number;
}

export interface ResponseOptions extends ReadOptions {
  /** The request was a HEAD: no body follows. */
  head?: boolean;
}

export interface RawClient {
  readonly socket: Socket;
  readonly connected: Promise<void>;
  /** Resolves when the connection is gone, however it went. Not before a paused client resumes. */
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** The error that ended the connection, such as ECONNRESET. */
  readonly error: Error | null;
  readonly bytesReceived: number;
  write(data: string | Uint8Array): void;
  /** `length` bytes, or fewer where the connection ends before; without a length the next bytes, empty at the end. */
  read(length?: number, options?: ReadOptions): Promise<Buffer>;
  /** Everything up to the end of the connection. */
  readAll(options?: ReadOptions): Promise<Buffer>;
  /** The next response. One whose body is cut short has `complete: false`. @throws where the connection ends before a whole head. */
  response(options?: ResponseOptions): Promise<RawResponse>;
  /** All bytes so far, read or not. */
  received(): Buffer;
  /** Sends FIN; reading goes on. */
  end(): void;
  destroy(): void;
  /** Sends RST. */
  reset(): void;
  pause(): void;
  resume(): void;
}

/** A TCP client without any manners of its own: it sends what it is told, byte for byte. */
export function rawClient(port: number, host = '127.0.0.1'): RawClient {
  const socket = connect({ port, host, noDelay: true });
  const queue = new ByteQueue();
  const chunks: Buffer[] = [];
  let bytesReceived = 0;
  let failure: Error | null = null;
  let isClosed = false;

  socket.on('data', (chunk: Buffer) => {
    bytesReceived += chunk.length;
    chunks.push(chunk);
    queue.push(chunk);
  });
  socket.on('end', () => {
    queue.end();
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      isClosed = true;
      queue.end();
      resolve();
    });
  });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.on('error', (error) => {
      failure = error;
      reject(error);
    });
    socket.once('close', () => {
      reject(failure ?? new Error('closed before it was connected'));
    });
  });
  connected.catch(() => undefined);

  return {
    socket,
    connected,
    closed,
    get isClosed() {
      return isClosed;
    },
    get error() {
      return failure;
    },
    get bytesReceived() {
      return bytesReceived;
    },
    write(data) {
      if (!socket.destroyed) socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    },
    read: (length, options) => limited(length === undefined ? queue.some() : queue.bytes(length), options),
    readAll: (options) => limited(queue.rest(), options),
    response: ({ head = false, ...options } = {}) => limited(readResponse(queue, head), options),
    received: () => Buffer.concat(chunks),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

async function readResponse(queue: ByteQueue, isHead: boolean): Promise<RawResponse> {
  const informational: InformationalResponse[] = [];
  for (;;) {
    const head = await readHead(queue);
    if (head === null) throw new Error('the connection ended before a response');
    const { startLine, rawHeaders, headers } = head;
    const [, httpVersion, digits, reason = ''] = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/.exec(startLine) ?? [];
    if (httpVersion === undefined) throw new Error(`not a status line: ${JSON.stringify(startLine)}`);
    const status = Number(digits);
    if (status < 200 && status !== 101) {
      informational.push({ status, rawHeaders, headers });
      continue;
    }
    const hasBody = !isHead && status !== 101 && status !== 204 && status !== 304;
    const body = hasBody ? await readBody(queue, headers) : NO_BODY;
    return { httpVersion, status, reason, rawHeaders, headers, informational, ...body };
  }
}

async function readBody(queue: ByteQueue, headers: HeaderTexts): Promise<RawBody> {
  if (headers['transfer-encoding'] !== undefined) return readChunked(queue);
  const length = headers['content-length'];
  if (length !== undefined) return readLength(queue, Number(length));
  return { body: await queue.rest(), trailers: [], complete: true };
}

async function limited<Value>(work: Promise<Value>, { withinMs = 5_000 }: ReadOptions = {}): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`nothing complete came within ${withinMs} ms`));
    }, withinMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

export interface ExchangeOptions extends ResponseOptions {
  /** How long to wait for more bytes or the end of the connection after a whole response. @default 50 */
  settleMs?: number;
}

export interface Exchange {
  /** The first response, if there was one. */
  readonly response?: RawResponse;
  /** The server ended the connection. */
  readonly closed: boolean;
  /** All that came, one character per byte. */
  readonly raw: string;
}

/** Sends `data` on a new connection and waits for a response, the end of the connection or the limit (3 s): it never hangs. */
export async function exchange(
  port: number,
  data: string | Uint8Array,
  { head = false, withinMs = 3_000, settleMs = 50 }: ExchangeOptions = {},
): Promise<Exchange> {
  const client = rawClient(port);
  try {
    client.write(data);
    const response = await client.response({ head, withinMs }).catch(() => undefined);
    const isClosing = response === undefined || /\bclose\b/i.test(response.headers.connection ?? '');
    await client.readAll({ withinMs: isClosing ? withinMs : settleMs }).catch(() => undefined);
    const facts = { closed: client.isClosed || client.socket.readableEnded, raw: client.received().toString('latin1') };
    return response === undefined ? facts : { response, ...facts };
  } finally {
    client.destroy();
    await client.closed;
  }
}
