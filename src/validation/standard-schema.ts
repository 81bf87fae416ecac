/**
 * A validator of any library that speaks Standard Schema, version 1 (https://standardschema.dev), as zod, valibot and
 * ArkType do.
 */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
  };
}

/** What a validator says of a value: `issues`, where something is wrong with it. */
export type StandardResult =
  { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  /** From the outside to the inside; nothing = the value itself. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** True for an object or a function that says that it is one, of whatever version. */
export function claimsStandard(value: unknown): boolean {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && '~standard' in value;
}

export function isStandardSchema(value: unknown): value is StandardSchema {
  if (!claimsStandard(value)) return false;
  const standard = (value as { '~standard': unknown })['~standard'] as Partial<StandardSchema['~standard']> | null;
  return standard?.version === 1 && typeof standard.validate === 'function';
}
