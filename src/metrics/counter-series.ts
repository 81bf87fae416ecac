import { Line, type Labels, type Sample, type Series } from './series.js';

/** A number that only grows, so that its rate can be told. */
export class CounterSeries implements Series {
  readonly #line: Line;
  #value = 0;

  constructor(name: string, labels: Labels) {
    this.#line = new Line(name, labels);
  }

  /** What has been counted. */
  get value(): number {
    return this.#value;
  }

  /** @param by Finite, from 0 on. @throws {RangeError} when it is not: a counter that falls is taken for a restart. */
  inc(by = 1): void {
    if (!Number.isFinite(by) || by < 0) throw new RangeError(`A counter grows by a finite number from 0 on, not ${by}`);
    this.#value += by;
  }

  text(): string {
    return this.#line.text(this.#value);
  }

  samples(): Sample[] {
    return [this.#line.sample(this.#value)];
  }
}
