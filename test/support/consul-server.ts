import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { Clock } from '../../src/core/clock.js';
import { listen, type Listening } from './listen.js';

export type CheckStatus = 'passing' | 'warning' | 'critical';

export interface ConsulInstance {
  readonly service: string;
  readonly id: string;
  readonly port?: number;
  /** Of the service; without it the node's counts. */
  readonly address?: string;
  readonly nodeAddress?: string;
  readonly tags?: readonly string[];
  readonly status?: CheckStatus;
  readonly weights?: { readonly Passing: number; readonly Warning: number };
  readonly meta?: Readonly<Record<string, string>>;
  readonly nodeMeta?: Readonly<Record<string, string>>;
}

/**
 * Answers `/v1/health/service/:service` as Consul documents it:
 *
 * - https://developer.hashicorp.com/consul/api-docs/health: `passing` leaves out what warns or worse, `tag` can be given
 *   many times and an instance has to have each, `dc` names the datacenter, and what a token may not read is left out
 *   with `X-Consul-Results-Filtered-By-ACLs: true`.
 * - https://developer.hashicorp.com/consul/api-docs/features/blocking: an answer names its `X-Consul-Index`; a query with
 *   that as `index` hangs until there is news, or `wait` is over, to which up to `wait / 16` is added. `wait` is at most
 *   10 minutes, and 5 without one. The index of a query without `index` is never waited for, and it can go backwards.
 * - https://developer.hashicorp.com/consul/api-docs/api-structure#authentication: the token comes in `X-Consul-Token`; one
 *   that is unknown is answered with 403.
 */
export interface ConsulServer extends Listening {
  /** Every query, decoded. */
  readonly asked: readonly {
    readonly path: string;
    readonly query: URLSearchParams;
    readonly headers: IncomingHttpHeaders;
  }[];
  /** Queries that hang. */
  readonly waiting: number;
  /** Adds an instance, or changes the one of that id. */
  register(instance: ConsulInstance): void;
  deregister(id: string): void;
  /** A write that changes no instance: queries come back with what was known. */
  touch(): void;
  /** Tokens that are known, and whether each may read. */
  readonly tokens: Map<string, 'read' | 'none'>;
  /** Ends what hangs, and goes on with other data: an index of its own, and no instance. */
  restore(index: number): void;
  /** Answers in its place, until it is `null` again. */
  instead: ((response: ServerResponse) => void) | null;
  /** What is named in the header, in the place of the index. */
  indexHeader: (index: number) => string | null;
}

const MAX_WAIT_MS = 600_000;
const DEFAULT_WAIT_MS = 300_000;

export async function startConsul(clock: Clock): Promise<ConsulServer> {
  const instances = new Map<string, ConsulInstance>();
  const hanging = new Set<() => void>();
  let index = 10;

  function change(): void {
    index++;
    for (const wake of [...hanging]) wake();
  }

  function found(query: URLSearchParams, service: string): object[] {
    const isPassing = query.has('passing');
    return [...instances.values()].flatMap((instance) => {
      const { status = 'passing', tags = [] } = instance;
      if (instance.service !== service || (isPassing && status !== 'passing')) return [];
      if (!query.getAll('tag').every((tag) => tags.includes(tag))) return [];
      return [entryOf(instance, status)];
    });
  }

  function answer(response: ServerResponse, query: URLSearchParams, service: string, mayRead: boolean): void {
    const entries = found(query, service);
    const named = server.indexHeader(index);
    response.writeHead(200, {
      'content-type': 'application/json',
      ...(named !== null && { 'x-consul-index': named }),
      ...(!mayRead && entries.length > 0 && { 'x-consul-results-filtered-by-acls': 'true' }),
    });
    response.end(JSON.stringify(mayRead ? entries : []));
  }

  const asked: { path: string; query: URLSearchParams; headers: IncomingHttpHeaders }[] = [];
  const http = createServer((request, response) => {
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://consul');
    asked.push({ path: pathname, query, headers: request.headers });
    if (server.instead !== null) {
      server.instead(response);
      return;
    }
    const rights = server.tokens.get(String(request.headers['x-consul-token'] ?? ''));
    if (server.tokens.size > 0 && rights === undefined) {
      response.writeHead(403).end('ACL not found');
      return;
    }
    if (query.has('dc') && query.get('dc') !== 'dc1') {
      response.writeHead(500).end('No path to datacenter');
      return;
    }
    const service = decodeURIComponent(pathname.replace('/v1/health/service/', ''));
    const known = Number(query.get('index') ?? 0);
    const reply = (): void => answer(response, query, service, rights !== 'none');
    if (known === 0 || known < index) reply();
    else hang(response, waitOf(query), reply);
  });

  function hang(response: ServerResponse, waitMs: number, reply: () => void): void {
    const timer = clock.setTimer(wake, waitMs + waitMs / 16);
    hanging.add(wake);
    response.once('close', forget);
    function forget(): void {
      clock.clearTimer(timer);
      hanging.delete(wake);
    }
    function wake(): void {
      forget();
      reply();
    }
  }

  const listening = await listen(http);
  const server: ConsulServer = {
    port: listening.port,
    url: listening.url,
    get connections() {
      return listening.connections;
    },
    get accepted() {
      return listening.accepted;
    },
    close: listening.close,
    asked,
    get waiting() {
      return hanging.size;
    },
    register(instance) {
      instances.set(instance.id, instance);
      change();
    },
    deregister(id) {
      instances.delete(id);
      change();
    },
    touch: change,
    tokens: new Map(),
    restore(older) {
      instances.clear();
      index = older - 1;
      change();
    },
    instead: null,
    indexHeader: String,
  };
  return server;
}

function waitOf(query: URLSearchParams): number {
  const [, milliseconds] = /^(\d+)ms$/.exec(query.get('wait') ?? '') ?? [];
  return Math.min(Number(milliseconds ?? DEFAULT_WAIT_MS), MAX_WAIT_MS);
}

function entryOf({ service, id, port, address, ...more }: ConsulInstance, status: CheckStatus): object {
  const { nodeAddress = '10.0.0.1', tags = [], weights = { Passing: 1, Warning: 1 }, meta = {}, nodeMeta = {} } = more;
  return {
    Node: { Node: 'node-1', Address: nodeAddress, Datacenter: 'dc1', Meta: nodeMeta },
    Service: {
      ID: id,
      Service: service,
      Tags: tags,
      Address: address ?? '',
      Port: port ?? 0,
      Weights: weights,
      Meta: meta,
    },
    Checks: [
      { CheckID: 'serfHealth', Status: 'passing' },
      { CheckID: `service:${id}`, Status: status },
    ],
  };
}
