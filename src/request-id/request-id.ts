import { randomUUID } from 'node:crypto';

export interface RequestIdOptions {
  /** Header field to read and to answer in, lower case. @default 'x-request-id' */
  header?: string;
  /**
   * Keep an id that the client sent and that is made of letters, digits, `_`, `.` and `-`, 128 at most. @default true
   */
  trustClient?: boolean;
  /** Makes a new id. @default a random UUID */
  generate?: () => string;
}

const ACCEPTABLE = /^[\w.-]{1,128}$/;

/** The id of a request: the client's own where it is harmless, else a new one. */
export function requestIdOf(
  sent: string | undefined,
  { trustClient = true, generate = randomUUID }: RequestIdOptions = {},
): string {
  return trustClient && sent !== undefined && ACCEPTABLE.test(sent) ? sent : generate();
}
