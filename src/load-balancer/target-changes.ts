import { compileHook } from '../core/hook.js';
import type { TargetState } from '../core/upstream-report.js';
import type { BalancerTarget } from './balancer-target.js';

/** A step of a target from one state to another. */
export interface TargetChange {
  readonly url: string;
  /** `null` = it was added. */
  readonly from: TargetState | null;
  /** `null` = it was removed. */
  readonly to: TargetState | null;
  /** Why it is out; `null` where it is not. */
  readonly reason: string | null;
}

export type TargetChangeListener = (change: TargetChange) => unknown;

const runListener = compileHook('A listener of onChange');

/** Tells listeners of every step of a target, once. */
export class TargetChanges {
  readonly #listeners = new Set<TargetChangeListener>();
  readonly #told = new Map<BalancerTarget, TargetState>();

  listen(listener: TargetChangeListener): () => void {
    // A function of its own, so that one listener given twice is heard twice and ends apart.
    const own: TargetChangeListener = (change) => listener(change);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Tells the state of a target, where it is another one than was told last. */
  look(target: BalancerTarget, now: number): void {
    const from = this.#told.get(target) ?? null;
    const to = target.stateAt(now);
    if (from === to) return;
    this.#told.set(target, to);
    this.#tell({ url: target.url, from, to, reason: target.reason });
  }

  remove(target: BalancerTarget): void {
    const from = this.#told.get(target) ?? null;
    if (this.#told.delete(target)) this.#tell({ url: target.url, from, to: null, reason: null });
  }

  close(): void {
    this.#listeners.clear();
    this.#told.clear();
  }

  #tell(change: TargetChange): void {
    for (const listener of this.#listeners) runListener(() => listener(change));
  }
}
