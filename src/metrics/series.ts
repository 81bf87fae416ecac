/** Labels of a series, by name. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a metric at one moment. */
export interface Sample {
  /** Name of its line: in a histogram that of the metric with `_bucket`, `_sum` or `_count` behind it. */
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** What a metric knows of one set of label values. */
export interface Series {
  /** Its lines, the same in both text formats. */
  text(): string;
  /** The same as data. */
  samples(): Sample[];
}

/** A line of text but for its number, laid out once. */
export class Line {
  readonly #name: string;
  readonly #labels: Labels;
  readonly #head: string;

  constructor(name: string, labels: Labels) {
    const text = labelText(labels);
    this.#name = name;
    this.#labels = labels;
    this.#head = text === '' ? `${name} ` : `${name}{${text}} `;
  }

  text(value: number): string {
    return `${this.#head}${numberText(value)}\n`;
  }

  sample(value: number): Sample {
    return { name: this.#name, labels: this.#labels, value };
  }
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/** What stands between the braces: names with their values, escaped. */
export function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabelValue(value)}"`)
    .join(',');
}

/** Half a surrogate pair has no place in UTF-8: on the wire two such values would be the same. */
function escapeLabelValue(value: string): string {
  const text = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
