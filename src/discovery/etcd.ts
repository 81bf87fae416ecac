import { systemClock } from '../core/clock.js';
import { validate } from '../core/options.js';
import { apiFailure } from './api-failure.js';
import { EtcdClient } from './etcd-client.js';
import { etcdSourceSchema, type EtcdSourceOptions } from './etcd-options.js';
import { EtcdTargets } from './etcd-targets.js';
import type { DiscoverySource, TargetsListener } from './source.js';
import { leftOutText } from './target-fault.js';
import { watchLoop } from './watch-loop.js';

/**
 * The targets that stand below a prefix of etcd v3 (3.4 and later), one per key: a URL, or `TargetOptions` as JSON. A
 * key with a lease goes when its service stops to renew it.
 *
 * All keys are read at one revision, and watched from there on. After every break they are read again: what happened
 * meanwhile is in them, whether it was compacted or not, and a store that was restored or emptied cannot be taken for
 * the one before, with which it can share the cluster id and the revision.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const source = etcdSource({ endpoints: ['http://etcd-1:2379', 'http://etcd-2:2379'], prefix: '/services/users/' });
 * const users = new Discovery({ source, allowedAddresses: ['10.0.0.0/8'] });
 */
export function etcdSource(options: EtcdSourceOptions): DiscoverySource {
  validate('etcdSource', options, etcdSourceSchema);
  return {
    name: 'etcd',
    subscribe(onTargets, onError) {
      const watch = new EtcdWatch(options, onTargets, onError);
      return watchLoop((signal) => watch.round(signal), onError, options);
    },
  };
}

class EtcdWatch {
  readonly #clients: readonly EtcdClient[];
  readonly #targets: EtcdTargets;
  readonly #onTargets: TargetsListener;
  readonly #onError: (error: Error) => void;
  #failures = 0;

  constructor(options: EtcdSourceOptions, onTargets: TargetsListener, onError: (error: Error) => void) {
    const { endpoints, prefix, username, password = '', parse } = options;
    const { tls = {}, clock = systemClock, timeoutMs = 10_000, idleMs = 1_200_000 } = options;
    const credentials = username === undefined ? null : { name: username, password };
    const shared = { prefix, credentials, tls, clock, timeoutMs, idleMs };
    this.#clients = [endpoints].flat().map((url) => new EtcdClient({ ...shared, url }));
    this.#targets = new EtcdTargets(parse);
    this.#onTargets = onTargets;
    this.#onError = onError;
  }

  /** Goes on as long as one member answers, and rejects then. */
  async round(signal: AbortSignal): Promise<never> {
    const client = this.#clients[this.#failures % this.#clients.length] as EtcdClient;
    try {
      await client.authenticate(signal);
      const { pairs, revision } = await client.range(signal);
      if (!signal.aborted) this.#tell(client, this.#targets.replace(pairs));
      return await client.watch(revision, signal, (changes) => {
        if (!signal.aborted) this.#tell(client, this.#targets.apply(changes));
      });
    } catch (error) {
      this.#failures++;
      throw apiFailure(client.origin, error);
    }
  }

  /** The targets come last: with those that are left out the source is well all the same. */
  #tell({ origin }: EtcdClient, faults: readonly string[]): void {
    if (faults.length > 0) this.#onError(apiFailure(origin, leftOutText(faults)));
    this.#onTargets(this.#targets.list());
  }
}
