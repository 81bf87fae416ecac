import { systemClock, type Clock } from '../core/clock.js';
import { isoTime } from '../core/iso-time.js';

/** What `GET /health` answers. */
export interface HealthReport {
  readonly status: 'healthy' | 'unhealthy';
  /** Whole seconds since the gateway was built. */
  readonly uptime: number;
  /** ISO 8601. */
  readonly timestamp: string;
}

/** Whether this process wants traffic: healthy from its start until it drains. */
export class Health {
  readonly #clock: Clock;
  readonly #startedAt: number;
  #draining = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** From now on the process wants no more traffic. */
  drain(): void {
    this.#draining = true;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  report(): HealthReport {
    return {
      status: this.#draining ? 'unhealthy' : 'healthy',
      uptime: Math.floor((this.#clock.now() - this.#startedAt) / 1000),
      timestamp: isoTime(this.#clock.wall()),
    };
  }
}
