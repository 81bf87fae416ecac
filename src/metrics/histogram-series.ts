import { labelText, Line, type Labels, type Sample, type Series } from './series.js';

/** The bounds of a histogram and their texts, laid out once for all its series. */
export class Buckets {
  /** Ascending. */
  readonly bounds: readonly number[];
  /** Values of the label `le`, that of infinity among them. */
  readonly limits: readonly string[];
  /** What stands between the labels and the count in the line of a bucket. */
  readonly ends: readonly string[];

  constructor(bounds: readonly number[]) {
    this.bounds = [...bounds];
    this.limits = [...bounds.map(canonicalNumber), '+Inf'];
    this.ends = this.limits.map((limit) => `le="${limit}"} `);
  }
}

/**
 * As OpenMetrics wants them ("Considerations: Canonical Numbers"): `1.0`. The text of Prometheus gets the same, so that
 * a series keeps its labels whichever of the two is scraped.
 */
function canonicalNumber(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** How often values were at most as large as each bound. */
export class HistogramSeries implements Series {
  readonly #name: string;
  readonly #labels: Labels;
  readonly #bucketHead: string;
  readonly #sumLine: Line;
  readonly #countLine: Line;
  readonly #buckets: Buckets;
  /** Of each bucket alone; the last one has what is above every bound. */
  readonly #counts: number[];
  #sum = 0;

  constructor(name: string, labels: Labels, buckets: Buckets) {
    const text = labelText(labels);
    this.#name = `${name}_bucket`;
    this.#labels = labels;
    this.#bucketHead = `${name}_bucket{${text}${text && ','}`;
    this.#sumLine = new Line(`${name}_sum`, labels);
    this.#countLine = new Line(`${name}_count`, labels);
    this.#buckets = buckets;
    this.#counts = new Array<number>(buckets.bounds.length + 1).fill(0);
  }

  /** @throws {RangeError} when `value` is not finite: the sum would not recover from it. */
  observe(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`A histogram takes finite numbers, not ${value}`);
    const { bounds } = this.#buckets;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index++;
    (this.#counts[index] as number)++;
    this.#sum += value;
  }

  text(): string {
    const { ends } = this.#buckets;
    let text = '';
    let count = 0;
    for (let index = 0; index < ends.length; index++) {
      count += this.#counts[index] as number;
      text += `${this.#bucketHead}${ends[index] as string}${count}\n`;
    }
    return text + this.#sumLine.text(this.#sum) + this.#countLine.text(count);
  }

  samples(): Sample[] {
    let count = 0;
    const buckets = this.#buckets.limits.map((le, index) => {
      count += this.#counts[index] as number;
      return { name: this.#name, labels: { ...this.#labels, le }, value: count };
    });
    return [...buckets, this.#sumLine.sample(this.#sum), this.#countLine.sample(count)];
  }
}
