import type { Part } from './protect.js';

/** A place in the order of a request. */
export interface Stage<Source> {
  readonly name: string;
  readonly reason: string;
  /** Its layers, the outermost first; none where the configuration turns it off. */
  readonly build: (source: Source) => readonly Part[];
}

/** A part that is on, under the name of its stage. */
export interface Layer extends Part {
  readonly name: string;
}

/** The layers that are on, the outermost first. */
export function buildLayers<Source>(stages: readonly Stage<Source>[], source: Source): Layer[] {
  return stages.flatMap(({ name, build }) => build(source).map((part) => ({ name, ...part })));
}
