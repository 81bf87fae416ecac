import type { Clock } from '../core/clock.js';
import {
  boolean,
  clockField,
  either,
  func,
  integer,
  list,
  literal,
  member,
  milliseconds,
  object,
  record,
  show,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { parseTarget } from '../core/path.js';
import type { MaybePromise } from '../core/types.js';
import { viewersField, type Viewers } from '../core/viewers.js';
import type { HealthDetails } from './report.js';

/** What a check has found: `true` or nothing where all is well. The message is shown to those who may see details. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- `async () => { await ping(); }` is a check.
export type HealthCheckOutcome = boolean | void | { readonly healthy: boolean; readonly message?: string };

/**
 * Looks at something that the process leans on. A throw or a rejection says that it has failed, and so does anything
 * that is no outcome. `signal` is aborted at the time limit and when health is closed.
 */
export type HealthCheckFunction = (signal: AbortSignal) => MaybePromise<HealthCheckOutcome>;

/** A check with limits of its own. */
export interface HealthCheckOptions {
  /** What is called when somebody asks; it must not block the event loop, since no time limit can end that. */
  check: HealthCheckFunction;
  /**
   * How long requests wait for the check, in ms; then it counts as failed, and is not started again before it has come
   * to an end. From 1 on. Stay below the time limit of whatever probes, which for Kubernetes is 1000. @default 2000
   */
  timeoutMs?: number;
  /**
   * How long what it found is kept, in ms, good or bad: however often strangers ask, the check does not run more often.
   * A whole number from 0 on; 0 = strangers make it run at will, though never twice at once. @default 5000
   */
  cacheMs?: number;
  /** True where the process can do nothing without it: while it fails, it is not ready. @default false */
  critical?: boolean;
}

/** A check with the defaults of its options, or one with options. */
export type HealthCheck = HealthCheckFunction | HealthCheckOptions;

/** What the engine knows and runs; what of it is shown, and where, is of {@link HealthOptions}. */
export interface HealthEngineOptions {
  /** What the process knows already; called for each report. It must not throw. @default nothing */
  details?: () => Partial<HealthDetails>;
  /** Checks by name. @default none */
  checks?: Readonly<Record<string, HealthCheck>>;
  /** @default systemClock */
  clock?: Clock;
}

/** Where the endpoints are, and who sees what. Paths are compared exactly, without the query. */
export interface HealthOptions {
  /** Where the report is. @default '/health' */
  path?: string;
  /** Where the process tells that it runs; `false` = nowhere. @default ['/livez', '/healthz'] */
  livePath?: string | readonly string[] | false;
  /** Where it tells whether it wants traffic; `false` = nowhere. @default '/readyz' */
  readyPath?: string | readonly string[] | false;
  /** Who sees more than the status, uptime and time: names of services, messages of checks. @default false, nobody */
  details?: Viewers;
  /** Name of the service, shown among the details. @default none */
  service?: string;
  /** Its version, shown among the details. @default none */
  version?: string;
  /** Checks by name, added to those of the engine. @default none */
  checks?: Readonly<Record<string, HealthCheck>>;
}

const path = string("a path from '/' on, as requests are compared: in normal form, without query", (text) => {
  return parseTarget(text)?.path === text;
});
const paths = either(path, list(path), literal(false));

const checkFields = object(
  {
    check: func,
    timeoutMs: milliseconds(),
    cacheMs: integer(),
    critical: boolean,
  } satisfies Record<keyof HealthCheckOptions, Schema>,
  { required: ['check'] },
);

/** A function, or an object with one. */
export const healthCheckField = either(func, checkFields);

/** Schemas of the options of the engine, by name. */
export const healthEngineFields = {
  details: func,
  checks: record(healthCheckField),
  clock: clockField,
} satisfies Record<keyof HealthEngineOptions, Schema>;

const healthFields = {
  path,
  livePath: paths,
  readyPath: paths,
  details: viewersField,
  service: string(),
  version: string(),
  checks: record(healthCheckField),
} satisfies Record<keyof HealthOptions, Schema>;

/** The paths of each endpoint, by the option that names them. */
export function endpointPaths({
  path = '/health',
  livePath = ['/livez', '/healthz'],
  readyPath = '/readyz',
}: HealthOptions): Readonly<Record<'path' | 'livePath' | 'readyPath', readonly string[]>> {
  return { path: [path], livePath: pathList(livePath), readyPath: pathList(readyPath) };
}

function pathList(given: string | readonly string[] | false): readonly string[] {
  return given === false ? [] : [given].flat();
}

/** Every path that `GET` and `HEAD` are answered on. */
export function healthPaths(options: HealthOptions = {}): string[] {
  return Object.values(endpointPaths(options)).flat();
}

const fields = object(healthFields);

/** Adds everything that is wrong with the options. */
export function inspectHealthOptions(options: HealthOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  const owners = new Map<string, string>();
  for (const [name, given] of Object.entries(endpointPaths(options))) {
    for (const one of given) {
      const owner = owners.get(one);
      const message = `has ${show(one)}, which ${owner} has already; give one of the two another path`;
      if (owner === undefined) owners.set(one, name);
      else faults.push({ path: member(at, name), message });
    }
  }
}

export const healthSchema: Schema = { ...fields, inspect: inspectHealthOptions };
