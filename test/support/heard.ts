import type { TargetOptions } from '../../src/core/target-options.js';
import type { DiscoverySource } from '../../src/discovery/source.js';

/** What a source has told. */
export interface Heard {
  /** Of every set, the URLs in order. */
  readonly sets: readonly (readonly string[])[];
  /** The last set, `null` before there is one. */
  readonly targets: readonly TargetOptions[] | null;
  /** URLs of the last set. */
  readonly urls: readonly string[] | null;
  readonly errors: readonly string[];
  stop(): void;
}

/** Subscribes and keeps everything. */
export function listenTo(source: DiscoverySource): Heard {
  const sets: string[][] = [];
  const errors: string[] = [];
  let targets: readonly TargetOptions[] | null = null;
  const stop = source.subscribe(
    (told) => {
      targets = told;
      sets.push(told.map(({ url }) => url).sort());
    },
    ({ message }) => errors.push(message),
  );
  return {
    sets,
    errors,
    get targets() {
      return targets;
    },
    get urls() {
      return sets.at(-1) ?? null;
    },
    stop,
  };
}
