import type { PoolFigures } from '../core/pool-figures.js';
import type { UsageSnapshot } from '../metrics/index.js';

/** What a gateway does, and what it has done since its start. Usage is counted where `metrics` is on. */
export interface GatewayStats extends UsageSnapshot {
  /** Whole seconds since the gateway was built. */
  readonly uptime: number;
  /** Requests with a route that are under way. */
  readonly inFlight: number;
  /** State of each circuit, by name. */
  readonly circuits: Readonly<Record<string, string>>;
  /** Requests that each limit has refused, or would have in dry run, by its name. */
  readonly refused: Readonly<Record<string, number>>;
  /** What goes on in the connections to each upstream, by origin. */
  readonly upstreams: Readonly<Record<string, PoolFigures>>;
}
