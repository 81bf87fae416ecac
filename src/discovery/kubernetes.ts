import { validate } from '../core/options.js';
import { apiFailure } from './api-failure.js';
import { kubernetesAccess } from './kubernetes-access.js';
import { clusterUrl, kubernetesSourceSchema, type KubernetesSourceOptions } from './kubernetes-options.js';
import { EndpointSliceWatch } from './kubernetes-watch.js';
import type { DiscoverySource } from './source.js';
import { watchLoop } from './watch-loop.js';

/**
 * The pods of a Kubernetes service, from its EndpointSlices: those that are ready, with the zones that they are in.
 * Connections then go to pods, past the address of the service, so that each request can be balanced.
 *
 * In a pod it needs nothing but the name. Its service account must be allowed to `list` and `watch` `endpointslices` of
 * `discovery.k8s.io`.
 *
 * @throws {ConfigError} when an option is wrong, and without `url` outside of a cluster.
 *
 * @example
 * const source = kubernetesSource({ service: 'users', port: 'http' });
 */
export function kubernetesSource(options: KubernetesSourceOptions): DiscoverySource {
  validate('kubernetesSource', options, kubernetesSourceSchema);
  const connect = kubernetesAccess(options);
  const { origin } = new URL(options.url ?? clusterUrl());

  return {
    name: 'kubernetes',
    subscribe(onTargets, onError) {
      function tell(error: Error): void {
        onError(apiFailure(origin, error));
      }

      const watch = new EndpointSliceWatch(options, onTargets, tell);

      async function round(signal: AbortSignal): Promise<number> {
        return watch.round(await connect(), signal);
      }

      return watchLoop(round, tell, options);
    },
  };
}
