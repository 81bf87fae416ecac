import { hash } from 'node:crypto';
import { either, member, object, string, type Fault, type Schema } from '../../core/options.js';
import { MAX_CREDENTIAL_BYTES } from '../credentials.js';
import { momentField, momentOf, type Moment } from './moment.js';
import { unshown } from '../../core/unshown.js';

/** When a key counts, so that the next one can be given out before the last one ends. */
export interface KeyLifetime {
  /** The key counts from here on. @default always */
  readonly notBefore?: Moment;
  /** The key counts until here, and no more at this moment. @default for ever */
  readonly expiresAt?: Moment;
}

/**
 * A key of a consumer. Give its SHA-256, as 64 hex digits or 43 of base64url (see {@link hashApiKey}): then whoever
 * reads the configuration has no key. With its text it is hashed at start, and the text is not kept. A text is 16
 * characters or more of visible ASCII, without a comma; take 128 random bits, for nothing slows down who guesses.
 */
export type ApiKeyEntry =
  | string
  | (KeyLifetime & { readonly key: string; readonly sha256?: never })
  | (KeyLifetime & { readonly sha256: string; readonly key?: never });

const HEX = /^[\da-f]{64}$/i;
/** 32 bytes are 42 digits and 4 bits. */
const BASE64URL = /^[\w-]{42}[AEIMQUYcgkosw048]$/;
const KEY_TEXT = /^[\x21-\x2b\x2d-\x7e]+$/;

const keyText = string('a key of at least 16 visible ASCII characters without a comma', (text) => {
  return text.length >= 16 && text.length <= MAX_CREDENTIAL_BYTES && KEY_TEXT.test(text);
});
const sha256 = string('a SHA-256 as 64 hex digits or 43 of base64url', (text) => {
  return HEX.test(text) || BASE64URL.test(text);
});

const members = object({
  key: unshown(keyText),
  sha256: unshown(sha256),
  notBefore: momentField,
  expiresAt: momentField,
} satisfies Record<'key' | 'sha256' | keyof KeyLifetime, Schema>);

const keyObject: Schema = {
  ...members,
  expected: '{ sha256 } or { key }, with notBefore and expiresAt',
  inspect(entry: Exclude<ApiKeyEntry, string>, at, faults: Fault[]) {
    const known = faults.length;
    members.inspect?.(entry as never, at, faults);
    if ((entry.key === undefined) === (entry.sha256 === undefined))
      faults.push({ path: at, message: 'needs sha256 or key, and only one of them' });
    if (faults.length > known) return;
    const { notBefore, expiresAt } = lifetimeOf(entry);
    if (notBefore >= expiresAt)
      faults.push({ path: member(at, 'expiresAt'), message: 'is not after notBefore: the key would never count' });
  },
};

/** Schema of a key of a consumer. */
export const apiKeyEntryField = unshown(either(keyText, keyObject));

/** SHA-256 of a key in hex: what to keep in the place of the key. */
export function hashApiKey(key: string): string {
  return hash('sha256', key, 'hex');
}

/** SHA-256 of a valid entry's key. */
export function digestOf(entry: ApiKeyEntry): Buffer {
  const { key, sha256 = '' } = typeof entry === 'string' ? { key: entry } : entry;
  if (key !== undefined) return hash('sha256', key, 'buffer');
  return Buffer.from(sha256, HEX.test(sha256) ? 'hex' : 'base64url');
}

/** The same in milliseconds since 1970. */
export function lifetimeOf({ notBefore, expiresAt }: KeyLifetime): { notBefore: number; expiresAt: number } {
  return {
    notBefore: notBefore === undefined ? -Infinity : momentOf(notBefore),
    expiresAt: expiresAt === undefined ? Infinity : momentOf(expiresAt),
  };
}
