/** How long to wait before a retry. */
export interface Backoff {
  /** Ceiling of the wait before the first retry, in ms. */
  readonly backoffMs: number;
  /** Ceiling of every wait, in ms. */
  readonly maxBackoffMs: number;
  /** From 0 on, below 1. */
  readonly random: () => number;
}

/**
 * The wait before a retry in ms: anything up to a ceiling that doubles each time. Clients that failed together come back
 * spread out.
 *
 * @param retry 0 for the first retry.
 */
export function backoffDelay(retry: number, { backoffMs, maxBackoffMs, random }: Backoff): number {
  return random() * Math.min(maxBackoffMs, backoffMs * 2 ** retry);
}
