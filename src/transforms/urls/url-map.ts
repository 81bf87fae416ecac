import type { GatewayRequest } from '../../core/types.js';
import { UrlPattern } from './url-pattern.js';
import { UrlReplacer } from './url-replacer.js';

/** Origins that clients asked for, for which URLs are kept: as many as a gateway has names. */
const MAX_ORIGINS = 64;

/** Text that can stand in any body: `isHost` allows quotes and semicolons, which could leave a string of a script. */
const PLAIN_HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i;

/** A prefix as services know it, and as the outside does. */
export interface UrlPair {
  readonly internal: string;
  /** A URL, or a path at the host that the client asked for. */
  readonly external: string;
}

/** Which URLs stand for which, in both directions. */
export class UrlMap {
  /** Those with a longer internal URL first. */
  readonly #pairs: readonly UrlPair[];
  /** Of the internal URLs, in the order of the pairs. */
  readonly #origins: readonly string[];
  readonly #pattern: UrlPattern;
  readonly #dependsOnHost: boolean;
  readonly #outward = new Map<string, UrlReplacer>();
  readonly #inward = new Map<string, UrlReplacer>();

  constructor(urls: Readonly<Record<string, string>>) {
    const pairs = Object.entries(urls).map(([internal, external]) => ({ internal, external }));
    this.#pairs = longestFirst(pairs, 'internal');
    this.#origins = this.#pairs.map(({ internal }) => new URL(internal).origin);
    this.#pattern = new UrlPattern(this.#pairs.map(({ internal }) => internal));
    this.#dependsOnHost = pairs.some(({ external }) => external.startsWith('/'));
  }

  /** From internal URLs to those that the client of this request can use. */
  outward(request: GatewayRequest): UrlReplacer {
    const origin = this.#originOf(request);
    return this.#outward.get(origin) ?? keep(this.#outward, origin, this.#makeOutward(origin));
  }

  /** From URLs that the client of this request uses to internal ones. */
  inward(request: GatewayRequest): UrlReplacer {
    const origin = this.#originOf(request);
    return this.#inward.get(origin) ?? keep(this.#inward, origin, this.#makeInward(origin));
  }

  /** The pairs of one internal origin, with external URLs that the client of this request can use. */
  pairsAt(internalOrigin: string | null, request: GatewayRequest): UrlPair[] {
    const origin = this.#originOf(request);
    return this.#pairsFor(origin).filter((_, index) => this.#origins[index] === internalOrigin);
  }

  #makeOutward(origin: string): UrlReplacer {
    const urls = this.#pairsFor(origin).map(({ external }) => external);
    return new UrlReplacer(this.#pattern, urls);
  }

  #makeInward(origin: string): UrlReplacer {
    const pairs = longestFirst(this.#pairsFor(origin), 'external');
    const pattern = new UrlPattern(pairs.map(({ external }) => external));
    const urls = pairs.map(({ internal }) => internal);
    return new UrlReplacer(pattern, urls);
  }

  #pairsFor(origin: string): UrlPair[] {
    return this.#pairs.map((pair) => ({ ...pair, external: externalUrl(pair, origin) }));
  }

  /** `''` where it makes no difference, and where the client has named no host that could be shown to it. */
  #originOf({ protocol, host }: GatewayRequest): string {
    return this.#dependsOnHost && PLAIN_HOST.test(host) ? `${protocol}://${host}` : '';
  }
}

/** A path without a host to put it at leaves the URL as it is. */
function externalUrl({ internal, external }: UrlPair, origin: string): string {
  if (!external.startsWith('/')) return external;
  if (origin === '') return internal;
  const own = /^ws/i.test(internal) ? origin.replace('http', 'ws') : origin;
  return external === '/' ? own : own + external;
}

function longestFirst(pairs: readonly UrlPair[], side: keyof UrlPair): UrlPair[] {
  return [...pairs].sort((a, b) => b[side].length - a[side].length);
}

function keep(known: Map<string, UrlReplacer>, origin: string, replacer: UrlReplacer): UrlReplacer {
  if (known.size >= MAX_ORIGINS) known.clear();
  known.set(origin, replacer);
  return replacer;
}
