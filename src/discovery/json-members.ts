export type JsonMembers = Readonly<Record<string, unknown>>;

/** The members of what should be an object of JSON; none where it is something else. */
export function membersOf(value: unknown): JsonMembers {
  return typeof value === 'object' && value !== null ? (value as JsonMembers) : {};
}

/** The entries of what should be a list; none where it is something else. Go writes one that is empty as `null`, too. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
