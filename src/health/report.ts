import type { PoolFigures } from '../core/pool-figures.js';
import type { UpstreamReport } from '../core/upstream-report.js';

/** What a process knows of what it leans on. */
export interface HealthDetails {
  /** State of each circuit breaker, by name. */
  readonly circuits: Readonly<Record<string, string>>;
  /** Whether the store of each limiter answers, by the limiter's name; limiters that count in memory have none. */
  readonly stores: Readonly<Record<string, 'up' | 'down'>>;
  /** From 1 on requests are shed, those of low priority first; `null` where load is not watched. */
  readonly load: number | null;
  /** Where each upstream is and how well, by its name. */
  readonly upstreams?: Readonly<Record<string, UpstreamReport>>;
  /** Connections to each origin. They say nothing of its health, and do not change the status. */
  readonly pools?: Readonly<Record<string, PoolFigures>>;
}

/** What is known of a check. */
export interface HealthCheckReport {
  /** `unknown` until it has run for the first time. */
  readonly status: 'up' | 'down' | 'unknown';
  /** While it is down, the process is not ready. */
  readonly critical: boolean;
  /** Why it is down, or what it told; without credentials, and at most 200 characters long. */
  readonly message: string | null;
  /** When this was found, as ISO 8601. */
  readonly checkedAt: string | null;
  /** How long it took, in whole ms. */
  readonly durationMs: number | null;
}

/**
 * How well a process does. `unhealthy` while it drains or a critical check is down: it wants no traffic. `degraded` while
 * another check or a store is down, a circuit is not closed, a target is out or an upstream without one, or requests are
 * shed: it wants traffic all the same.
 */
export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

/** How well a process does, and why. */
export interface HealthReport extends HealthDetails {
  readonly status: HealthStatus;
  /** True from the moment of `drain()` on. */
  readonly draining: boolean;
  /** Whole seconds since the start. */
  readonly uptime: number;
  /** ISO 8601. */
  readonly timestamp: string;
  /** What each check has found, by name. */
  readonly checks: Readonly<Record<string, HealthCheckReport>>;
}
