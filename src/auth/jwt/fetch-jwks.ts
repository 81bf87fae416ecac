import type { Clock } from '../../core/clock.js';
import { show } from '../../core/options.js';
import { fetchJson, isSecureUrl, type JsonAnswer, type FetchLimits } from '../fetch-json.js';
import type { JwtAlgorithm } from './algorithms.js';
import { parseJwkSet, type JwkSet } from './jwk-set.js';

/** Where a key set is, and what is taken of it. */
export interface JwksSource {
  /** `null` where the configuration of the issuer says it. */
  readonly uri: string | null;
  readonly issuer: string;
  readonly allowHttp: boolean;
  readonly maxKeys: number;
  readonly algorithms: ReadonlySet<JwtAlgorithm>;
  readonly clock: Clock;
  readonly limits: FetchLimits;
}

export interface FetchedKeys {
  readonly set: JwkSet;
  /** How long the answer says that it is fresh, in ms; `Infinity` where it does not say. */
  readonly maxAgeMs: number;
}

/**
 * Fetches a JWK Set (RFC 7517 5), after the configuration of its issuer where that says where it is.
 *
 * @throws {Error} where there is none that can be used, in words for the log.
 */
export async function fetchJwks(source: JwksSource, signal: AbortSignal): Promise<FetchedKeys> {
  const url = source.uri ?? (await discoverJwksUri(source, signal));
  const { json, headers } = await fetchDocument(url, source, signal);
  try {
    const set = parseJwkSet(json, source.maxKeys, source.algorithms);
    return { set, maxAgeMs: maxAgeOf(headers.get('cache-control')) };
  } catch (error) {
    throw faultAt(url, (error as Error).message);
  }
}

/** OpenID Connect Discovery 1.0, section 4. */
async function discoverJwksUri(source: JwksSource, signal: AbortSignal): Promise<string> {
  const { issuer, allowHttp } = source;
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { json } = await fetchDocument(url, source, signal);
  const found = json as { issuer?: unknown; jwks_uri?: unknown };
  // A configuration of somebody else must not say whose keys count (section 4.3).
  if (found.issuer !== issuer)
    throw faultAt(url, `the configuration of issuer ${show(found.issuer)}, not of ${show(issuer)}`);
  if (typeof found.jwks_uri !== 'string' || !isSecureUrl(found.jwks_uri, allowHttp))
    throw faultAt(url, `a configuration whose jwks_uri is not secure: ${show(found.jwks_uri)}`);
  return found.jwks_uri;
}

async function fetchDocument(url: string, { clock, limits }: JwksSource, signal: AbortSignal): Promise<JsonAnswer> {
  const answer = await fetchJson(url, { headers: { accept: 'application/json' }, signal }, clock, limits);
  if (answer.status !== 200) throw faultAt(url, `an answer with status ${answer.status}`);
  if (typeof answer.json !== 'object' || answer.json === null) throw faultAt(url, 'an answer that is no JSON object');
  return answer;
}

function faultAt(url: string, fault: string): Error {
  return new Error(`${new URL(url).origin}: ${fault}`);
}

/** RFC 9111 5.2.2.1. */
function maxAgeOf(cacheControl: string | null): number {
  const [, seconds] = /(?:^|[\s,])max-age="?(\d+)/i.exec(cacheControl ?? '') ?? [];
  return seconds === undefined ? Infinity : Number(seconds) * 1000;
}
