import type { AttemptObserver } from './attempt.js';

/**
 * Where an attempt goes, chosen by whatever balances and read by the proxy, which tells it of each of its calls from
 * start to end.
 */
export interface Destination extends AttemptObserver {
  /** `http://` or `https://` URL, with a base path if it has one. */
  readonly url: string;
  /**
   * Calls `listener` once, when nothing new is sent here any more: what is kept for it can go. At once where that is so
   * already.
   */
  onDeparture(listener: () => void): void;
}
