/** Runs a bounded number of tasks at a time; a bounded number of others wait, first come, first served. */
export class TaskGate {
  readonly #maxConcurrent: number;
  readonly #maxQueue: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(maxConcurrent: number, maxQueue: number) {
    this.#maxConcurrent = maxConcurrent;
    this.#maxQueue = maxQueue;
  }

  /** What the task gives; `null` where too many wait: then it is not run. */
  async run<Result>(task: () => Promise<Result>): Promise<Result | null> {
    if (this.#running < this.#maxConcurrent) this.#running++;
    else if (this.#waiting.length < this.#maxQueue) await this.#turn();
    else return null;
    try {
      return await task();
    } finally {
      const admitNext = this.#waiting.shift();
      // Who has waited takes over this place, so that nobody can slip in between.
      if (admitNext === undefined) this.#running--;
      else admitNext();
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
