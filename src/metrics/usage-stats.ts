import type { Context, Outcome } from '../core/context.js';
import { finishLateWork } from '../core/late-work.js';
import { integer, object, validate, type Schema } from '../core/options.js';
import { BoundedTable } from './bounded-table.js';
import { UsageMeter, type Usage } from './usage-meter.js';

export interface UsageOptions {
  /** Consumers that are told apart, of about 30 KB each. A whole number from 1 on. @default 500 */
  maxConsumers?: number;
  /** Routes that are told apart, of about 30 KB each. A whole number from 1 on. @default 2000 */
  maxRoutes?: number;
}

/** Usage since the start, or since the last reset. Names beyond the bounds share `(other)`. */
export interface UsageSnapshot {
  /** By id of the route; `(none)` has what met no route. */
  readonly routes: Record<string, Usage>;
  /** By consumer, or by id of the identity where that names none; anonymous requests are in no entry. */
  readonly consumers: Record<string, Usage>;
}

/** Schemas of the options, by name, for those who put them into their own config. */
export const usageFields = {
  maxConsumers: integer({ min: 1 }),
  maxRoutes: integer({ min: 1 }),
} satisfies Record<keyof UsageOptions, Schema>;

/**
 * What each route and each consumer has used: requests, errors, bytes and latencies, as an API.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const usage = new UsageStats({ maxConsumers: 100 });
 * ctx.onFinish((ctx, outcome) => usage.record(ctx, outcome, ctx.finishedAt - ctx.startedAt));
 * usage.snapshot().routes.users?.latency.p99;
 */
export class UsageStats {
  readonly #routes: BoundedTable<UsageMeter>;
  readonly #consumers: BoundedTable<UsageMeter>;

  constructor(options: UsageOptions = {}) {
    validate('UsageStats', options, object(usageFields));
    const { maxConsumers = 500, maxRoutes = 2_000 } = options;
    this.#routes = new BoundedTable(maxRoutes, makeMeter);
    this.#consumers = new BoundedTable(maxConsumers, makeMeter);
  }

  /** Adds an exchange that is over. */
  record(ctx: Context, outcome: Outcome, durationMs: number): void {
    const { route, identity } = ctx;
    this.#routes.get(route === null ? '(none)' : route.id).record(ctx, outcome, durationMs);
    if (identity === null) return;
    this.#consumers.get(identity.consumer ?? identity.id).record(ctx, outcome, durationMs);
  }

  snapshot(): UsageSnapshot {
    finishLateWork();
    return { routes: snapshotOf(this.#routes), consumers: snapshotOf(this.#consumers) };
  }

  /** Forgets everything, names included. */
  reset(): void {
    finishLateWork();
    this.#routes.clear();
    this.#consumers.clear();
  }
}

function makeMeter(): UsageMeter {
  return new UsageMeter();
}

/** Names come from outside: without a prototype `__proto__` is a name as any other. */
function snapshotOf(meters: BoundedTable<UsageMeter>): Record<string, Usage> {
  const usages = Object.create(null) as Record<string, Usage>;
  for (const [name, meter] of meters.entries()) usages[name] = meter.snapshot();
  return usages;
}
