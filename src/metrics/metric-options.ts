import {
  inspect,
  isPlainObject,
  list,
  member,
  object,
  show,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricOptions {
  /**
   * Letters, digits, `_` and `:`, no digit first. That of a counter ends in `_total`; a unit stands at the end, or before
   * `_total`, in its plural and its base form: `_seconds`, `_bytes`.
   */
  name: string;
  /** What it counts, in a sentence. */
  help: string;
  /** Names of the labels: letters, digits and `_`, no digit first, no `__`. @default none */
  labels?: readonly string[];
}

export interface HistogramOptions extends MetricOptions {
  /**
   * Upper bounds, ascending finite numbers; a last bucket without one is added. @default those of durations in seconds
   * in OpenTelemetry's HTTP conventions, from 0.005 to 10
   */
  buckets?: readonly number[];
}

/** In seconds: `http.server.request.duration` of the OpenTelemetry semantic conventions. */
export const DEFAULT_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

const finite: Schema = { expected: 'a finite number', accepts: (value) => Number.isFinite(value) };
const numbers = list(finite);

export const bucketsField: Schema = {
  ...numbers,
  expected: 'a list of finite numbers, ascending',
  inspect(bounds: readonly number[], path, faults) {
    numbers.inspect?.(bounds as never, path, faults);
    const index = bounds.findIndex((bound, at) => at > 0 && bound <= (bounds[at - 1] as number));
    if (index > 0)
      faults.push({ path: `${path}[${index}]`, message: `got ${show(bounds[index])}, not above the one before` });
  },
};

const metricName = string('a name of letters, digits, _ and :, no digit first', (name) =>
  /^[A-Za-z_:][\w:]*$/.test(name),
);

const labelName = string('a name of letters, digits and _, no digit first, no __ at the start', (name) =>
  /^(?!__)[A-Za-z_]\w*$/.test(name),
);

const metricFields = {
  name: metricName,
  help: string('a sentence', (text) => text.trim() !== ''),
  labels: list(labelName, { min: 0 }),
} satisfies Record<keyof MetricOptions, Schema>;

const required = { required: ['name', 'help'] };
const plainFields = object(metricFields, required);
const histogramFields = object(
  { ...metricFields, buckets: bucketsField } satisfies Record<keyof HistogramOptions, Schema>,
  required,
);

/** Labels that only the formats and the registry give. */
const RESERVED_LABELS: readonly string[] = ['le', 'otel_metric_overflow'];
const TAKEN = 'is taken already, take another name';

/** Ends of names that only the formats themselves give: another metric could be meant. */
const RESERVED_END = /_(?:total|bucket|sum|count|created)$/;

/** The options of a metric of `type`, whose registry gives all its metrics `constantLabels`. */
export function metricSchema(type: MetricType, constantLabels: readonly string[]): Schema {
  const fields = type === 'histogram' ? histogramFields : plainFields;
  return {
    ...fields,
    inspect(options: MetricOptions, at, faults) {
      fields.inspect?.(options as never, at, faults);
      if (metricName.accepts(options.name)) inspectEnd(type, options.name, at, faults);
      if (Array.isArray(options.labels)) inspectLabels(options.labels, constantLabels, member(at, 'labels'), faults);
    },
  };
}

function inspectEnd(type: MetricType, name: string, at: string, faults: Fault[]): void {
  const path = member(at, 'name');
  const end = RESERVED_END.exec(name)?.[0];
  if (type === 'counter') {
    if (end !== '_total') faults.push({ path, message: `is ${show(name)}; the name of a counter ends in _total` });
  } else if (end !== undefined) {
    faults.push({ path, message: `is ${show(name)}; the end ${end} is not for a ${type}, leave it out` });
  }
}

/** No two labels of a series have the same name. */
function inspectLabels(
  labels: readonly unknown[],
  constantLabels: readonly string[],
  path: string,
  faults: Fault[],
): void {
  const taken = new Set<unknown>([...RESERVED_LABELS, ...constantLabels]);
  for (const [index, label] of labels.entries()) {
    if (taken.has(label)) faults.push({ path: `${path}[${index}]`, message: TAKEN });
    taken.add(label);
  }
}

const labelValue = string('a string', () => true);

/** Labels that all metrics of a registry have. */
export const constantLabelsField: Schema = {
  expected: 'an object of label names to strings',
  accepts: isPlainObject,
  inspect(labels: object, path, faults) {
    for (const [name, value] of Object.entries(labels)) {
      const at = member(path, name);
      if (!labelName.accepts(name)) faults.push({ path: at, message: `is not ${labelName.expected}` });
      else if (RESERVED_LABELS.includes(name)) faults.push({ path: at, message: TAKEN });
      inspect(labelValue, value, at, faults);
    }
  },
};
