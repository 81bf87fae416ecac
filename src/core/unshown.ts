import type { Schema } from './options.js';

/** The same schema for what may be a secret, or a place where one could stand by mistake: a fault does not show it. */
export function unshown(schema: Schema): Schema {
  return {
    expected: schema.expected,
    accepts: () => true,
    inspect(value: unknown, path, faults) {
      if (schema.accepts(value)) schema.inspect?.(value as never, path, faults);
      else faults.push({ path: path || 'options', message: notShown(schema) });
    },
  };
}

/** What a fault says of a value that it does not show. */
export function notShown({ expected }: Schema): string {
  return `expected ${expected} (what is there is not shown)`;
}
