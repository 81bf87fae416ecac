import type { Clock } from '../core/clock.js';
import type { Context } from '../core/context.js';
import { isFieldName } from '../core/headers.js';
import {
  clockField,
  either,
  func,
  integer,
  list,
  literal,
  milliseconds,
  object,
  share,
  string,
  type Schema,
} from '../core/options.js';
import type { Handler } from '../core/types.js';

/** `To` is what the copies lead to: a handler, or what a config writes in its place. */
export interface MirrorOptions<To = Handler> {
  /**
   * What gets the copies, such as a `proxy()` to the shadow. It sees an exchange of its own, without the connection of
   * the client. What it answers is read to its end and thrown away.
   */
  to: To;
  /** The part of the requests that is copied. From 0 to 1; 0 = none. @default 1 */
  share?: number;
  /**
   * Methods in upper case that are copied; `'*'` = all. A copied `POST`, `PUT`, `PATCH` or `DELETE` writes twice where
   * the shadow shares a database, a queue or a payment provider with the service: name them only where it shares
   * none.
   * @default ['GET', 'HEAD', 'OPTIONS']
   */
  methods?: readonly string[] | '*';
  /** Copies only requests for which it returns `true`. One that fails copies none. @default every request */
  filter?: (ctx: Context) => boolean;
  /** Bytes of a request's body that are copied; a request with a longer one is not. From 0 on. @default 65536 */
  maxBodyBytes?: number;
  /**
   * Copies at the same time, those included whose body is still coming; beyond it requests are not copied. With
   * `maxBodyBytes` it bounds the memory. From 1 on. @default 100
   */
  maxInFlight?: number;
  /**
   * How long a copy may take from its sending to the end of its answer, in ms; then it is aborted. From 1 on.
   * @default 5000
   */
  timeoutMs?: number;
  /** @default systemClock */
  clock?: Clock;
  /** From 0 on, below 1. @default Math.random */
  random?: () => number;
}

const method = string('a method in upper case', (text) => isFieldName(text) && text === text.toUpperCase());

/** @param to Of what the copies lead to. */
function mirrorFieldsOf(to: Schema): Record<keyof MirrorOptions, Schema> {
  return {
    to,
    share,
    methods: either(literal('*'), list(method)),
    filter: func,
    maxBodyBytes: integer(),
    maxInFlight: integer({ min: 1 }),
    timeoutMs: milliseconds(),
    clock: clockField,
    random: func,
  };
}

/**
 * Schema of all options.
 *
 * @param to Of what the copies lead to.
 */
export function mirrorSchemaOf(to: Schema): Schema {
  return object(mirrorFieldsOf(to), { required: ['to'] });
}

export const mirrorSchema = mirrorSchemaOf(func);
