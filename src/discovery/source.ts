import type { TargetOptions } from '../core/target-options.js';

/** Takes the whole set of targets, every time that it has changed. */
export type TargetsListener = (targets: readonly TargetOptions[]) => void;

/**
 * Something that knows where a service is now: a registry, a file, a name server, or one of your own (labels of
 * containers, say).
 *
 * A source tells what it hears and goes on for good: after a failure it tries again by itself, later and later. It need
 * not compare, debounce or doubt: `Discovery` does, for all sources.
 */
export interface DiscoverySource {
  /** For logs and health: `consul`, `dns`. */
  readonly name: string;
  /**
   * Begins to watch. Tells every set of targets, and every failure, never before it has returned.
   *
   * @returns What ends the watch: nothing is told after it, and no timer, file or connection is left.
   */
  subscribe(onTargets: TargetsListener, onError: (error: Error) => void): () => void;
}
