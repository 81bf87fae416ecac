import { randomUUID } from 'node:crypto';
import { flatText } from '../core/flat-text.js';

export interface RequestIdOptions {
  /** Header field to read and to answer in, lower case. @default 'x-request-id' */
  header?: string;
  /**
   * Keep an id that the client sent and that is made of letters, digits, `_`, `.` and `-`, 128 at most. @default true
   */
  trustClient?: boolean;
  /** Makes a new id. @default a UUID of version 4 (RFC 9562) that ends in a count */
  generate?: () => string;
}

const ACCEPTABLE = /^[\w.-]{1,128}$/;

/** The id of a request: the client's own where it is harmless, else a new one. */
export function requestIdOf(sent: string | undefined, { trustClient = true, generate }: RequestIdOptions = {}): string {
  if (trustClient && sent !== undefined && ACCEPTABLE.test(sent)) return sent;
  if (generate === undefined) return nextId();
  const id = generate();
  return ACCEPTABLE.test(id) ? id : nextId();
}

/** Requests are counted in the last 24 bits; the rest is random, and new when the count is full. */
const COUNT_END = 2 ** 24;
let prefix = '';
let count = COUNT_END;

/** It names a request and guards nothing, so it need not be random in itself, only never there twice. */
function nextId(): string {
  if (count === COUNT_END) {
    prefix = randomUUID().slice(0, -6);
    count = 0;
  }
  return flatText(prefix, (COUNT_END + count++).toString(16).slice(1));
}
