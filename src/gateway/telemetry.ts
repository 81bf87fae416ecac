/** Where the gateway writes what it does: its log, and traces. */
import type { Clock } from '../core/clock.js';
import { jsonLogger, toLogger, type AccessLogOptions, type Logger } from '../logger/index.js';
import { tracing, type TracingOptions } from '../tracing/index.js';
import type { GatewayConfig } from './config.js';
import type { Engines } from './engines.js';
import type { Part, PlannedRoute } from './protect.js';

/** Events go where the access log goes, unless they have a logger of their own. */
export function loggerOf({ accessLog = true, logger }: GatewayConfig, clock: Clock): Logger | null {
  const { sink, logger: own = logger }: AccessLogOptions = typeof accessLog === 'boolean' ? {} : accessLog;
  const given = logger ?? own;
  if (given !== undefined) return toLogger(given);
  if (accessLog === false) return null;
  return jsonLogger(sink === undefined ? { clock } : { clock, sink });
}

/** Lines go where the log of the gateway goes, unless the access log has a place of its own. */
export function logOptions(
  { logger }: GatewayConfig,
  engines: Engines,
  options: AccessLogOptions = {},
): AccessLogOptions {
  const { sink, redact = [] } = options;
  const shared = logger === undefined || sink !== undefined ? {} : { logger };
  return { ...shared, ...options, redact: [...redact, ...engines.credentialNames] };
}

/** One for all routes: what is random in it is drawn for many at a time. */
export function tracingPart({ config: { tracing: option = false }, engines }: PlannedRoute): Part[] {
  if (option === false) return [];
  const given: TracingOptions = option === true ? {} : option;
  const options = { ...given, redact: [...(given.redact ?? []), ...engines.credentialNames] };
  return [{ middleware: engines.share('tracing', null, () => tracing(options)) }];
}
