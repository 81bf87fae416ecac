/**
 * The part of a Kubernetes API server that tells of EndpointSlices, by the rules of
 * https://kubernetes.io/docs/reference/using-api/api-concepts/ (sections in quotes below):
 *
 * - Every change has a version of its own; a list has that of the moment ("Resource versions").
 * - A list comes in pages, all of the state of the first one; a `continue` token expires with 410 ("Retrieving large
 *   results sets in chunks"), and goes with no `resourceVersion` ("Semantics for get and list").
 * - A watch brings every change after its version, one JSON text per line; without one it begins with the state
 *   ("Efficient detection of changes", "Semantics for watch"). What is too old is gone: 410, be it as the status of the
 *   answer or as an ERROR event, the way kube-apiserver sends what it finds late ("410 Gone responses").
 * - Bookmarks carry a version alone, come to those who ask, and at no interval ("Watch bookmarks").
 * - A version that the server does not know yet is waited for ("Unavailable resource versions").
 * - What left the selector, or is deleted, is DELETED with its last state.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { systemClock, type Clock, type Timer } from '../../src/core/clock.js';

export interface SliceEndpoint {
  addresses?: unknown;
  conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
  zone?: string;
  [more: string]: unknown;
}

export interface SliceSpec {
  /** @default 'users' */
  service?: string;
  /** @default 'default' */
  namespace?: string;
  /** @default 'IPv4' */
  addressType?: string;
  /** As in the API: `null` = none. @default one TCP port, http, 8080 */
  ports?: unknown;
  endpoints?: readonly SliceEndpoint[] | null;
}

export interface KubernetesApiOptions {
  /** What watches end by. @default systemClock */
  clock?: Clock;
  tls?: { cert: string; key: string };
  /** Bearer tokens that are let in. @default everybody is */
  tokens?: Iterable<string>;
  /** Ceiling of `limit`. @default none */
  pageSize?: number;
  /** How a watch is told that its version is gone. @default 'event' */
  goneAs?: 'event' | 'status';
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Slice {
  readonly kind: 'EndpointSlice';
  readonly apiVersion: 'discovery.k8s.io/v1';
  readonly metadata: { name: string; namespace: string; labels: Record<string, string>; resourceVersion: string };
  readonly addressType: string;
  readonly endpoints: unknown;
  readonly ports: unknown;
}

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly slice: Slice;
}

interface Watch {
  readonly response: ServerResponse;
  readonly isWanted: (slice: Slice) => boolean;
  readonly allowBookmarks: boolean;
  readonly timer: Timer;
}

const COLLECTION = /^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/([^/]+)\/endpointslices$/;

export async function kubernetesApi(options: KubernetesApiOptions = {}): Promise<KubernetesApi> {
  const api = new KubernetesApi(options);
  await api.start();
  return api;
}

export class KubernetesApi {
  /** Of every request, `authorization` and path with query. */
  readonly requests: { readonly url: URL; readonly authorization: string | undefined }[] = [];
  readonly tokens: Set<string> | null;
  /** Answers for the next requests, in the place of those of the API. */
  readonly instead: Answer[] = [];
  readonly #options: KubernetesApiOptions;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #slices = new Map<string, Slice>();
  readonly #watches = new Set<Watch>();
  readonly #pages = new Map<string, { readonly version: number; readonly rest: readonly Slice[] }>();
  #history: Change[] = [];
  #version = 1_000;
  /** Changes up to it are forgotten. */
  #forgotten = 1_000;
  #port = 0;
  accepted = 0;

  constructor(options: KubernetesApiOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.tokens = options.tokens === undefined ? null : new Set(options.tokens);
    const answer = this.#answer.bind(this);
    this.#server = options.tls === undefined ? createServer(answer) : createTlsServer(options.tls, answer);
    this.#server.on('connection', (socket: Socket) => {
      this.accepted++;
      this.#sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Watches that are open now. */
  get watches(): number {
    return this.#watches.size;
  }

  get lists(): readonly URL[] {
    return this.requests.map(({ url }) => url).filter(({ searchParams }) => !searchParams.has('watch'));
  }

  get watchRequests(): readonly URL[] {
    return this.requests.map(({ url }) => url).filter(({ searchParams }) => searchParams.has('watch'));
  }

  get version(): string {
    return `${this.#version}`;
  }

  /** Listens, each time on the same port. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Is gone without a word. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  /** Breaks every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  put(name: string, spec: SliceSpec = {}): void {
    const { service = 'users', namespace = 'default', addressType = 'IPv4', endpoints = [] } = spec;
    const { ports = [{ name: 'http', port: 8080, protocol: 'TCP' }] } = spec;
    const labels = { 'kubernetes.io/service-name': service };
    const metadata = { name, namespace, labels, resourceVersion: `${++this.#version}` };
    const kind = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1' } as const;
    const type = this.#slices.has(name) ? 'MODIFIED' : 'ADDED';
    this.#change(type, { ...kind, metadata, addressType, endpoints, ports });
  }

  remove(name: string): void {
    const slice = this.#slices.get(name);
    if (slice === undefined) throw new Error(`there is no slice ${name}`);
    this.#change('DELETED', {
      ...slice,
      metadata: { ...slice.metadata, resourceVersion: `${++this.#version}` },
    });
  }

  /** Something else in the cluster changes. */
  changeElsewhere(): void {
    this.#version++;
  }

  bookmark(): void {
    const object = { kind: 'EndpointSlice', metadata: { resourceVersion: this.version } };
    for (const { response, allowBookmarks } of this.#watches)
      if (allowBookmarks) writeEvent(response, 'BOOKMARK', object);
  }

  /** Forgets every change so far, as etcd does after five minutes, and the states that pages are of. */
  compact(): void {
    this.#history = [];
    this.#forgotten = this.#version;
  }

  /** Writes to every watch, be it an event or not. */
  write(data: string | Uint8Array): void {
    for (const { response } of this.#watches) response.write(data);
  }

  error(code: number, reason: string, details: object = {}): void {
    for (const { response } of this.#watches) writeEvent(response, 'ERROR', status(code, reason, details));
  }

  /** Ends every watch in good order. */
  endWatches(): void {
    for (const watch of this.#watches) this.#end(watch);
  }

  #end(watch: Watch): void {
    this.#watches.delete(watch);
    this.#clock.clearTimer(watch.timer);
    watch.response.end();
  }

  #change(type: Change['type'], slice: Slice): void {
    if (type === 'DELETED') this.#slices.delete(slice.metadata.name);
    else this.#slices.set(slice.metadata.name, slice);
    this.#history.push({ version: this.#version, type, slice });
    for (const { response, isWanted } of this.#watches) if (isWanted(slice)) writeEvent(response, type, slice);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push({ url: new URL(request.url ?? '/', this.url), authorization: request.headers.authorization });
    const answer = this.instead.shift();
    if (answer === undefined) this.handle(request, response);
    else answer(request, response);
  }

  /** Answers as the API does. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url);
    const { authorization } = request.headers;
    const [, namespace] = COLLECTION.exec(url.pathname) ?? [];
    if (this.tokens !== null && !this.tokens.has(authorization?.replace(/^Bearer /, '') ?? ''))
      fail(response, 401, 'Unauthorized');
    else if (namespace === undefined) fail(response, 404, 'NotFound');
    else if (url.searchParams.has('watch')) this.#watch(response, url.searchParams, wants(namespace, url));
    else this.#list(response, url.searchParams, wants(namespace, url));
  }

  #list(response: ServerResponse, query: URLSearchParams, isWanted: (slice: Slice) => boolean): void {
    const token = query.get('continue');
    if (token !== null && query.has('resourceVersion')) {
      fail(response, 400, 'BadRequest');
      return;
    }
    const page =
      token === null
        ? { version: this.#version, rest: [...this.#slices.values()].filter(isWanted) }
        : this.#pages.get(token);
    if (page === undefined || (token !== null && page.version < this.#forgotten)) {
      fail(response, 410, 'Expired');
      return;
    }
    const limit = Math.min(Number(query.get('limit') ?? Infinity), this.#options.pageSize ?? Infinity);
    const rest = page.rest.slice(limit);
    const next = rest.length === 0 ? '' : `${page.version}:${rest.length}`;
    if (next !== '') this.#pages.set(next, { version: page.version, rest });
    json(response, 200, {
      kind: 'EndpointSliceList',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { resourceVersion: `${page.version}`, ...(next !== '' && { continue: next }) },
      // Items of a list carry neither kind nor apiVersion.
      items: page.rest.slice(0, limit).map(({ kind: _kind, apiVersion: _version, ...slice }) => slice),
    });
  }

  #watch(response: ServerResponse, query: URLSearchParams, isWanted: (slice: Slice) => boolean): void {
    const from = query.get('resourceVersion');
    const isGone = from !== null && Number(from) < this.#forgotten;
    if (isGone && this.#options.goneAs === 'status') {
      fail(response, 410, 'Expired');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (isGone) {
      writeEvent(response, 'ERROR', status(410, 'Expired'));
      response.end();
      return;
    }
    const past: readonly Pick<Change, 'type' | 'slice'>[] =
      from === null
        ? [...this.#slices.values()].map((slice) => ({ type: 'ADDED', slice }))
        : this.#history.filter(({ version }) => version > Number(from));
    for (const { type, slice } of past) if (isWanted(slice)) writeEvent(response, type, slice);
    const end = (): void => {
      this.#end(watch);
    };
    const timer = this.#clock.setTimer(end, Number(query.get('timeoutSeconds') ?? 1_800) * 1_000);
    const watch: Watch = { response, isWanted, allowBookmarks: query.get('allowWatchBookmarks') === 'true', timer };
    this.#watches.add(watch);
    response.once('close', end);
  }
}

function wants(namespace: string, url: URL): (slice: Slice) => boolean {
  const [label = '', value] = (url.searchParams.get('labelSelector') ?? '').split('=');
  return ({ metadata }) => metadata.namespace === namespace && (label === '' || metadata.labels[label] === value);
}

function writeEvent(response: ServerResponse, type: string, object: object): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
function status(code: number, reason: string, details: object = {}): object {
  const message = `${reason}: a text of the server that nobody is to show`;
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
}

function fail(response: ServerResponse, code: number, reason: string): void {
  json(response, code, status(code, reason));
}

function json(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
