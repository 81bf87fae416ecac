import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { listen } from './listen.js';

/** What {@link echo} answers, as JSON. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** As UTF-8 text. */
  readonly body: string;
}

export type UpstreamHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface UpstreamOptions {
  onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => unknown;
}

export interface Upstream {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Heads of the requests so far, in order of arrival. */
  readonly requests: readonly IncomingMessage[];
  /** Connections that are open now. */
  readonly connections: number;
  /** Connections since the start. */
  readonly accepted: number;
  close(): Promise<void>;
}

/** An ordinary upstream on `node:http`. By default it answers with what it was asked. */
export async function upstream(
  handler: UpstreamHandler = echo,
  { onUpgrade }: UpstreamOptions = {},
): Promise<Upstream> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.on('error', ignore);
    response.on('error', ignore);
    handle(handler, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  if (onUpgrade !== undefined) {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      requests.push(request);
      onUpgrade(request, socket, head);
    });
  }
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
    close: () => listening.close(),
  };
}

async function handle(handler: UpstreamHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  await handler(request, response);
}

/** Answers 200 with an {@link Echo}. */
export async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers, rawHeaders } = request;
  const body = await requestText(request);
  answerJson(response, 200, { method, url, headers, rawHeaders, body } satisfies Echo);
}

/** All of a request's body, as UTF-8 text. */
export async function requestText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function ignore(): void {}
