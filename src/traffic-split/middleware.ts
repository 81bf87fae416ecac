import { after } from '../core/after.js';
import type { Context } from '../core/context.js';
import { validate } from '../core/options.js';
import { compileRequestValue, varyOf } from '../core/request-value.js';
import type { GatewayResponse, Handler, MaybePromise } from '../core/types.js';
import { describeSplit } from './describe-split.js';
import { splitSchema, type TrafficSplitOptions } from './options.js';
import { StickyCookie } from './sticky-cookie.js';
import { TrafficSplit } from './traffic-split.js';

/** `describe` tells the shares and what decides, in words such as `v1 90 %, canary 10 % by cookie sid`. */
export type SplitHandler = Handler & { readonly split: TrafficSplit; describe(): string };

/**
 * The end of a chain that has several: sends each request to one of the variants, by weight (canary) or by what the
 * request says (A/B). What is a field of the request is in `Vary` of every answer, so that caches keep the sides apart.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = splitTraffic({
 *   variants: { v1: { weight: 90, to: proxy({ target: v1 }) }, canary: { weight: 10, to: proxy({ target: v2 }) } },
 *   by: 'identity',
 * });
 */
export function splitTraffic(options: TrafficSplitOptions): SplitHandler {
  validate('splitTraffic', options, splitSchema);
  const { variants, name = '', by, sticky = false, override, answerHeader, random = Math.random } = options;
  const sides = Object.entries(variants);
  const handlers = new Map(sides.map(([variant, { to }]) => [variant, to]));
  const weights = Object.fromEntries(sides.map(([variant, { weight = 1 }]) => [variant, weight]));
  const split = new TrafficSplit({ name, weights, random });
  const readKey = by === undefined ? null : compileRequestValue(by);
  const readOverride = override === undefined ? null : compileRequestValue(override);
  const cookie = sticky === false ? null : new StickyCookie(sticky === true ? {} : sticky, random);
  const field = answerHeader?.toLowerCase();
  const vary = varyOf([by ?? [], override ?? [], cookie === null ? [] : { cookie: cookie.name }].flat());

  function splitHandler(ctx: Context): MaybePromise<GatewayResponse> {
    if (vary !== '') ctx.addVary(vary);
    const wanted = readOverride?.(ctx) ?? null;
    if (wanted !== null && handlers.has(wanted)) return send(ctx, wanted);
    const key = readKey?.(ctx) ?? cookie?.read(ctx) ?? null;
    if (key !== null || cookie === null) return send(ctx, split.choose(key));
    const bucket = cookie.draw();
    return after(
      () => send(ctx, split.choose(bucket)),
      ctx,
      (response) => cookie.add(bucket, response, ctx),
    );
  }

  function send(ctx: Context, variant: string): MaybePromise<GatewayResponse> {
    ctx.variant = variant;
    if (field !== undefined) ctx.setAnswerHeader(field, variant);
    return (handlers.get(variant) as Handler)(ctx);
  }

  return Object.assign(splitHandler, { split, describe: () => describeSplit(split, options, cookie) });
}
