import type { HistogramSeries } from './histogram-series.js';
import { HTTP_METHODS, methodIndex } from './http-method.js';

/** What a status counts as: its class, which a pattern such as `5..` still finds; `''` = there was no answer. */
const STATUS_CLASSES = ['', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx', '7xx', '8xx', '9xx'];

/** Histograms of durations by method and class of status, made on first use and from then on found by index. */
export class DurationTable {
  readonly #makeSeries: (method: string, statusClass: string) => HistogramSeries;
  readonly #series = new Array<HistogramSeries | undefined>(HTTP_METHODS.length * STATUS_CLASSES.length).fill(
    undefined,
  );

  constructor(makeSeries: (method: string, statusClass: string) => HistogramSeries) {
    this.#makeSeries = makeSeries;
  }

  /** @param status 0 = there was no answer. */
  observe(method: string, status: number, durationMs: number): void {
    const row = methodIndex(method);
    const column = status >= 100 && status <= 999 ? Math.trunc(status / 100) : 0;
    const index = row * STATUS_CLASSES.length + column;
    const series = (this.#series[index] ??= this.#makeSeries(
      HTTP_METHODS[row] as string,
      STATUS_CLASSES[column] as string,
    ));
    series.observe(durationMs / 1_000);
  }
}
