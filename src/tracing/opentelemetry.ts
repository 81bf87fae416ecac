import type * as OpenTelemetry from '@opentelemetry/api';
import { loadPeer } from '../core/load-peer.js';
import type { TracingOptions } from './options.js';

/**
 * What `import * as api from '@opentelemetry/api'` gives; only to be passed in where the package cannot be found, in a
 * bundle say.
 */
export interface OpenTelemetryApi {
  readonly trace: object;
  readonly context: object;
  readonly createTraceState: (raw?: string) => object;
}

/** The API that the option names; `null` where there is none, or none is wanted. */
export function findOpenTelemetry(option: TracingOptions['opentelemetry']): typeof OpenTelemetry | null {
  if (option === false) return null;
  const api = typeof option === 'object' ? option : loadPeer('@opentelemetry/api');
  return api as typeof OpenTelemetry | null;
}

/** True for an object with what is needed of the API. */
export function isOpenTelemetryApi(value: unknown): boolean {
  const api = value as Partial<Record<string, Partial<Record<string, unknown>>>> | null | undefined;
  const needed = [api?.trace?.getTracer, api?.context?.with, api?.createTraceState, api?.ProxyTracer];
  return needed.every((part) => typeof part === 'function');
}
