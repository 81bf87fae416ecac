import { request as requestHttp, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { headerMap } from '../core/headers.js';
import { show } from '../core/options.js';
import { MAX_PATTERN_INPUT } from '../core/slow-pattern.js';
import type { HeaderMap } from '../core/types.js';
import { VERSION } from '../core/version.js';
import { endpointOf } from './endpoint.js';
import type { ActiveHealthOptions, HealthProbe } from './options.js';
import { compileStatuses } from './status-ranges.js';

/** Of an answer's body: what comes after it is not read. */
const MAX_BODY_BYTES = 65_536;
const MAX_HEAD_BYTES = 16_384;

/** Sends a request over a connection of its own, and looks at its answer. */
export function httpProbe(url: URL, options: ActiveHealthOptions): HealthProbe {
  const { statuses = ['200-399'], body } = options;
  const { denied, authority, ...address } = endpointOf(url, options);
  const isExpected = compileStatuses(statuses);
  const open = url.protocol === 'https:' ? requestHttps : requestHttp;
  const settings: RequestOptions = {
    method: options.method ?? 'GET',
    path: options.path ?? '/',
    headers: headersOf(authority, options),
    agent: false,
    maxHeaderSize: MAX_HEAD_BYTES,
    // Node would take the name to verify from the `host` field; a name that is an address is not sent (RFC 6066 3).
    ...{ servername: isIP(address.host) === 0 ? address.host : '', ...options.tls },
    ...(address as Pick<RequestOptions, 'host' | 'port' | 'socketPath' | 'lookup'>),
  };

  return async function probeHttp(signal) {
    if (denied !== null) throw denied;
    const request = open(settings);
    signal.addEventListener('abort', () => request.destroy(), { once: true });
    try {
      const answer = await answerOf(request);
      const { statusCode = 0 } = answer;
      if (!isExpected(statusCode)) throw new Error(`status ${statusCode}`);
      const text = await textOf(answer);
      if (body !== undefined && !contains(text, body)) throw new Error(`the body does not contain ${shown(body)}`);
    } finally {
      request.destroy();
    }
  };
}

function headersOf(host: string, { headers = {} }: ActiveHealthOptions): HeaderMap {
  const usual = { host, 'user-agent': `innergate-health/${VERSION}`, accept: '*/*', 'accept-encoding': 'identity' };
  const fields = Object.assign(headerMap(), usual, { connection: 'close' });
  for (const [name, value] of Object.entries(headers)) fields[name.toLowerCase()] = value;
  return fields;
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('socket', (socket) => socket.unref());
    request.once('response', (answer: IncomingMessage) => {
      // It is destroyed before its end where its status is wrong, and may tell that.
      answer.on('error', ignore);
      resolve(answer);
    });
    request.on('error', reject);
    request.once('close', () => reject(new Error('the connection was closed without an answer')));
    request.end();
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_BODY_BYTES) break;
    }
  } catch {
    throw new Error('the answer broke off');
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_BODY_BYTES);
}

function contains(text: string, body: string | RegExp): boolean {
  // `search` pays no heed to `lastIndex`, with which a pattern that is global would match every other time.
  return typeof body === 'string' ? text.includes(body) : text.slice(0, MAX_PATTERN_INPUT).search(body) !== -1;
}

function shown(body: string | RegExp): string {
  return show(typeof body === 'string' ? body : String(body));
}

function ignore(): void {}
