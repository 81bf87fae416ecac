import type { Context } from '../core/context.js';
import { bodyFormat, mediaType } from '../core/media-type.js';
import type { HeaderMap, MaybePromise } from '../core/types.js';
import { compileFormMapping } from './form-mapping.js';
import { compileFormVerbs } from './form-verbs.js';
import { inTurn, type Step } from './in-turn.js';
import { decodeUtf8, formatExactJson, formatJson, parseExactJson, parseJson } from './json-text.js';
import { compileJsonVerbs } from './json-verbs.js';
import { formatParameters, parseParameters, type Parameter } from './parameters.js';
import type { BodyMapping, BytesMapping, RequestVerbs } from './types.js';

/** What rules make of a body, free of its content coding. */
export interface BodyEdit {
  /** True where the body is of a type that the rules are for. */
  fits(headers: Readonly<HeaderMap>): boolean;
  /** @throws {DecodeError} `broken` where the body is not of its type. */
  apply(body: Uint8Array, headers: Readonly<HeaderMap>, ctx: Context): MaybePromise<Uint8Array | string>;
}

/** What one transform makes of the value of a body. */
export interface ValueEdit {
  readonly json: readonly Step<unknown>[];
  readonly form: readonly Step<readonly Parameter[]>[];
  /** True where it looks at no number. */
  readonly isExact: boolean;
}

/** The verbs of bodies; `null` where none names one. */
export function editOfVerbs(verbs: RequestVerbs): ValueEdit | null {
  const json = compileJsonVerbs(verbs);
  return json.length === 0 ? null : { json, form: compileFormVerbs(verbs), isExact: true };
}

export function editOfMapping({ body: map }: BodyMapping): ValueEdit {
  function mapValue(value: unknown, ctx: Context): unknown {
    const result = map(value, ctx);
    if (result instanceof Promise) return result.then((late: unknown) => (late === undefined ? value : late));
    return result === undefined ? value : result;
  }
  return { json: [mapValue], form: [compileFormMapping(mapValue)], isExact: false };
}

/** Joins edits, so that a body is parsed and written once for all of them. */
export function compileValueEdits(edits: readonly ValueEdit[], takesForms: boolean): BodyEdit {
  const editJson = inTurn(edits.flatMap(({ json }) => json));
  const editForm = inTurn(edits.flatMap(({ form }) => form));
  const isExact = edits.every((edit) => edit.isExact);
  const [parse, format] = isExact ? [parseExactJson, formatExactJson] : [parseJson, formatJson];

  return {
    fits(headers) {
      const kind = formatOf(headers);
      return kind === 'json' || (takesForms && kind === 'form');
    },
    apply(body, headers, ctx) {
      const text = decodeUtf8(body);
      if (formatOf(headers) === 'json') return then(editJson(parse(text), ctx), format);
      return then(editForm(parseParameters(text), ctx), formatParameters);
    },
  };
}

/** The format of a body, whatever it is compressed with. */
function formatOf(headers: Readonly<HeaderMap>): 'json' | 'form' | null {
  return bodyFormat({ 'content-type': headers['content-type'] });
}

function then<Value>(result: MaybePromise<Value>, format: (value: Value) => string): MaybePromise<string> {
  return result instanceof Promise ? result.then(format) : format(result);
}

export function compileBytesEdit({ bytes, types }: BytesMapping): BodyEdit {
  const exact = new Set(types.map((type) => type.toLowerCase()));
  return {
    fits(headers) {
      const type = mediaType(headers);
      // A stream of events has no end to wait for.
      if (type === 'text/event-stream') return false;
      return exact.has(type) || exact.has(type.replace(/\/.*/, '/*'));
    },
    apply: (body, _headers, ctx) => bytes(body, ctx),
  };
}
