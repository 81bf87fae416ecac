import type { Context, Outcome } from '../core/context.js';
import { REFUSALS } from '../core/errors.js';
import { BoundedTable, OTHER } from './bounded-table.js';
import type { CounterSeries } from './counter-series.js';
import { DurationTable } from './duration-table.js';
import type { Counter, Histogram } from './metric.js';
import type { MetricsRegistry } from './registry.js';

/** The metrics that tell routes apart. */
export interface RouteFamilies {
  readonly durations: Histogram;
  readonly refusals: Counter;
  readonly cacheRequests: Counter;
  readonly retries: Counter;
  readonly requestBytes: Counter;
  readonly responseBytes: Counter;
  readonly clientAborts: Counter;
}

export function routeFamilies(registry: MetricsRegistry, buckets: readonly number[]): RouteFamilies {
  const byRoute = (name: string, help: string, ...more: readonly string[]): Counter =>
    registry.counter({ name, help, labels: ['http_route', ...more] });
  return {
    durations: registry.histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Time from a request to the last byte of its answer; 4xx has the clients that left, too.',
      labels: ['http_request_method', 'http_route', 'http_response_status_code'],
      buckets,
    }),
    refusals: byRoute('gateway_refusals_total', 'Requests that the gateway answered itself, by its code.', 'code'),
    cacheRequests: byRoute(
      'gateway_cache_requests_total',
      'Requests that a cache has seen, by what it found.',
      'status',
    ),
    retries: byRoute('gateway_retries_total', 'Calls of upstreams beyond the first one of an exchange.'),
    requestBytes: byRoute('gateway_request_body_bytes_total', 'Bytes of the bodies of requests.'),
    responseBytes: byRoute('gateway_response_body_bytes_total', 'Bytes of the bodies of answers.'),
    clientAborts: byRoute('gateway_client_aborts_total', 'Clients that left before they had all of their answer.'),
  };
}

const CODES = Object.keys(REFUSALS).length;

/** What the word of a cache looks like, and how many are told apart on a route. */
const CACHE_WORD = /^[a-z][a-z_-]{0,23}$/;
const MAX_CACHE_WORDS = 16;

/** The handles of one route. */
export class RouteSeries {
  readonly #durations: DurationTable;
  readonly #refusals: BoundedTable<CounterSeries>;
  readonly #cacheRequests: BoundedTable<CounterSeries>;
  readonly #retries: CounterSeries;
  readonly #requestBytes: CounterSeries;
  readonly #responseBytes: CounterSeries;
  readonly #clientAborts: CounterSeries;

  constructor(families: RouteFamilies, route: string) {
    this.#durations = new DurationTable((method, status) => families.durations.series(method, route, status));
    this.#refusals = new BoundedTable(CODES, (code) => families.refusals.series(route, code));
    this.#cacheRequests = new BoundedTable(MAX_CACHE_WORDS, (word) => families.cacheRequests.series(route, word));
    this.#retries = families.retries.series(route);
    this.#requestBytes = families.requestBytes.series(route);
    this.#responseBytes = families.responseBytes.series(route);
    this.#clientAborts = families.clientAborts.series(route);
  }

  /** Adds an exchange that is over. */
  record(ctx: Context, { status, aborted, bytesIn = 0, bytesOut = 0 }: Outcome, durationMs: number): void {
    const { refusal, cache, attempt } = ctx;
    this.#durations.observe(ctx.request.method, status, durationMs);
    if (refusal !== null) this.#refusals.get(refusal).inc();
    if (cache !== null) this.#cacheRequests.get(CACHE_WORD.test(cache) ? cache : OTHER).inc();
    if (attempt > 1) this.#retries.inc(attempt - 1);
    if (bytesIn > 0) this.#requestBytes.inc(bytesIn);
    if (bytesOut > 0) this.#responseBytes.inc(bytesOut);
    // An upstream may say 499, too; then nobody has left.
    if (aborted && status === 499) this.#clientAborts.inc();
  }
}
