/** Longest path that a user's regular expression is run on. */
export const MAX_PATTERN_INPUT = 2_048;

/** What keeps a text from being a regular expression for paths; `null` where nothing does. */
export function patternFault(pattern: string): string | null {
  try {
    new RegExp(pattern);
  } catch (error) {
    return `no regular expression: ${(error as Error).message}`;
  }
  const slow = slowPatternReason(pattern);
  return slow === null ? null : `a path could make it slow (${slow}); write a simpler pattern or a function`;
}

/**
 * Why a regular expression could be made slow by a path, or `null`. Stricter than needed, and so simple that it can be
 * trusted: where repetitions cannot contain each other, and there are at most two, both tied to the start, the work
 * grows with the square of a path that is short.
 */
export function slowPatternReason(source: string): string | null {
  if (/\\[1-9k]|\(\?<?[=!]/.test(source)) return 'a backreference or a look-around';
  const bare = source
    .replace(/\\./g, 'x')
    .replace(/\[[^\]]*\]/g, 'x')
    .replace(/\(\?(?::|<\w+>)/g, '(')
    .replace(/([*+?}])\?/g, '$1');
  for (const { inside, suffix } of groupsOf(bare)) {
    if (/^(?:[*+]|\{)/.test(suffix) && /[*+?|{]/.test(inside))
      return 'a repetition or an alternation inside a repeated group';
  }
  const repetitions = count(bare, /[*+]|\{\d*,\d*\}/g);
  if (repetitions > 2) return 'more than two unbounded repetitions';
  if (repetitions === 2 && (!bare.startsWith('^') || bare.includes('|')))
    return 'two repetitions without ^ before them';
  return count(bare, /\?/g) > 4 ? 'more than four optional parts' : null;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** Every group of a pattern with what follows it. */
function groupsOf(pattern: string): { inside: string; suffix: string }[] {
  const groups: { inside: string; suffix: string }[] = [];
  const open: number[] = [];
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '(') open.push(i);
    if (pattern[i] === ')') {
      groups.push({ inside: pattern.slice((open.pop() ?? -1) + 1, i), suffix: pattern.slice(i + 1) });
    }
  }
  return groups;
}
