import { either, integer, list, member, object, oneOf, string, type Fault, type Schema } from '../core/options.js';
import { apiSourceFields, apiTokenField, apiUrlField, inspectApiSource, type ApiSourceOptions } from './api-options.js';

export interface KubernetesSourceOptions extends Omit<ApiSourceOptions, 'tls'> {
  /** Name of the service, of which the EndpointSlices carry the label `kubernetes.io/service-name`. */
  service: string;
  /** Of the service. @default that of the pod, and `'default'` outside of one */
  namespace?: string;
  /**
   * Port of the pods: its name in the service, or its number, from 1 to 65535. By number it need not be declared, where
   * a service declares none. @default the first TCP port
   */
  port?: string | number;
  /** How the pods are spoken to. @default 'https' where the `appProtocol` of the port is `https`, else 'http' */
  protocol?: 'http' | 'https';
  /** Which addresses of a service that has both are used; a pod has one of each. @default 'IPv4' where it has them */
  family?: 'IPv4' | 'IPv6';
  /** Only endpoints in these zones. @default all, those in no zone as well */
  zones?: readonly string[];
  /**
   * Of the API server, or of `kubectl proxy`. @default that of the cluster that the pod runs in, from
   * `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`
   */
  url?: string;
  /**
   * Folder of a service account with the files `token`, `ca.crt` and `namespace`, as every pod has it. They are read
   * again for each watch, since they are rotated. The account may `list` and `watch` `endpointslices`.
   * @default '/var/run/secrets/kubernetes.io/serviceaccount', of which token and CA go to no other `url` unasked
   */
  serviceAccountPath?: string;
  /** Bearer token, in the place of the service account's. No log shows it. */
  token?: string;
  /** File with a bearer token, read again for each watch, in the place of the service account's. */
  tokenPath?: string;
  /**
   * Towards an API server at an https:// URL.
   * @default the `ca` of the service account, where that is used, else what the system trusts
   */
  tls?: NonNullable<ApiSourceOptions['tls']>;
}

/** RFC 1123 2.1: what namespaces, services and ports are named. */
export function isDnsLabel(text: string): boolean {
  return /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/.test(text);
}

const dnsLabel = string('a name of a-z, 0-9 and -, at most 63 characters long', isDnsLabel);

const kubernetesSourceFields = {
  ...apiSourceFields,
  service: dnsLabel,
  namespace: dnsLabel,
  port: either(integer({ min: 1, max: 65_535 }), dnsLabel),
  protocol: oneOf('http', 'https'),
  family: oneOf('IPv4', 'IPv6'),
  zones: list(string()),
  url: apiUrlField,
  serviceAccountPath: string(),
  token: apiTokenField,
  tokenPath: string(),
} satisfies Record<keyof KubernetesSourceOptions, Schema>;

const fields = object(kubernetesSourceFields, { required: ['service'] });

/** Adds everything that is wrong with the options. */
function inspectKubernetesSourceOptions(options: KubernetesSourceOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  inspectApiSource(options, at, faults);
  if (options.token !== undefined && options.tokenPath !== undefined)
    faults.push({ path: member(at, 'tokenPath'), message: 'the token is given already; keep one of the two' });
  if (options.url === undefined && clusterUrl() === '')
    faults.push({
      path: member(at, 'url'),
      message: 'missing; this is no pod, since KUBERNETES_SERVICE_HOST is not set: write the URL of the API server',
    });
}

export const kubernetesSourceSchema: Schema = { ...fields, inspect: inspectKubernetesSourceOptions };

/**
 * Where a pod finds the API server; `''` outside of a pod.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export function clusterUrl({ KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env): string {
  if (!KUBERNETES_SERVICE_HOST) return '';
  const host = KUBERNETES_SERVICE_HOST.includes(':') ? `[${KUBERNETES_SERVICE_HOST}]` : KUBERNETES_SERVICE_HOST;
  return `https://${host}:${KUBERNETES_SERVICE_PORT || '443'}`;
}
