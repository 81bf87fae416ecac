import type { Context } from '../core/context.js';
import { headerMap } from '../core/headers.js';
import type { MaybePromise } from '../core/types.js';
import { compileCheck } from './compile-check.js';
import { membersOf } from './members.js';
import type { RequestPart, ValidationOptions } from './options.js';
import type { SchemaFault } from './schema-fault.js';

/** Something that is wrong with a request. */
export interface ValidationFault extends SchemaFault {
  readonly in: RequestPart;
}

type Faults = readonly ValidationFault[];

/** Each part as it goes upstream, in an object of its own: a validator may change what it gets. */
const READERS = {
  params: ({ params }: Context) => Object.assign(headerMap(), params),
  query: ({ drafted, request }: Context) => membersOf((drafted ?? request).query),
  headers: ({ drafted, request }: Context) => Object.assign(headerMap(), (drafted ?? request).headers),
};

/** Compiles the checks of all that is known before the body. */
export function compileFieldChecks(options: ValidationOptions): (ctx: Context) => MaybePromise<Faults> {
  const { maxErrors = 100 } = options;
  const checks = (['params', 'query', 'headers'] as const).flatMap((part) => {
    const schema = options[part];
    return schema === undefined ? [] : [{ part, check: compileCheck(schema, { coerce: true, maxErrors }) }];
  });

  return function checkFields(ctx) {
    const results = checks.map(({ part, check }): MaybePromise<Faults> => {
      const faults = check(READERS[part](ctx), ctx.clock);
      return faults instanceof Promise ? faults.then((late) => locate(part, late)) : locate(part, faults);
    });
    return results.some((result) => result instanceof Promise)
      ? Promise.all(results.map((result) => Promise.resolve(result))).then((late) => late.flat())
      : (results as Faults[]).flat();
  };
}

/** Says of faults in which part they are. */
export function locate(part: RequestPart, faults: readonly SchemaFault[]): Faults {
  return faults.map((fault) => ({ in: part, ...fault }));
}
