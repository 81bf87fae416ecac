export { Discovery, type DiscoveryReport } from './discovery.js';
export { dnsSource } from './dns.js';
export { dnsSourceFields, inspectDnsSourceOptions, type DnsRecordType, type DnsSourceOptions } from './dns-options.js';
export { fileSource, fileSourceFields, type FileSourceOptions } from './file.js';
export { kubernetesSource } from './kubernetes.js';
export {
  inspectKubernetesSourceOptions,
  kubernetesSourceFields,
  type KubernetesSourceOptions,
} from './kubernetes-options.js';
export { discoveryFields, inspectDiscoveryOptions, type DiscoveryEvent, type DiscoveryOptions } from './options.js';
export type { DiscoverySource, TargetsListener } from './source.js';
export { staticSource } from './static.js';
export { watchLoop, type WatchLoopOptions } from './watch-loop.js';
export { consulSource } from './consul.js';
export { consulSourceFields, inspectConsulSourceOptions, type ConsulSourceOptions } from './consul-options.js';
export { etcdSource } from './etcd.js';
export { etcdSourceFields, inspectEtcdSourceOptions, type EtcdParse, type EtcdSourceOptions } from './etcd-options.js';
