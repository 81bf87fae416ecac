import type { Clock } from '../core/clock.js';
import { func, milliseconds, integer, string, type Schema } from '../core/options.js';

/** What the calls of an authentication piece hold to. */
export interface FetchLimits {
  /** Time for the whole answer, in ms. From 1 on. @default 5000 */
  timeoutMs?: number;
  /** Bytes of an answer. From 1 on. @default 1048576 */
  maxResponseBytes?: number;
  /** A `fetch` of your own, behind a proxy say. @default the global one */
  fetch?: typeof fetch;
}

export const fetchLimitFields = {
  timeoutMs: milliseconds(),
  maxResponseBytes: integer({ min: 1 }),
  fetch: func,
} satisfies Record<keyof FetchLimits, Schema>;

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** `null` where the body is no JSON. */
  readonly json: unknown;
}

export interface JsonRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the call. */
  readonly signal?: AbortSignal;
}

/**
 * Asks for JSON within limits. A redirect is no answer: credentials and keys come from where the configuration says.
 *
 * @throws {Error} where there is no whole answer, in words for the log that name the origin and nothing else of the URL.
 */
export async function fetchJson(
  url: string,
  { signal: stop, ...request }: JsonRequest,
  clock: Clock,
  { timeoutMs = 5_000, maxResponseBytes = 1_048_576, fetch: send = fetch }: FetchLimits,
): Promise<JsonAnswer> {
  const { origin } = new URL(url);
  const controller = new AbortController();
  const timer = clock.setTimer(() => {
    controller.abort(new Error(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  const signal = stop === undefined ? controller.signal : AbortSignal.any([controller.signal, stop]);
  try {
    signal.throwIfAborted();
    const sent = send(url, { ...request, redirect: 'manual', signal });
    // A fetch of the user's own may not look at its signal.
    return await Promise.race([answerOf(sent, maxResponseBytes), aborted(signal)]);
  } catch (error) {
    const cause = signal.aborted ? (signal.reason as unknown) : error;
    throw new Error(`${origin}: ${reasonOf(cause).replaceAll(url, origin)}`, { cause: error });
  } finally {
    clock.clearTimer(timer);
    controller.abort();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}

async function answerOf(sent: Promise<Response>, maxBytes: number): Promise<JsonAnswer> {
  const response = await sent;
  const { status, headers } = response;
  if (status >= 300 && status < 400) throw new Error(`a redirect (${status}), which is not followed`);
  return { status, headers, json: parsed(await readText(response, maxBytes)) };
}

/** `fetch failed` says nothing: what it hides does, by its code where several addresses have failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, code }: NodeJS.ErrnoException = error.cause instanceof Error ? error.cause : error;
  return message || (code ?? error.message);
}

async function readText({ body }: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // The reader of a stream that is left early lets go of it.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`an answer of more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** Schema of a URL that keys or verdicts come from: nobody on the way may change them. */
export const secureUrlField = string('an https URL, or http on loopback, without user and password', (text) =>
  isSecureUrl(text),
);

/** @param allowHttp Http beyond loopback will do, too. */
export function isSecureUrl(text: string, allowHttp = false): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && (allowHttp || LOOPBACK.test(hostname)));
}
