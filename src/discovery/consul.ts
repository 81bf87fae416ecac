import { systemClock, type Clock } from '../core/clock.js';
import { validate } from '../core/options.js';
import { ApiClient, ApiStatusError, type ApiAnswer } from './api-client.js';
import { apiFailure } from './api-failure.js';
import { readConsulInstances, type ConsulInstances } from './consul-instances.js';
import { consulSourceSchema, type ConsulSourceOptions } from './consul-options.js';
import type { DiscoverySource, TargetsListener } from './source.js';
import { leftOutText } from './target-fault.js';
import { watchLoop } from './watch-loop.js';

/** Queries that may follow each other at once; news in a burst are told without a wait. */
const BURST = 5;
/** From then on there is one query per this time: what changes all the time is polled. */
const POLL_MS = 5_000;

/**
 * The instances of a service that Consul holds for healthy, by blocking queries of its health API. It goes by the rules
 * for them (https://developer.hashicorp.com/consul/api-docs/features/blocking): an index that goes backwards is
 * forgotten, one below 1 is taken for 1, and the loop has a rate limit.
 *
 * The address of an instance is that of the service, or else of its node; its weight is `Weights.Passing`, or
 * `Weights.Warning` where a check warns; its zone is `zone` in the metadata of the service, or else of the node.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const users = new Discovery({ source: consulSource({ service: 'users', tags: ['v2'] }), allowedAddresses: ['10.0.0.0/8'] });
 */
export function consulSource(options: ConsulSourceOptions): DiscoverySource {
  validate('consulSource', options, consulSourceSchema);
  return {
    name: 'consul',
    subscribe(onTargets, onError) {
      const watch = new ConsulWatch(options, onTargets, onError);
      return watchLoop((signal) => watch.round(signal), onError, options);
    },
  };
}

class ConsulWatch {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #origin: string;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #protocol: 'http' | 'https';
  readonly #timeoutMs: number;
  readonly #waitMs: number;
  readonly #onTargets: TargetsListener;
  readonly #onError: (error: Error) => void;
  /** Of what was heard last; 0 = nothing, so that the answer comes at once. */
  #index = 0;
  /** When a whole burst will be allowed again. */
  #restedAt: number;
  /** Why instances are left out, as told already. */
  #faults: ReadonlySet<string> = new Set();

  constructor(options: ConsulSourceOptions, onTargets: TargetsListener, onError: (error: Error) => void) {
    const { url = 'http://127.0.0.1:8500', token, tls = {}, clock = systemClock, protocol = 'http' } = options;
    const { timeoutMs = 10_000, waitMs = 300_000 } = options;
    this.#client = new ApiClient({ url, tls, clock });
    this.#clock = clock;
    this.#origin = new URL(url).origin;
    this.#path = queryPath(options);
    this.#headers = token === undefined ? {} : { 'x-consul-token': token };
    this.#protocol = protocol;
    this.#timeoutMs = timeoutMs;
    this.#waitMs = waitMs;
    this.#onTargets = onTargets;
    this.#onError = onError;
    this.#restedAt = clock.now();
  }

  /** One query. @returns Milliseconds until the next. */
  async round(signal: AbortSignal): Promise<number> {
    try {
      const answer = await this.#ask(signal);
      const instances = instancesOf(answer, this.#protocol);
      const index = indexOf(answer);
      this.#index = index < this.#index ? 0 : index;
      if (!signal.aborted) this.#tell(instances);
    } catch (error) {
      // What answers next may be another Consul, or the same one with older data.
      this.#index = 0;
      throw apiFailure(this.#origin, error);
    }
    return this.#paceMs();
  }

  #ask(signal: AbortSignal): Promise<ApiAnswer> {
    const request = { headers: this.#headers, signal };
    if (this.#index === 0) return this.#client.ask({ ...request, path: this.#path, timeoutMs: this.#timeoutMs });
    const path = `${this.#path}&index=${this.#index}&wait=${this.#waitMs}ms`;
    // Consul adds up to a sixteenth to the time that it waits.
    return this.#client.ask({ ...request, path, timeoutMs: Math.ceil(this.#waitMs * (17 / 16)) + this.#timeoutMs });
  }

  /** The targets come last: with those that are left out the source is well all the same. */
  #tell({ targets, faults }: ConsulInstances): void {
    const news = [...faults].filter((fault) => !this.#faults.has(fault));
    this.#faults = faults;
    if (news.length > 0) this.#onError(apiFailure(this.#origin, leftOutText(news)));
    this.#onTargets(targets);
  }

  #paceMs(): number {
    const now = this.#clock.now();
    this.#restedAt = Math.max(this.#restedAt, now) + POLL_MS;
    return Math.max(0, this.#restedAt - now - BURST * POLL_MS);
  }
}

/** @throws {Error} where the answer says nothing of the instances. */
function instancesOf({ status, headers, json }: ApiAnswer, protocol: 'http' | 'https'): ConsulInstances {
  if (status !== 200) throw new ApiStatusError(status);
  const instances = readConsulInstances(json, protocol);
  // Consul leaves out what a token may not read, and answers 200 all the same.
  if (instances.targets.length === 0 && headers['x-consul-results-filtered-by-acls'] === 'true')
    throw new Error('the token may not read the instances of the service');
  return instances;
}

/** 1 where the answer names none: it is always safe, while 0 would never wait. */
function indexOf({ headers }: ApiAnswer): number {
  const index = Number(headers['x-consul-index']);
  return Number.isSafeInteger(index) ? Math.max(1, index) : 1;
}

function queryPath(options: ConsulSourceOptions): string {
  const { service, tags = [], datacenter, namespace, filter, onlyPassing = true, consistency } = options;
  const query = new URLSearchParams(tags.map((tag): [string, string] => ['tag', tag]));
  if (datacenter !== undefined) query.set('dc', datacenter);
  if (namespace !== undefined) query.set('ns', namespace);
  if (filter !== undefined) query.set('filter', filter);
  if (onlyPassing) query.set('passing', '1');
  // The default mode is the one that no parameter names.
  if (consistency === 'stale') query.set('stale', '1');
  return `/v1/health/service/${encodeURIComponent(service)}?${query.toString()}`;
}
