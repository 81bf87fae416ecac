import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { after } from '../core/after.js';
import type { Context } from '../core/context.js';
import { withoutCookie } from '../core/cookie.js';
import { OwnCookie } from '../core/own-cookie.js';
import type { GatewayResponse, Handler, MaybePromise } from '../core/types.js';
import type { StickyTargetOptions } from './sticky-options.js';

/** What a cookie can lead to. */
export interface StickyTarget {
  readonly url: string;
}

/** Characters of base64url: 132 bits of the hash. */
const TAG_LENGTH = 22;

/**
 * The cookie that keeps a client with its target. Its value is a keyed hash (HMAC-SHA256) of the target's URL: it tells
 * nobody where targets are, every gateway with the secret understands it, and what is not ours leads nowhere. The options
 * have been checked.
 */
export class StickyCookie<Target extends StickyTarget> {
  readonly #cookie: OwnCookie;
  readonly #keys: readonly KeyObject[];
  /** One for each secret; a target that stays is not hashed again. */
  readonly #tags = new WeakMap<Target, readonly string[]>();
  #targets: readonly Target[] = [];
  #byTag: ReadonlyMap<string, Target> = new Map();

  constructor({ secrets, cookie = 'gateway-target', ...attributes }: StickyTargetOptions) {
    this.#cookie = new OwnCookie(cookie, attributes);
    this.#keys = [secrets].flat().map((secret) => createSecretKey(Buffer.from(secret)));
  }

  /**
   * The one of these targets that the client's cookie names; `null` for none of them. The cookie stays here: no
   * target sees it.
   *
   * @param targets The same list as long as the targets are the same: another one is read anew.
   */
  take(ctx: Context, targets: readonly Target[]): Target | null {
    const value = this.#cookie.read(ctx);
    if (value === null) return null;
    const { cookie } = ctx.draft().headers;
    if (cookie !== undefined) ctx.draft().headers.cookie = withoutCookie(cookie, this.#cookie.name);
    if (value.length !== TAG_LENGTH) return null;
    if (targets !== this.#targets) this.#read(targets);
    return this.#byTag.get(value) ?? null;
  }

  /**
   * Answers as `next` does, and adds the cookie of the target that was asked. What the upstream sets stays, and what the
   * gateway itself answers comes from no target.
   */
  give(ctx: Context, next: Handler, target: Target): MaybePromise<GatewayResponse> {
    return after(next, ctx, (response) => {
      if (ctx.refusal === null) this.#cookie.add(ctx, response, this.#tagsOf(target)[0] as string);
      return response;
    });
  }

  #read(targets: readonly Target[]): void {
    this.#targets = targets;
    this.#byTag = new Map(targets.flatMap((target) => this.#tagsOf(target).map((tag) => [tag, target] as const)));
  }

  #tagsOf(target: Target): readonly string[] {
    const known = this.#tags.get(target);
    if (known !== undefined) return known;
    const tags = this.#keys.map((key) => this.#hash(key, target.url));
    this.#tags.set(target, tags);
    return tags;
  }

  /** The name of the cookie is hashed along: with the same secret, the value of one is none of another. */
  #hash(key: KeyObject, url: string): string {
    const text = `innergate target 1\n${this.#cookie.name}\n${url}`;
    return createHmac('sha256', key).update(text).digest('base64url').slice(0, TAG_LENGTH);
  }
}
