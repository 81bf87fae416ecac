import { systemClock } from '../core/clock.js';
import { func, inspect, integer, member, type Fault } from '../core/options.js';
import type { Identity } from '../core/types.js';
import type { Claims } from './claims-identity.js';
import { inspectTokenSignerOptions, TokenSigner, type TokenSignerOptions } from './jwt/token-signer.js';
import { ownHeaderField } from './own-header.js';

/** A signed token with which the upstream can check that the gateway has called it, and for whom. */
export interface InternalTokenOptions extends Omit<TokenSignerOptions, 'expiresInMs'> {
  /** Field that carries it; in `authorization` it is a bearer token. @default 'x-internal-token' */
  header?: string;
  /** Time that a token is good for, in ms; it is sent for half of that. From 5000 on. @default 60000 */
  expiresInMs?: number;
  /** What it says. @default `sub`, `scope`, `roles`, and `tenant` and `azp` where they are known */
  claimsOf?: (identity: Identity) => Claims;
}

const DEFAULT_MS = 60_000;
/** `exp` has whole seconds: of less than this, half would leave no time for the way to the upstream. */
const MIN_MS = 5_000;

/** Adds everything that is wrong with the options. */
export function inspectInternalToken(options: InternalTokenOptions, at: string, faults: Fault[]): void {
  const { header, claimsOf, expiresInMs = DEFAULT_MS, ...signer } = options;
  if (header !== undefined) inspect(ownHeaderField, header, member(at, 'header'), faults);
  if (claimsOf !== undefined) inspect(func, claimsOf, member(at, 'claimsOf'), faults);
  inspect(integer({ min: MIN_MS }), expiresInMs, member(at, 'expiresInMs'), faults);
  inspectTokenSignerOptions({ ...signer, expiresInMs: DEFAULT_MS }, at, faults);
}

/** Name of the field that carries it. */
export function internalTokenHeader({ header = 'x-internal-token' }: InternalTokenOptions): string {
  return header;
}

/** Compiles the options once: the token for an identity, made anew when half of its time is over. */
export function compileInternalToken(options: InternalTokenOptions): (identity: Identity) => string {
  const { header, claimsOf = defaultClaims, expiresInMs = DEFAULT_MS, ...given } = options;
  const { clock = systemClock } = given;
  const signer = new TokenSigner({ ...given, expiresInMs });
  const prefix = header === 'authorization' ? 'Bearer ' : '';
  const made = new WeakMap<Identity, { readonly text: string; readonly at: number }>();

  return function tokenFor(identity) {
    const now = clock.wall();
    const known = made.get(identity);
    // The time in a token is that of the wall clock, which may be set back too.
    if (known !== undefined && Math.abs(now - known.at) < expiresInMs / 2) return known.text;
    const text = prefix + signer.sign(claimsOf(identity));
    made.set(identity, { text, at: now });
    return text;
  };
}

function defaultClaims({ id, scopes, roles, tenant, consumer }: Identity): Claims {
  return {
    sub: id,
    scope: scopes.join(' '),
    roles,
    ...(tenant === undefined ? undefined : { tenant }),
    ...(consumer === undefined ? undefined : { azp: consumer }),
  };
}
