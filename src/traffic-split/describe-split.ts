import { describeRequestValue } from '../core/request-value.js';
import type { TrafficSplitOptions } from './options.js';
import type { StickyCookie } from './sticky-cookie.js';
import type { TrafficSplit } from './traffic-split.js';

/** The shares and what decides, in words, for explanations. */
export function describeSplit(
  split: TrafficSplit,
  { by, override }: Pick<TrafficSplitOptions, 'by' | 'override'>,
  cookie: StickyCookie | null,
): string {
  const keys = by === undefined ? [] : [describeRequestValue(by)];
  if (cookie !== null) keys.push(`cookie ${cookie.name}`);
  if (keys.length === 0) keys.push('chance');
  const outright = override === undefined ? '' : `, unless ${describeRequestValue(override)} names one`;
  return `${split.describe()} by ${keys.join(', else by ')}${outright}`;
}
