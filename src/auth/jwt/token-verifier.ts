import { isPlainObject } from '../../core/options.js';
import type { Clock } from '../../core/clock.js';
import type { Identity, MaybePromise } from '../../core/types.js';
import { claim, compileIdentity, freezeDeep, type ClaimNames, type Claims } from '../claims-identity.js';
import { invalid, isAuthFailure, type AuthFailure } from '../strategy.js';
import type { JwtAlgorithm } from './algorithms.js';
import { compileClaimRules, isWithin, type ClaimRules, type TokenPeriod } from './claim-rules.js';
import type { KeySource, VerificationKey } from './key-source.js';
import { signedPayload } from './signature.js';
import { parsePart, TokenHeaders, type TokenHeader } from './token-header.js';

export interface TokenVerifierOptions extends ClaimNames, ClaimRules {
  /** What tokens may be signed with. @default all that their keys can be used with */
  algorithms?: readonly JwtAlgorithm[];
  /**
   * The claim that names the key, in the place of the header's `kid`; with `'kid'` the header's counts where the claims
   * have none. @default the header's kid
   */
  keyClaim?: string;
}

/** A token that is what it says, and when. */
export interface VerifiedToken extends TokenPeriod {
  readonly identity: Identity;
}

/** A token that names no key is tried with each that fits; nobody may have the gateway compute more than that. */
const MAX_CANDIDATES = 16;

/** Verifies tokens: their form first, then the signature, then what they say. It keeps none of them. */
export class TokenVerifier {
  readonly #keys: KeySource;
  readonly #clock: Clock;
  readonly #algorithms: readonly JwtAlgorithm[] | null;
  readonly #keyClaim: string | null;
  readonly #headers = new TokenHeaders();
  readonly #periodOf: (claims: Claims) => TokenPeriod | AuthFailure;
  readonly #identityOf: (claims: Claims) => Identity | null;

  constructor(keys: KeySource, clock: Clock, options: TokenVerifierOptions) {
    this.#keys = keys;
    this.#clock = clock;
    this.#algorithms = options.algorithms ?? null;
    this.#keyClaim = options.keyClaim ?? null;
    this.#periodOf = compileClaimRules(options);
    this.#identityOf = compileIdentity('jwt', options);
  }

  /** @param token At most `MAX_CREDENTIAL_BYTES` long. */
  verify(token: string): MaybePromise<VerifiedToken | AuthFailure> {
    const header = this.#headers.read(token);
    if (isAuthFailure(header)) return header;
    const { algorithm } = header;
    if (this.#algorithms?.includes(algorithm) === false) return invalid('the token has an alg that is not allowed');
    const kid = this.#keyClaim === null ? header.kid : claimedKey(token, header, this.#keyClaim);
    if (kid === null && this.#keyClaim !== null) return invalid('the token names no key');
    const found = this.#keys.find(kid, algorithm);
    return found instanceof Promise
      ? found.then((late) => this.#check(token, algorithm, late))
      : this.#check(token, algorithm, found);
  }

  #check(
    token: string,
    algorithm: JwtAlgorithm,
    keys: readonly VerificationKey[] | AuthFailure,
  ): VerifiedToken | AuthFailure {
    if (isAuthFailure(keys)) return keys;
    if (keys.length === 0) return invalid('the token is of no known key and algorithm');
    if (keys.length > MAX_CANDIDATES) return invalid(`more than ${MAX_CANDIDATES} keys could have signed the token`);
    for (const { key, consumer } of keys) {
      const payload = signedPayload(token, algorithm, key);
      if (payload !== undefined) return this.#accept(payload, consumer);
    }
    return invalid('the token has a signature that does not match, or a payload that is no JSON');
  }

  #accept(payload: unknown, consumer: string | undefined): VerifiedToken | AuthFailure {
    if (!isPlainObject(payload)) return invalid('the token has a payload that is no JSON object');
    const claims = payload as Claims;
    const period = this.#periodOf(claims);
    if (isAuthFailure(period)) return period;
    if (!isWithin(period, this.#clock.wall())) return invalid('the token is expired, too old, or not good yet');
    const identity = this.#identityOf(claims);
    if (identity === null) return invalid('the token has no claim that says who it is');
    // Whoever gets the identity of a repeated token gets the same one.
    freezeDeep(claims);
    const { fromMs, untilMs } = period;
    return {
      identity: consumer === undefined ? identity : Object.freeze({ ...identity, consumer }),
      fromMs,
      untilMs,
    };
  }
}

/** What the token says of its key before anything is proven: good for nothing but to find that key. */
function claimedKey(token: string, { kid }: TokenHeader, keyClaim: string): string | null {
  const start = token.indexOf('.') + 1;
  const named = claim(parsePart(token.slice(start, token.indexOf('.', start))) ?? {}, keyClaim);
  if (typeof named === 'string') return named;
  return keyClaim === 'kid' ? kid : null;
}
