import {
  cookieFields,
  cookieNameField,
  inspectCookie,
  secretsField,
  type CookieOptions,
} from '../core/cookie-options.js';
import { object, type Fault, type Schema } from '../core/options.js';
import { unshown } from '../core/unshown.js';

/** A cookie that names a target to those who have the secret. */
export interface StickyTargetOptions extends CookieOptions {
  /**
   * What the names of targets in cookies are made with, at least 32 bytes of UTF-8, drawn at random. Of a list the first
   * writes and all read: to change it, put the new one in front, and take the old one out after `maxAgeMs`.
   */
  secrets: string | readonly string[];
  /** Name of the cookie. @default 'gateway-target' */
  cookie?: string;
  /** How long a browser stays with its target, in ms, from when it got there. From 1 on. @default until it closes */
  maxAgeMs?: number;
}

const stickyTargetFields = {
  ...cookieFields,
  secrets: secretsField,
  cookie: cookieNameField,
} satisfies Record<keyof StickyTargetOptions, Schema>;

const fields = object(stickyTargetFields, { required: ['secrets'] });

/** Adds everything that is wrong with the options, also what makes browsers throw the cookie away. */
function inspectStickyTargetOptions(options: StickyTargetOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
  inspectCookie(options, at, faults);
}

/** A bare text in this place may be the secret itself. */
export const stickyTargetSchema = unshown({
  ...fields,
  expected: 'an object with secrets',
  inspect: inspectStickyTargetOptions,
});
