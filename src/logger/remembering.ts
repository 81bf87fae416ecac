/** Texts that are remembered with what became of them. */
const MAX_REMEMBERED = 1_000;

/** Makes a function that does its work once for a text that comes again and again, as most texts of a log do. */
export function remembering(work: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>();

  return function look(text) {
    const before = known.get(text);
    if (before !== undefined) return before;
    if (known.size === MAX_REMEMBERED) known.clear();
    const result = work(text);
    known.set(text, result);
    return result;
  };
}
