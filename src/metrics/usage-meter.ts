import { createHistogram } from 'node:perf_hooks';
import type { Context, Outcome } from '../core/context.js';

/** What a route or a consumer has used. */
export interface Usage {
  /** Exchanges that are over. */
  readonly requests: number;
  /** Those that ended with a 5xx. */
  readonly errors: number;
  /** Those that the gateway answered itself, with a refusal. */
  readonly refused: number;
  /** Of the bodies of requests. */
  readonly bytesIn: number;
  /** Of the bodies of answers. */
  readonly bytesOut: number;
  readonly latency: LatencySummary;
}

/** From a request to the last byte of its answer, in ms. Quantiles are at most 1% too high. */
export interface LatencySummary {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Ten minutes, in microseconds: what took longer counts as that in the quantiles. */
const HIGHEST_US = 600_000_000;

/** Adds up the exchanges of one route or consumer, in about 30 KB. */
export class UsageMeter {
  readonly #latency = createHistogram({ lowest: 1, highest: HIGHEST_US, figures: 2 });
  #requests = 0;
  #errors = 0;
  #refused = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #totalMs = 0;
  #maxMs = 0;

  record({ refusal }: Context, { status, bytesIn, bytesOut }: Outcome, durationMs: number): void {
    this.#requests++;
    if (status >= 500) this.#errors++;
    if (refusal !== null) this.#refused++;
    this.#bytesIn += bytesIn ?? 0;
    this.#bytesOut += bytesOut ?? 0;
    this.#totalMs += durationMs;
    if (durationMs > this.#maxMs) this.#maxMs = durationMs;
    this.#latency.record(Math.min(Math.max(1, Math.round(durationMs * 1_000)), HIGHEST_US));
  }

  snapshot(): Usage {
    return {
      requests: this.#requests,
      errors: this.#errors,
      refused: this.#refused,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      latency: {
        mean: this.#totalMs / this.#requests,
        p50: this.#quantile(50),
        p90: this.#quantile(90),
        p95: this.#quantile(95),
        p99: this.#quantile(99),
        max: this.#maxMs,
      },
    };
  }

  #quantile(percentile: number): number {
    return Math.min(this.#latency.percentile(percentile) / 1_000, this.#maxMs);
  }
}
