import type { Attempt, AttemptObserver } from '../core/attempt.js';
import type { Context } from '../core/context.js';
import { isGatewayError, isRefusalCode } from '../core/errors.js';
import { workLater } from '../core/late-work.js';
import { serverAddress, type ServerAddress } from '../core/server-address.js';
import { BoundedTable, OTHER } from './bounded-table.js';
import { DurationTable } from './duration-table.js';
import type { Histogram } from './metric.js';
import type { MetricsRegistry } from './registry.js';

/** How long calls of upstreams take, each attempt by itself. */
export class UpstreamMetrics implements AttemptObserver {
  /** By origin. */
  readonly #upstreams: BoundedTable<UpstreamSeries>;

  constructor(registry: MetricsRegistry, buckets: readonly number[]) {
    const durations = registry.histogram({
      name: 'http_client_request_duration_seconds',
      help: 'Time of a call of an upstream, to the last byte of its answer or to its failure.',
      labels: ['http_request_method', 'server_address', 'server_port', 'http_response_status_code', 'error_type'],
      buckets,
    });
    this.#upstreams = new BoundedTable(registry.maxSeries, (origin) => new UpstreamSeries(durations, origin));
  }

  onAttemptEnd(_ctx: Context, attempt: Attempt): void {
    workLater(() => {
      this.#upstreams.get(attempt.origin).record(attempt);
    });
  }
}

/** The handles of one upstream. */
class UpstreamSeries {
  readonly #byErrorType = new Map<string, DurationTable>();
  readonly #durations: Histogram;
  readonly #server: ServerAddress;

  constructor(durations: Histogram, origin: string) {
    this.#durations = durations;
    this.#server = serverAddress(origin) ?? { address: OTHER, port: '' };
  }

  record({ method, status, error, startedAt, endedAt }: Attempt): void {
    this.#table(errorType(error)).observe(method, status, endedAt - startedAt);
  }

  #table(type: string): DurationTable {
    let table = this.#byErrorType.get(type);
    if (table === undefined) {
      table = new DurationTable((method, statusClass) =>
        this.#durations.series(method, this.#server.address, this.#server.port, statusClass, type),
      );
      this.#byErrorType.set(type, table);
    }
    return table;
  }
}

/** The gateway's own code, of which there are so many; `_OTHER` is OpenTelemetry's word for what has none. */
function errorType(error: Error | null): string {
  if (error === null) return '';
  return isGatewayError(error) && isRefusalCode(error.code) ? error.code : '_OTHER';
}
