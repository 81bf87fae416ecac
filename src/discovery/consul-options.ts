import { boolean, list, milliseconds, object, oneOf, string, type Fault, type Schema } from '../core/options.js';
import { apiSourceFields, apiTokenField, apiUrlField, inspectApiSource, type ApiSourceOptions } from './api-options.js';

export interface ConsulSourceOptions extends ApiSourceOptions {
  /** Of an agent or a server, with a base path if it has one. @default 'http://127.0.0.1:8500' */
  url?: string;
  /** Name of the service. */
  service: string;
  /** Tags of which an instance must have every one. @default any */
  tags?: readonly string[];
  /** @default that of the agent */
  datacenter?: string;
  /** Namespace, with Consul Enterprise. @default that of the token */
  namespace?: string;
  /** ACL token with `service:read` and `node:read`. No log shows it. @default none */
  token?: string;
  /** Filter expression of Consul, such as `'Service.Meta.version == "2"'`. @default none */
  filter?: string;
  /**
   * False to take instances with a check that warns as well, by their `Weights.Warning`. An instance with a critical
   * check is never taken. @default true
   */
  onlyPassing?: boolean;
  /** `'stale'` = any server may answer, be it without a leader: less load, and news come a little later. @default 'default' */
  consistency?: 'default' | 'stale';
  /** How the instances are spoken to. @default 'http' */
  protocol?: 'http' | 'https';
  /** How long a query waits for news at Consul, in ms. From 1000 to 600000. @default 300000 */
  waitMs?: number;
}

const waitMs: Schema = {
  expected: 'a whole number from 1000 to 600000',
  accepts: (value) => milliseconds({ min: 1_000 }).accepts(value) && (value as number) <= 600_000,
};

const consulSourceFields = {
  ...apiSourceFields,
  url: apiUrlField,
  // Dots alone would be a step in the path of the query, encoded or not.
  service: string('the name of a service', (name) => !/^\.{0,2}$/.test(name)),
  tags: list(string()),
  datacenter: string(),
  namespace: string(),
  token: apiTokenField,
  filter: string(),
  onlyPassing: boolean,
  consistency: oneOf('default', 'stale'),
  protocol: oneOf('http', 'https'),
  waitMs,
} satisfies Record<keyof ConsulSourceOptions, Schema>;

const fields = object(consulSourceFields, { required: ['service'] });

/** Adds everything that is wrong with the options. */
function inspectConsulSourceOptions(options: ConsulSourceOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  inspectApiSource(options, at, faults);
}

export const consulSourceSchema: Schema = { ...fields, inspect: inspectConsulSourceOptions };
