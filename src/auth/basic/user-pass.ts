import { isUtf8 } from 'node:buffer';

/** What a client calls itself, and its proof. */
export interface UserPass {
  readonly username: string;
  readonly password: string;
}

/** All but what is printable in ASCII, and what is beyond it. */
const CONTROL = /[^\x20-\x7e\x80-\uffff]/;

/** True for a text without control characters, which neither a user's name nor a password may have (RFC 7617 2). */
export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

/** The credential of `Authorization: Basic`, `null` where it is none (RFC 7617 2): UTF-8 in base64 with its padding. */
export function parseUserPass(base64: string): UserPass | null {
  const bytes = Buffer.from(base64, 'base64');
  // Node skips what is no base64, so that one credential would have many spellings.
  if (bytes.toString('base64') !== base64 || !isUtf8(bytes)) return null;
  const text = bytes.toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1 || hasControl(text)) return null;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
