import { Line, type Labels, type Sample, type Series } from './series.js';

/** A number that comes and goes. `NaN` and the infinities are numbers to Prometheus, too. */
export class GaugeSeries implements Series {
  readonly #line: Line;
  #value = 0;

  constructor(name: string, labels: Labels) {
    this.#line = new Line(name, labels);
  }

  get value(): number {
    return this.#value;
  }

  set(value: number): void {
    this.#value = value;
  }

  inc(by = 1): void {
    this.#value += by;
  }

  dec(by = 1): void {
    this.#value -= by;
  }

  text(): string {
    return this.#line.text(this.#value);
  }

  samples(): Sample[] {
    return [this.#line.sample(this.#value)];
  }
}
