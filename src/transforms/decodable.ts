import { isCoding, type ContentCoding } from '../core/content-coding.js';
import type { Context } from '../core/context.js';
import { listTokens } from '../core/headers.js';
import { absentFields, UpstreamFields } from '../core/upstream-fields.js';

const CODINGS = (['br', 'gzip', 'deflate', 'zstd'] as const).filter(isCoding);

/**
 * What is asked for must be a whole body: a part of one cannot be worked on. `Request-Range` is what some servers still
 * take for `Range`.
 */
const WHOLE = absentFields(['range', 'if-range', 'request-range']);

/** By the codings that are asked for: at most as many as there are choices among the known ones. */
const narrowed = new Map<string, UpstreamFields>();

/**
 * Asks the upstream for an answer whose body can be read here: whole, and in no coding that this Node cannot undo. What
 * the client would not take is not asked for either.
 */
export function askForDecodable(ctx: Context): void {
  const { 'accept-encoding': accepted } = (ctx.drafted ?? ctx.request).headers;
  const weights = weightsOf(accepted);
  const isDecodable = [...weights.keys()].every((name) => name === 'identity' || isCoding(name));
  ctx.setUpstreamFields(isDecodable ? WHOLE : asking(CODINGS.filter((coding) => isAccepted(coding, weights))));
}

function asking(codings: readonly ContentCoding[]): UpstreamFields {
  const value = codings.join(', ') || 'identity';
  let fields = narrowed.get(value);
  if (fields === undefined) {
    fields = WHOLE.with(new UpstreamFields({ 'accept-encoding': value }));
    narrowed.set(value, fields);
  }
  return fields;
}

/** The parameters of each coding (RFC 9110 12.5.3), by name. */
function weightsOf(accepted: string | string[] | undefined): Map<string, string> {
  const weights = new Map<string, string>();
  for (const element of listTokens(accepted)) {
    const [name = '', weight = ''] = element.split(';', 2);
    weights.set(name.trim().replace(/^x-gzip$/, 'gzip'), weight);
  }
  return weights;
}

function isAccepted(coding: ContentCoding, weights: ReadonlyMap<string, string>): boolean {
  const weight = weights.get(coding) ?? weights.get('*');
  return weight !== undefined && !/^\s*q\s*=\s*0(?:\.0*)?\s*$/.test(weight);
}
