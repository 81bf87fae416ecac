import type { PoolFigures } from '../core/pool-figures.js';
import type { UpstreamReport } from '../core/upstream-report.js';
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
  /** Where each upstream is, and what its targets do, by its name. */
  readonly upstreams: Readonly<Record<string, UpstreamReport>>;
  /** What goes on in the connections to each origin. */
  readonly pools: Readonly<Record<string, PoolFigures>>;
}
