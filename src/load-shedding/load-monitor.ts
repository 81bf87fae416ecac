import { systemClock, type Clock, type Timer } from '../core/clock.js';
import { object, validate } from '../core/options.js';
import { loadSheddingFields, type LoadMonitorOptions } from './options.js';
import { loopUtilization } from './loop-utilization.js';

/** What a monitor has seen of late. */
export interface LoadSnapshot {
  /** 1 = as much as the process is to bear. */
  readonly load: number;
  /** How late timers fire, smoothed, in ms. */
  readonly eventLoopDelayMs: number;
  /** Share of time in which the event loop works, smoothed, from 0 to 1. */
  readonly utilization: number;
}

/** What a new sample counts: a single pause, such as one of the garbage collector, says little. */
const WEIGHT = 0.3;

/**
 * Watches how busy the event loop of this process is. A timer of its own runs until `close()`; it does not keep the
 * process alive.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const monitor = new LoadMonitor({ maxEventLoopDelayMs: 50 });
 * if (monitor.load < 1) startAnotherJob();
 */
export class LoadMonitor {
  readonly #clock: Clock;
  readonly #maxDelayMs: number;
  readonly #maxUtilization: number;
  readonly #sampleMs: number;
  readonly #utilizationNow: () => number;
  #timer: Timer | null;
  #dueAt: number;
  #delayMs = 0;
  #utilization = 0;
  #load = 0;

  constructor(options: LoadMonitorOptions = {}) {
    validate('LoadMonitor', options, object(loadSheddingFields));
    const { maxEventLoopDelayMs = 100, maxUtilization = 0.98, sampleMs = 100, clock = systemClock } = options;
    this.#clock = clock;
    this.#maxDelayMs = maxEventLoopDelayMs;
    this.#maxUtilization = maxUtilization;
    this.#sampleMs = sampleMs;
    this.#utilizationNow = options.utilization ?? loopUtilization();
    this.#dueAt = clock.now() + sampleMs;
    this.#timer = clock.setTimer(() => {
      this.#sample();
    }, sampleMs);
  }

  /** Of the last sample, from 0 on; 1 = as much as the process is to bear. 0 when the monitor is closed. */
  get load(): number {
    return this.#load;
  }

  snapshot(): LoadSnapshot {
    return { load: this.#load, eventLoopDelayMs: this.#delayMs, utilization: this.#utilization };
  }

  /** Ends the timer. Nobody measures any more, so there is no load either. */
  close(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
    this.#delayMs = 0;
    this.#utilization = 0;
    this.#load = 0;
  }

  #sample(): void {
    const now = this.#clock.now();
    this.#delayMs = smooth(this.#delayMs, Math.max(0, now - this.#dueAt));
    this.#utilization = smooth(this.#utilization, this.#utilizationNow());
    const isBusy = this.#maxUtilization < 1 && this.#utilization >= this.#maxUtilization;
    this.#load = Math.max(this.#delayMs / this.#maxDelayMs, isBusy ? 1 : 0);
    this.#dueAt = now + this.#sampleMs;
    this.#timer?.refresh();
  }
}

function smooth(average: number, sample: number): number {
  return average + WEIGHT * (sample - average);
}
