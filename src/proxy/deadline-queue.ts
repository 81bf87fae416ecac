import type { Clock, Timer } from '../core/clock.js';

/** Something with a deadline; the queue threads its list through these fields. */
export interface Deadline {
  endsAt: number;
  previous: Deadline | null;
  next: Deadline | null;
  /** The time is up. It has left the queue. */
  onDeadline(): void;
}

/** Node rounds timers to whole milliseconds, so one may come that much too early. */
const TIMER_PRECISION_MS = 1;

/**
 * Deadlines of one length. They end in the order in which they began, so a list and a single timer do for all of them:
 * to begin and to end one costs a few assignments, where a timer for each would cost more than the routing of its
 * request.
 */
export class DeadlineQueue {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  #first: Deadline | null = null;
  #last: Deadline | null = null;
  #timer: Timer | null = null;

  /** @param lengthMs `Infinity` = nothing here ever ends. */
  constructor(clock: Clock, lengthMs: number) {
    this.#clock = clock;
    this.#lengthMs = lengthMs;
  }

  /** @param now Of the clock, where the caller knows it. */
  add(deadline: Deadline, now = this.#clock.now()): void {
    if (this.#lengthMs === Infinity) return;
    deadline.endsAt = now + this.#lengthMs;
    deadline.previous = this.#last;
    deadline.next = null;
    if (this.#last === null) this.#first = deadline;
    else this.#last.next = deadline;
    this.#last = deadline;
    this.#timer ??= this.#clock.setTimer(this.#onTimer, this.#lengthMs);
  }

  /** Does nothing where it is not in the queue. */
  remove(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === null && this.#first !== deadline) return;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    deadline.previous = null;
    deadline.next = null;
  }

  /** Begins again. */
  restart(deadline: Deadline): void {
    this.remove(deadline);
    this.add(deadline);
  }

  close(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    const now = this.#clock.now() + TIMER_PRECISION_MS;
    while (this.#first !== null && this.#first.endsAt <= now) {
      const deadline = this.#first;
      this.remove(deadline);
      deadline.onDeadline();
    }
    if (this.#first !== null)
      this.#timer ??= this.#clock.setTimer(this.#onTimer, this.#first.endsAt - this.#clock.now());
  };
}
