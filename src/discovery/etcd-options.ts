import { either, func, list, member, milliseconds, object, string, type Fault, type Schema } from '../core/options.js';
import type { TargetEntry } from '../core/target-options.js';
import { apiSourceFields, apiUrlField, inspectApiSource, type ApiSourceOptions } from './api-options.js';

/** Reads the value of a key; `null` = it is no target, which is no fault. */
export type EtcdParse = (value: string, key: string) => TargetEntry | null;

export interface EtcdSourceOptions extends ApiSourceOptions {
  /** URLs of the members, such as `'http://127.0.0.1:2379'`. After a failure the next one is asked. */
  endpoints: string | readonly string[];
  /** What the keys of the targets begin with, such as `'/services/users/'`. */
  prefix: string;
  /** Needs `password`. @default none */
  username?: string;
  /** No log shows it. */
  password?: string;
  /**
   * Reads what stands in a key. What it throws is the reason why the key is left out. @default a URL as plain text, or
   * `TargetOptions` as JSON
   */
  parse?: EtcdParse;
  /**
   * Of silence of a watch, in ms, after which it is taken for dead. From 1 on; keep it above the time between two signs
   * of life of etcd, which is 10 minutes and up to a tenth more unless it is told otherwise. @default 1200000
   */
  idleMs?: number;
}

/** Says nothing of the value. */
const password: Schema = {
  expected: 'a string that is not empty',
  accepts: () => true,
  inspect(value: unknown, path, faults) {
    if (typeof value !== 'string' || value === '') faults.push({ path, message: `expected ${password.expected}` });
  },
};

const etcdSourceFields = {
  ...apiSourceFields,
  endpoints: either(apiUrlField, list(apiUrlField)),
  prefix: string(),
  username: string(),
  password,
  parse: func,
  idleMs: milliseconds(),
} satisfies Record<keyof EtcdSourceOptions, Schema>;

const fields = object(etcdSourceFields, { required: ['endpoints', 'prefix'] });

/** Adds everything that is wrong with the options. */
function inspectEtcdSourceOptions(options: EtcdSourceOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  inspectApiSource(options, at, faults);
  const { username, password: secret } = options;
  if (username !== undefined && secret === undefined)
    faults.push({ path: member(at, 'password'), message: 'missing beside username' });
  if (username === undefined && secret !== undefined)
    faults.push({ path: member(at, 'username'), message: 'missing beside password' });
}

export const etcdSourceSchema: Schema = { ...fields, inspect: inspectEtcdSourceOptions };
