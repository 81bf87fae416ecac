/**
 * - `healthy`: takes its whole part; nothing is known against it.
 * - `warming`: was added or came back a moment ago; its part grows.
 * - `ejected`: its calls went wrong; it is left out for a time.
 * - `unhealthy`: a check of its health says so.
 */
export type TargetState = 'healthy' | 'warming' | 'ejected' | 'unhealthy';

/** True for a target that gets no requests while others can have them. */
export function isOut(state: TargetState): boolean {
  return state === 'ejected' || state === 'unhealthy';
}

/** A target at a moment. */
export interface TargetReport {
  readonly url: string;
  readonly state: TargetState;
  /** Why it is out; `null` where it is not. */
  readonly reason: string | null;
  /** As configured. */
  readonly weight: number;
  /** The part of the requests that it gets by its weight, from 0 to 1, where zones play no role. */
  readonly share: number;
  /** `''` = nowhere. */
  readonly zone: string;
  readonly priority: number;
  /** Calls that have begun and not ended. */
  readonly inFlight: number;
  /** Calls that have ended, since it was added: each attempt of a request is one. */
  readonly requests: number;
  /** Those of them that failed. */
  readonly failures: number;
}

/** Where a service is at a moment, and how well. */
export interface UpstreamReport {
  /** How a target is chosen. */
  readonly balance: string;
  readonly targets: readonly TargetReport[];
  /** So many targets are out that they are used whatever their state. */
  readonly panicking: boolean;
  /** What is known of its discovery; `null` where its targets are configured. */
  readonly discovery: DiscoveryState | null;
}

/** How well the targets of an upstream are known. */
export interface DiscoveryState {
  readonly source: string;
  readonly state: string;
  /** Ms since the source last told a set that was believed; `null` = never. */
  readonly ageMs: number | null;
  /** Why the source is not believed; `null` while it is. */
  readonly error: string | null;
}
