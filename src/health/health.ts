import { systemClock, type Clock } from '../core/clock.js';
import { isoTime } from '../core/iso-time.js';

/** What a process knows of what it leans on. */
export interface HealthDetails {
  /** State of each circuit breaker, by name. */
  readonly circuits: Readonly<Record<string, string>>;
  /** Whether the store of each limiter answers, by the limiter's name; limiters that count in memory have none. */
  readonly stores: Readonly<Record<string, 'up' | 'down'>>;
  /** From 1 on requests are shed, those of low priority first; `null` where load is not watched. */
  readonly load: number | null;
}

/** What `GET /health` answers. */
export interface HealthReport extends HealthDetails {
  /** `degraded` while a circuit is not closed, a store is down or requests are shed: the process still wants traffic. */
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  /** Whole seconds since the gateway was built. */
  readonly uptime: number;
  /** ISO 8601. */
  readonly timestamp: string;
}

const NOTHING: HealthDetails = { circuits: {}, stores: {}, load: null };

/** Whether this process wants traffic, from its start until it drains, and how well it does. */
export class Health {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #details: () => HealthDetails;
  #draining = false;

  constructor(clock: Clock = systemClock, details: () => HealthDetails = () => NOTHING) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#details = details;
  }

  /** From now on the process wants no more traffic. */
  drain(): void {
    this.#draining = true;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  report(): HealthReport {
    const details = this.#details();
    return {
      status: this.#draining ? 'unhealthy' : isDegraded(details) ? 'degraded' : 'healthy',
      uptime: Math.floor((this.#clock.now() - this.#startedAt) / 1000),
      timestamp: isoTime(this.#clock.wall()),
      ...details,
    };
  }
}

function isDegraded({ circuits, stores, load }: HealthDetails): boolean {
  if (load !== null && load >= 1) return true;
  return Object.values(circuits).some((state) => state !== 'closed') || Object.values(stores).includes('down');
}
