import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { systemClock, type Clock } from '../core/clock.js';

/** TLS towards a registry. Verification is always on; a private authority goes into `ca`. */
export interface ApiTls {
  /** Certificates that are trusted instead of the system's, PEM. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Certificate chain that is shown, PEM. */
  cert?: string | Uint8Array;
  /** Private key of `cert`, PEM. */
  key?: string | Uint8Array;
  /** Name that the registry's certificate must carry. @default the host of the URL */
  servername?: string;
}

export interface ApiClientOptions {
  /** Of the registry, with a base path if it has one. */
  url: string;
  tls?: ApiTls;
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

/** Asks the HTTP API of a registry: one connection per request, since they are few and some last for minutes. */
export class ApiClient {
  readonly #url: URL;
  readonly #tls: ApiTls;
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
      if (answer.statusCode !== 200) throw new ApiStatusError(statusOf(answer));
      const decoder = new StringDecoder();
      let rest = '';
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        touch();
        const lines = (rest + decoder.write(chunk)).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_BYTES) throw new Error(`a line is larger than ${MAX_BYTES} bytes`);
        for (const line of lines) if (line.trim() !== '') onLine(parsed(line));
      }
      if (rest.trim() !== '') onLine(parsed(rest));
    } finally {
      done();
    }
  }

  async #open({ path, method, headers, body, timeoutMs, signal }: ApiRequest): Promise<OpenAnswer> {
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
    const timer = this.#clock.setTimer(() => {
      request.destroy(new Error(`${url.origin} was silent for ${timeoutMs} ms`));
    }, timeoutMs);
    const done = (): void => {
      this.#clock.clearTimer(timer);
      request.destroy();
    };
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).on('error', reject).end(text);
      });
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

  constructor(status: number) {
    super(`it answered with status ${status}`);
    this.status = status;
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
