/** What registries make, as types for signatures of the user's own: nobody else is to construct them. */
import type { CounterSeries as CounterSeriesClass } from './counter-series.js';
import type { GaugeSeries as GaugeSeriesClass } from './gauge-series.js';
import type { HistogramSeries as HistogramSeriesClass } from './histogram-series.js';
import type { Metric as MetricClass } from './metric.js';
import type { Series } from './series.js';

/** A number that only grows. */
export type CounterSeries = CounterSeriesClass;
/** A number that comes and goes. */
export type GaugeSeries = GaugeSeriesClass;
/** How often values were in each of some ranges. */
export type HistogramSeries = HistogramSeriesClass;
/** A name with all its series. */
export type Metric<S extends Series = Series> = MetricClass<S>;
