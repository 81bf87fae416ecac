/** Names and values of a query or a form, as an object: a name that is there several times has a list. */
export function membersOf(text: string): Record<string, string | string[]> {
  const members = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of new URLSearchParams(text)) {
    const earlier = members[name];
    if (earlier === undefined) members[name] = value;
    else if (typeof earlier === 'string') members[name] = [earlier, value];
    else earlier.push(value);
  }
  return members;
}
