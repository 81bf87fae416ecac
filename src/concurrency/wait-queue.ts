import type { Clock, Timer } from '../core/clock.js';

/** Node rounds timers to whole milliseconds, so one may come that much too early. */
const TIMER_PRECISION_MS = 1;

/** A place in a queue; the queue threads its list through the fields. */
export class Waiter {
  /** `true` when it is the waiter's turn; `false` when its time is up, or when it has given up. */
  readonly entered: Promise<boolean>;
  readonly endsAt: number;
  previous: Waiter | null = null;
  next: Waiter | null = null;
  /** Tells the waiter how its wait has ended; `null` when it has. */
  settle: ((entered: boolean) => void) | null = null;
  readonly #queue: WaitQueue;

  constructor(queue: WaitQueue, endsAt: number) {
    this.#queue = queue;
    this.endsAt = endsAt;
    this.entered = new Promise((resolve) => (this.settle = resolve));
  }

  /** Frees the place at once. Does nothing when the wait is over: what was given is to be given back. */
  giveUp(): void {
    this.#queue.end(this, false);
  }
}

/**
 * A bounded queue, first come, first served. All wait equally long, so the first is also the first whose time is up, and
 * one timer does for all.
 */
export class WaitQueue {
  readonly #maxLength: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #first: Waiter | null = null;
  #last: Waiter | null = null;
  #length = 0;
  #timer: Timer | null = null;

  constructor(maxLength: number, timeoutMs: number, clock: Clock) {
    this.#maxLength = maxLength;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  get length(): number {
    return this.#length;
  }

  /** A new place at the end; `null` where the queue is full. */
  add(): Waiter | null {
    if (this.#length >= this.#maxLength) return null;
    const waiter = new Waiter(this, this.#clock.now() + this.#timeoutMs);
    waiter.previous = this.#last;
    if (this.#last === null) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#length++;
    this.#timer ??= this.#clock.setTimer(this.#onTimer, this.#timeoutMs);
    return waiter;
  }

  /** Lets the first one in; false where nobody waits. */
  admitFirst(): boolean {
    if (this.#first === null) return false;
    this.end(this.#first, true);
    return true;
  }

  /** Takes a waiter out, wherever it stands. Does nothing where its wait is over. */
  end(waiter: Waiter, entered: boolean): void {
    const { previous, next, settle } = waiter;
    if (settle === null) return;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    waiter.previous = null;
    waiter.next = null;
    waiter.settle = null;
    this.#length--;
    if (this.#first === null) this.#stopTimer();
    settle(entered);
  }

  #stopTimer(): void {
    if (this.#timer !== null) this.#clock.clearTimer(this.#timer);
    this.#timer = null;
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    const now = this.#clock.now();
    while (this.#first !== null && this.#first.endsAt <= now + TIMER_PRECISION_MS) this.end(this.#first, false);
    if (this.#first !== null) this.#timer = this.#clock.setTimer(this.#onTimer, this.#first.endsAt - now);
  };
}
