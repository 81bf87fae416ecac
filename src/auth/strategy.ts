import type { Context } from '../core/context.js';
import type { Identity, MaybePromise } from '../core/types.js';
import type { CredentialSource } from './credentials.js';

/** Credentials that prove nothing, or that nobody could look at. */
export interface AuthFailure {
  /** `invalid` = the caller must bring others (401); `unavailable` = whoever could tell does not answer (503). */
  readonly failure: 'invalid' | 'unavailable';
  /** Why, for the log alone. It must name no part of a credential. */
  readonly reason: string;
}

/** Who is calling; `null` where the request has no credentials of this kind, so that the next strategy is asked. */
export type AuthResult = Identity | AuthFailure | null;

/** One way to prove who is calling. Write your own, or take `jwt`, `apiKey`, `basic`, `introspection`, `session`. */
export interface AuthStrategy {
  /** For the log and for `explain()`, such as `jwt`. */
  readonly name: string;
  /** What `WWW-Authenticate` asks for, such as `Bearer` or `Basic` (RFC 9110 11.6.1). */
  readonly scheme: string;
  /** Where it looks for credentials, so that they can be kept from the upstream. */
  readonly sources: readonly CredentialSource[];
  /** Synchronous where it can be. A throw or a rejection is a fault of the gateway: 500, and the upstream is not asked. */
  authenticate(ctx: Context): MaybePromise<AuthResult>;
  /** Ends what it does in the background. */
  close?(): void;
}

/** What a strategy says of credentials that prove nothing. @param reason See {@link AuthFailure.reason}. */
export function invalid(reason: string): AuthFailure {
  return { failure: 'invalid', reason };
}

/** What a strategy says where it cannot tell. @param reason See {@link AuthFailure.reason}. */
export function unavailable(reason: string): AuthFailure {
  return { failure: 'unavailable', reason };
}

/** Tells a failure from everything else that a strategy may say. */
export function isAuthFailure(value: unknown): value is AuthFailure {
  return typeof value === 'object' && value !== null && 'failure' in value;
}
