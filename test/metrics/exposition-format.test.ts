import { describe, expect, it } from 'vitest';
import { negotiateFormat } from '../../src/metrics/index.js';

const PROMETHEUS_2_42 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,' +
  'text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,' +
  'text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

describe('negotiateFormat', () => {
  it.each([
    [PROMETHEUS_2_42],
    [PROMETHEUS_3],
    ['application/openmetrics-text'],
    ['Application/OpenMetrics-Text; Version="1.0.0"; q=0.5, text/plain; q=0.5'],
    ['application/openmetrics-text, */*'],
    ['application/openmetrics-text;q=0.3, text/plain;q=0.2, text/plain;version=1.0.0'],
  ])('is OpenMetrics for %s', (accept) => {
    expect(negotiateFormat(accept)).toBe('openmetrics');
  });

  it.each([
    [undefined],
    [''],
    ['*/*'],
    ['text/html,application/xhtml+xml,*/*;q=0.8'],
    ['text/plain;version=0.0.4;q=1,*/*;q=0.1'],
    ['application/openmetrics-text;version=1.0.0;q=0.4,text/plain;q=0.5'],
    ['application/openmetrics-text;version=1.0.0;q=0'],
    ['application/openmetrics-text;version=0.0.1'],
    ['application/openmetrics-text;q=0.5,*/*'],
    ['application/json'],
    [',;=,;q=,"'],
  ])('is the text of Prometheus for %s', (accept) => {
    expect(negotiateFormat(accept)).toBe('prometheus');
  });
});
