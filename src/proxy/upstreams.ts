import { systemClock, type Clock } from '../core/clock.js';
import type { PoolFigures } from '../core/pool-figures.js';
import { Upstream, type UpstreamOptions } from './upstream.js';

interface Lease {
  readonly key: string;
  users: number;
}

const NO_POOL: PoolFigures = { open: 0, idle: 0, running: 0, waiting: 0 };

/** The upstreams of one gateway: routes to the same origin with the same options share connections. */
export class Upstreams {
  readonly #byKey = new Map<string, Upstream>();
  /** Of every upstream that is open, be it that it only ends what runs on it. */
  readonly #leases = new Map<Upstream, Lease>();
  readonly #clock: Clock;
  #dispatchers = 0;
  #isClosed = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** The upstream of a URL, made on first use. Whoever needs it no longer calls {@link release}. */
  get(target: string, options: UpstreamOptions): Upstream {
    const url = new URL(target);
    // A dispatcher of the user's own has no text to tell it from another one.
    const key = options.dispatcher ? `${++this.#dispatchers}` : JSON.stringify([url.origin, options]);
    const upstream = this.#byKey.get(key) ?? this.#open(key, new Upstream(url, options, this.#clock));
    (this.#leases.get(upstream) as Lease).users++;
    // Nobody would close it later.
    if (this.#isClosed) void upstream.close();
    return upstream;
  }

  /** Ends one use of an upstream. After the last one its pool closes, as soon as nothing runs on it. */
  release(upstream: Upstream): void {
    const lease = this.#leases.get(upstream);
    if (lease === undefined || --lease.users > 0) return;
    this.#byKey.delete(lease.key);
    upstream.retire(() => this.#leases.delete(upstream));
  }

  /** What goes on in the pools, by origin. */
  figures(): Readonly<Record<string, PoolFigures>> {
    const byOrigin: Record<string, PoolFigures> = {};
    for (const { origin, figures } of this.#leases.keys()) {
      if (figures === null) continue;
      const { open, idle, running, waiting } = byOrigin[origin] ?? NO_POOL;
      byOrigin[origin] = {
        open: open + figures.open,
        idle: idle + figures.idle,
        running: running + figures.running,
        waiting: waiting + figures.waiting,
      };
    }
    return byOrigin;
  }

  /** Closes every pool, and whatever still runs on it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#leases.keys()].map((upstream) => upstream.close()));
  }

  #open(key: string, upstream: Upstream): Upstream {
    this.#byKey.set(key, upstream);
    this.#leases.set(upstream, { key, users: 0 });
    return upstream;
  }
}
