import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { systemClock, type Clock, type Timer } from '../core/clock.js';
import type { TlsOptions } from '../core/tls-options.js';

export interface ApiClientOptions {
  /** Of the registry, with a base path if it has one. */
  url: string;
  tls?: TlsOptions;
  /** @default systemClock */
  clock?: Clock;
}

export interface ApiRequest {
  /** Path and query, below the path of the registry. */
  path: string;
  /** @default GET, POST with a body */
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  /** Of silence, in ms, after which it has failed. */
  timeoutMs: number;
  /** The same between the parts of an answer that has begun. @default timeoutMs */
  idleMs?: number;
  /** Ends it. */
  signal: AbortSignal;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** `undefined` where it is no JSON. */
  readonly json: unknown;
}

/** Bytes of an answer, or of one line of a stream. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Of silence, after which the kernel asks the other side for a sign of life. */
const KEEP_ALIVE_MS = 30_000;

/** Asks the HTTP API of a registry: one connection per request, since they are few and some last for minutes. */
export class ApiClient {
  readonly #url: URL;
  readonly #tls: TlsOptions;
  readonly #clock: Clock;

  constructor({ url, tls = {}, clock = systemClock }: ApiClientOptions) {
    this.#url = new URL(url);
    this.#tls = tls;
    this.#clock = clock;
  }

  /** A whole answer, of whatever status. Rejects where there is none. */
  async ask(request: ApiRequest): Promise<ApiAnswer> {
    const { answer, touch, done } = await this.#open(request);
    try {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        touch();
        bytes += chunk.length;
        if (bytes > MAX_BYTES) throw new Error(`the answer is larger than ${MAX_BYTES} bytes`);
        chunks.push(chunk);
      }
      return { status: statusOf(answer), headers: answer.headers, json: parsed(Buffer.concat(chunks).toString()) };
    } finally {
      done();
    }
  }

  /**
   * The lines of an answer that is a stream of JSON texts, one per line, until it ends. Rejects where it breaks, and
   * with the answer's status where that is not 200; a line that is no JSON is `undefined`.
   */
  async stream(request: ApiRequest, onLine: (json: unknown) => void): Promise<void> {
    const { answer, touch, done } = await this.#open(request);
    try {
      if (answer.statusCode !== 200) throw new ApiStatusError(statusOf(answer), answer.headers['retry-after']);
      const decoder = new StringDecoder();
      let rest = '';
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        touch();
        // Only what is new is searched: a line of many chunks would be searched many times.
        const lines = decoder.write(chunk).split('\n');
        lines[0] = rest + (lines[0] ?? '');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_BYTES) throw new Error(`a line is larger than ${MAX_BYTES} bytes`);
        for (const line of lines) if (line.trim() !== '') onLine(parsed(line));
      }
      if (rest.trim() !== '') onLine(parsed(rest));
    } finally {
      done();
    }
  }

  async #open({ path, method, headers, body, timeoutMs, idleMs = timeoutMs, signal }: ApiRequest): Promise<OpenAnswer> {
    const text = body === undefined ? null : JSON.stringify(body);
    const options: RequestOptions = {
      method: method ?? (text === null ? 'GET' : 'POST'),
      headers: {
        accept: 'application/json',
        ...(text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...headers,
      },
      agent: false,
      signal,
      ...(this.#tls as RequestOptions),
    };
    const url = new URL(this.#url.pathname.replace(/\/$/, '') + path, this.#url);
    const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
    // A host that is gone says nothing for good: the kernel asks whether it is there.
    request.setSocketKeepAlive(true, KEEP_ALIVE_MS);
    // A process that has nothing else to do need not wait for the registry's next word.
    request.once('socket', (socket) => socket.unref());
    let answer: IncomingMessage | null = null;
    const startTimer = (ms: number): Timer =>
      this.#clock.setTimer(() => {
        // What has begun to answer knows only that it was aborted where its request is destroyed.
        (answer ?? request).destroy(new Error(`it was silent for ${ms} ms`));
      }, ms);
    let timer = startTimer(timeoutMs);
    const done = (): void => {
      this.#clock.clearTimer(timer);
      request.destroy();
    };
    try {
      answer = await new Promise<IncomingMessage>((resolve, reject) => {
        function closed(): void {
          reject(new Error('it closed the connection without an answer'));
        }
        // It is closed without an error where the other side changes the protocol.
        request.once('response', resolve).on('error', reject).once('close', closed).end(text);
      });
      this.#clock.clearTimer(timer);
      timer = startTimer(idleMs);
      return { answer, touch: () => timer.refresh(), done };
    } catch (error) {
      done();
      throw error;
    }
  }
}

interface OpenAnswer {
  readonly answer: IncomingMessage;
  /** Something has come. */
  readonly touch: () => void;
  readonly done: () => void;
}

/** A registry answered with a status that is no success. */
export class ApiStatusError extends Error {
  override readonly name = 'ApiStatusError';
  readonly status: number;
  /** Its header field `Retry-After`, as it stands there. */
  readonly retryAfter: string | undefined;

  constructor(status: number, retryAfter?: string) {
    super(`it answered with status ${status}`);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

function statusOf({ statusCode = 0 }: IncomingMessage): number {
  return statusCode;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
