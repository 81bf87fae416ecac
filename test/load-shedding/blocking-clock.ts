import { FakeClock } from '../support/fake-clock.js';

/** Time in a process that does something else when its timers are due. */
export class BlockingClock extends FakeClock {
  #lateMs = 0;

  override now(): number {
    return super.now() + this.#lateMs;
  }

  /** As `advance`; what falls due finds that it is `lateMs` later than it should be. */
  advanceLate(ms: number, lateMs: number): void {
    this.#lateMs += lateMs;
    this.advance(ms);
  }
}
