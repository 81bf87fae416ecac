import { cookieFields, cookieNameField, inspectCookie, type CookieOptions } from '../core/cookie-options.js';
import { isFieldName, isFieldValue } from '../core/headers.js';
import {
  boolean,
  either,
  func,
  isPlainObject,
  member,
  object,
  record,
  string,
  type Fault,
  type Schema,
} from '../core/options.js';
import { requestValueField, type RequestValue } from '../core/request-value.js';
import { weightField } from '../core/target-options.js';
import type { Handler } from '../core/types.js';
import { inspectWeights, trafficSplitFields } from './traffic-split.js';

/** One side of a split. */
export interface SplitVariant<To = Handler> {
  /** Its share beside the others. From 0 on; 0 = only those come that `override` sends. @default 1 */
  weight?: number;
  /** What answers, such as a `proxy()`. */
  to: To;
}

/**
 * A cookie that keeps a caller on a side. It holds a number drawn by chance and no secret, and it is not signed: who
 * changes it changes sides, and no more. Splits of different names can share one.
 */
export interface StickyVariantOptions extends CookieOptions {
  /** Name of the cookie. @default 'gateway-bucket' */
  cookie?: string;
  /** How long the browser keeps it, in ms. From 1 on. @default 2592000000, 30 days */
  maxAgeMs?: number;
}

/** `To` is what a variant leads to: a handler, or what a config writes in its place. */
export interface TrafficSplitOptions<To = Handler> {
  /** The sides, by names of your own, which the log shows. At least one. */
  variants: Readonly<Record<string, SplitVariant<To>>>;
  /** Salt: of splits with different names, each divides the same callers in its own way. @default '' */
  name?: string;
  /**
   * What a caller is known by: the same value stays on the same side as long as the weights stay. Where it is the
   * client's word, so is the side. @default nothing
   */
  by?: RequestValue;
  /**
   * Keeps callers that `by` does not know on their side with a cookie; without it chance decides each time.
   * @default false
   */
  sticky?: boolean | StickyVariantOptions;
  /**
   * A value that names a variant outright, such as `{ header: 'x-variant' }`; unknown names are ignored.
   * @default none
   */
  override?: RequestValue;
  /** Header field of the answer that tells the variant. @default none */
  answerHeader?: string;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

const stickyFields = object({ ...cookieFields, cookie: cookieNameField } satisfies Record<
  keyof StickyVariantOptions,
  Schema
>);

const stickyObject: Schema = {
  ...stickyFields,
  inspect(sticky: StickyVariantOptions, at, faults) {
    stickyFields.inspect?.(sticky as never, at, faults);
    inspectCookie(sticky, at, faults);
  },
};

/** @param to Of what a variant leads to. */
function splitFieldsOf(to: Schema): Record<keyof TrafficSplitOptions, Schema> {
  return {
    variants: record(
      object({ weight: weightField, to } satisfies Record<keyof SplitVariant, Schema>, { required: ['to'] }),
    ),
    name: trafficSplitFields.name,
    by: requestValueField,
    sticky: either(boolean, stickyObject),
    override: requestValueField,
    answerHeader: string("a name of a header field such as 'x-variant'", isFieldName),
    random: func,
  };
}

/** Schema of all options. @param to Of what a variant leads to. */
export function splitSchemaOf(to: Schema): Schema {
  const fields = object(splitFieldsOf(to), { required: ['variants'] });
  return {
    ...fields,
    inspect(options: TrafficSplitOptions<unknown>, at, faults) {
      fields.inspect?.(options as never, at, faults);
      inspectVariants(options, at, faults);
    },
  };
}

export const splitSchema = splitSchemaOf(func);

function inspectVariants({ variants, answerHeader }: TrafficSplitOptions<unknown>, at: string, faults: Fault[]): void {
  if (!isPlainObject(variants)) return;
  const path = member(at, 'variants');
  inspectWeights(
    Object.values(variants).map((variant: SplitVariant<unknown> | undefined) => variant?.weight ?? 1),
    path,
    faults,
  );
  if (answerHeader === undefined) return;
  for (const name of Object.keys(variants)) {
    if (name.trim() === '' || !isFieldValue(name))
      faults.push({ path: member(path, name), message: 'is no name that answerHeader could tell' });
  }
}
