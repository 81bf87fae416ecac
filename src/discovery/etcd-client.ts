import type { Clock } from '../core/clock.js';
import type { TlsOptions } from '../core/tls-options.js';
import { ApiClient, ApiStatusError, type ApiAnswer } from './api-client.js';
import { membersOf, type JsonMembers } from './json-members.js';

export interface EtcdClientOptions {
  url: string;
  tls: TlsOptions;
  clock: Clock;
  prefix: string;
  /** Without it there is no authentication. */
  credentials: { name: string; password: string } | null;
  timeoutMs: number;
  idleMs: number;
}

/** A key and what stands in it, as the gateway writes bytes: in base64. */
export interface EtcdPair {
  readonly key: string;
  /** `null` = the key is gone. */
  readonly value: string | null;
}

export interface EtcdRange {
  readonly pairs: readonly EtcdPair[];
  /** Of the whole store when it was read. */
  readonly revision: bigint;
}

/**
 * Reads and watches the keys of a prefix at one member of etcd, through its JSON gateway
 * (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/). 64-bit numbers are strings there, and what is empty or 0 is
 * left out.
 */
export class EtcdClient {
  readonly origin: string;
  readonly #api: ApiClient;
  readonly #options: EtcdClientOptions;
  readonly #range: { readonly key: string; readonly range_end: string };
  #headers: Readonly<Record<string, string>> = {};

  constructor(options: EtcdClientOptions) {
    this.origin = new URL(options.url).origin;
    this.#api = new ApiClient(options);
    this.#options = options;
    this.#range = prefixRange(options.prefix);
  }

  /** Gets a new token, with credentials. */
  async authenticate(signal: AbortSignal): Promise<void> {
    const { credentials } = this.#options;
    if (credentials === null) return;
    const { token } = await this.#ask('/v3/auth/authenticate', credentials, signal);
    if (typeof token !== 'string') throw new Error('the answer has no token');
    this.#headers = { authorization: token };
  }

  async range(signal: AbortSignal): Promise<EtcdRange> {
    const { header, kvs = [] } = await this.#ask('/v3/kv/range', this.#range, signal);
    if (!Array.isArray(kvs)) throw new Error('the answer has no list of keys');
    return { pairs: kvs.map(pairOf), revision: revisionOf(header) };
  }

  /** Tells what changes after a revision. Never resolves: a watch that ends has failed. */
  async watch(revision: bigint, signal: AbortSignal, onPairs: (pairs: readonly EtcdPair[]) => void): Promise<never> {
    const { timeoutMs, idleMs } = this.#options;
    const create = { ...this.#range, start_revision: String(revision + 1n), progress_notify: true };
    // A member that has lost the others ends the watch; without this it would go on in silence.
    const headers = { ...this.#headers, 'grpc-metadata-hasleader': 'true' };
    const request = { path: '/v3/watch', body: { create_request: create }, headers, timeoutMs, idleMs, signal };
    await this.#api.stream(request, function onLine(json) {
      const { result, error } = membersOf(json);
      if (error !== undefined) throw new Error(`the watch failed: ${messageOf(error)}`);
      const { header, created, canceled, compact_revision, cancel_reason, events = [] } = membersOf(result);
      if (canceled === true) {
        const reason = compact_revision === undefined ? cancel_reason : 'what comes next has been compacted';
        throw new Error(`the watch was canceled: ${messageOf(reason)}`);
      }
      if (!Array.isArray(events)) throw new Error('the watch told no list of events');
      // Where the store is behind what was read, it is another one, or an older one; its news would be none.
      if (revisionOf(header) < revision && created === true) throw new Error('the store went backwards');
      if (events.length > 0) onPairs(events.map(changeOf));
    });
    throw new Error('the watch ended');
  }

  async #ask(path: string, body: unknown, signal: AbortSignal): Promise<JsonMembers> {
    const { timeoutMs } = this.#options;
    const answer = await this.#api.ask({ path, body, headers: this.#headers, timeoutMs, signal });
    if (answer.status !== 200) throw refusalOf(answer);
    return membersOf(answer.json);
  }
}

/** Every key that begins with a prefix: up to the prefix with its last byte raised, which is never 255 in UTF-8. */
function prefixRange(prefix: string): { key: string; range_end: string } {
  const key = Buffer.from(prefix);
  const end = Buffer.from(key);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return { key: key.toString('base64'), range_end: end.toString('base64') };
}

function refusalOf({ status, json }: ApiAnswer): Error {
  const { error } = membersOf(json);
  return typeof error === 'string' ? new Error(`status ${status}, ${error}`) : new ApiStatusError(status);
}

/** @throws {Error} where there is none, since the answer is none of etcd. */
function revisionOf(header: unknown): bigint {
  const { revision } = membersOf(header);
  if (typeof revision !== 'string' || !/^\d{1,19}$/.test(revision)) throw new Error('the answer has no revision');
  return BigInt(revision);
}

function pairOf(pair: unknown): EtcdPair {
  const { key, value = '' } = membersOf(pair);
  if (typeof key !== 'string' || typeof value !== 'string') throw new Error('the answer has a key that is no text');
  return { key, value };
}

/** A lease that ends deletes its keys. */
function changeOf(event: unknown): EtcdPair {
  const { type, kv } = membersOf(event);
  const pair = pairOf(kv);
  return type === 'DELETE' ? { key: pair.key, value: null } : pair;
}

function messageOf(error: unknown): string {
  const message = typeof error === 'string' ? error : membersOf(error).message;
  return typeof message === 'string' ? message : 'without a reason';
}
