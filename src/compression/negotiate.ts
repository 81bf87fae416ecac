import type { ContentCoding } from '../core/content-coding.js';

/** An element of `Accept-Encoding`: a coding, and how much the client likes it (RFC 9110 12.4.2). */
const ELEMENT = /^([\w!#$%&'*+.^`|~-]+)[\t ]*(?:;[\t ]*q=(0(?:\.\d*)?|1(?:\.0*)?))?$/;

/**
 * Chooses the coding that the client likes best (RFC 9110 12.5.3), and among equals the first of `offered`. `null` = the
 * answer goes out as it is: because that is what the client likes best, or because nothing else can be done.
 *
 * @param accepted Value of `Accept-Encoding`; a client without one can be expected to understand no coding.
 */
export function negotiate(
  accepted: string | string[] | undefined,
  offered: readonly ContentCoding[],
): ContentCoding | null {
  if (accepted === undefined) return null;
  const weights = parseWeights(String(accepted));
  const others = weights.get('*') ?? 0;
  let best: ContentCoding | null = null;
  let most = 0;
  for (const coding of offered) {
    const weight = weights.get(coding) ?? others;
    if (weight > most) [best, most] = [coding, weight];
  }
  // Unless it is named, no coding at all is the last resort.
  return (weights.get('identity') ?? others) > most ? null : best;
}

/** An element that is malformed says nothing. */
function parseWeights(accepted: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const element of accepted.toLowerCase().split(',')) {
    const match = ELEMENT.exec(element.trim());
    if (match === null) continue;
    const [, name = '', weight = '1'] = match;
    // Its old name (RFC 9110 8.4.1.3).
    weights.set(name === 'x-gzip' ? 'gzip' : name, Number(weight));
  }
  return weights;
}
