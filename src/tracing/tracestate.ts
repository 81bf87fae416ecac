/** A longer list is not valid. */
const MAX_MEMBERS = 32;
/** What is passed on at the least, and here at the most ("tracestate Limits"). */
const MAX_LENGTH = 512;
/** Members longer than this are the first to go. */
const LONG_MEMBER = 128;

const MEMBER =
  /^([a-z][a-z\d_*/-]{0,255}|[a-z\d][a-z\d_*/-]{0,240}@[a-z][a-z\d_*/-]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * Reads `tracestate`, be it sent in several lines, and writes it as it is passed on (W3C Trace Context Level 1, section
 * 3.3): every key once, 512 characters at most, made of whole members. `''` where there is none, and where it is not
 * valid: then none of it can be trusted.
 */
export function parseTracestate(value: string | string[] | undefined): string {
  if (value === undefined || value === '') return '';
  const members = new Map<string, string>();
  for (const part of String(value).split(',')) {
    const member = part.trim();
    if (member === '') continue;
    const key = MEMBER.exec(member)?.[1];
    if (key === undefined) return '';
    // The leftmost is the latest.
    if (!members.has(key)) members.set(key, member);
    if (members.size > MAX_MEMBERS) return '';
  }
  return shortened([...members.values()]);
}

/** Leaves out what is too much: long members first, from the end; then the others, from the end. */
function shortened(members: string[]): string {
  let text = members.join(',');
  while (text.length > MAX_LENGTH) {
    // Where there is no long one, the index is -1: that of the last.
    members.splice(
      members.findLastIndex((member) => member.length > LONG_MEMBER),
      1,
    );
    text = members.join(',');
  }
  return text;
}
