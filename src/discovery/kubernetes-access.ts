import { readFile } from 'node:fs/promises';
import { ApiClient } from './api-client.js';
import { clusterUrl, isDnsLabel, type KubernetesSourceOptions } from './kubernetes-options.js';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What it takes to ask for the EndpointSlices of a service. */
export interface KubernetesAccess {
  readonly client: ApiClient;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the collection, without a query. */
  readonly path: string;
}

/**
 * Makes a function that reads what a pod has been given, anew each time: the kubelet replaces tokens before they
 * expire, and expects programs to load them again.
 * https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/ (token projection)
 */
export function kubernetesAccess(options: KubernetesSourceOptions): () => Promise<KubernetesAccess> {
  const { url = clusterUrl(), token, tokenPath, tls, namespace, clock } = options;
  // A token that the user has not spoken of goes to the cluster's own server alone.
  const account = options.serviceAccountPath ?? (options.url === undefined ? SERVICE_ACCOUNT : null);
  const tokenFile = tokenPath ?? (account === null ? null : `${account}/token`);

  return async function connect() {
    const bearer = token ?? (tokenFile === null ? null : await readToken(tokenFile));
    const ca = tls?.ca ?? (account === null ? null : await readFile(`${account}/ca.crt`));
    const space = namespace ?? (await readNamespace(`${account ?? SERVICE_ACCOUNT}/namespace`));
    return {
      client: new ApiClient({ url, tls: { ...tls, ...(ca !== null && { ca }) }, ...(clock && { clock }) }),
      headers: bearer === null ? {} : { authorization: `Bearer ${bearer}` },
      path: `/apis/discovery.k8s.io/v1/namespaces/${space}/endpointslices`,
    };
  };
}

async function readToken(path: string): Promise<string> {
  const token = (await readFile(path, 'utf8')).trim();
  if (!/^[!-~]+$/.test(token)) throw new Error(`there is no token in ${path}`);
  return token;
}

async function readNamespace(path: string): Promise<string> {
  let namespace: string;
  try {
    namespace = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'default';
    throw error;
  }
  if (!isDnsLabel(namespace)) throw new Error(`there is no name of a namespace in ${path}`);
  return namespace;
}
