import { validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { Middleware } from '../core/types.js';
import { LoadMonitor } from './load-monitor.js';
import { loadSheddingSchema, SHED_FROM, type LoadSheddingOptions } from './options.js';

export type LoadShedding = Middleware & {
  readonly monitor: LoadMonitor;
  /** Ends the monitor, unless it is shared. */
  close(): void;
};

/**
 * Answers 503 at once while the process is too busy to answer in time, the least important requests first. A comparison
 * per request; the measuring is the monitor's.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const shedding = loadShedding({ priority: 'low' });
 * const handler = compose([shedding], proxy({ target: 'http://reports:3001' }));
 * // When the program ends: shedding.close();
 */
export function loadShedding(options: LoadSheddingOptions = {}): LoadShedding {
  validate('loadShedding', options, loadSheddingSchema);
  const { priority = 'normal', monitor: shared, ...own } = options;
  const monitor = shared ?? new LoadMonitor(own);
  const shedFrom = SHED_FROM[priority];

  const middleware: Middleware = function loadSheddingMiddleware(ctx, next) {
    return monitor.load < shedFrom ? next(ctx) : refuse(ctx, 'ERR_GATEWAY_OVERLOADED');
  };

  return Object.assign(middleware, {
    monitor,
    close() {
      if (shared === undefined) monitor.close();
    },
  });
}
