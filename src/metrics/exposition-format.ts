/** How metrics are written: the text format 0.0.4 of Prometheus, or OpenMetrics 1.0.0. */
export type ExpositionFormat = 'prometheus' | 'openmetrics';

/** Media types of the formats. */
export const METRICS_CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * The format that an `Accept` field (RFC 9110 12.5.1) asks for: OpenMetrics where it is named and no text is liked
 * better. Whoever accepts neither gets the text of Prometheus.
 */
export function negotiateFormat(accept: string | undefined): ExpositionFormat {
  let openMetrics = 0;
  let text = 0;
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const version = parameter(parameters, 'version');
    const quality = qualityOf(parameter(parameters, 'q'));
    if (type === 'application/openmetrics-text') {
      if (version === undefined || version === '1.0.0') openMetrics = Math.max(openMetrics, quality);
    } else if (type === '*/*' || type === 'text/*' || (type === 'text/plain' && (version ?? '0.0.4') === '0.0.4')) {
      text = Math.max(text, quality);
    }
  }
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'prometheus';
}

function parameter(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.find((part) => part.startsWith(`${name}=`));
  return found?.slice(name.length + 1).replace(/^"(.*)"$/, '$1');
}

/** A weight that is none counts as none given (RFC 9110 12.4.2). */
function qualityOf(weight: string | undefined): number {
  return weight !== undefined && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 1;
}
