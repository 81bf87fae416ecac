/** What an answer tells of the limit: RateLimit and RateLimit-Policy of some draft, and the older X-RateLimit-*. */
import type { Context } from '../core/context.js';
import { flatText } from '../core/flat-text.js';
import type { RateLimitDecision, RateLimitPolicy } from './types.js';

/** A version of the IETF draft "RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers). */
export type RateLimitDraft = 'draft-6' | 'draft-7' | 'draft-8';

export interface RateLimitHeaderOptions {
  /** Tell of the limit in `RateLimit` and `RateLimit-Policy`; `true` = the newest draft. @default 'draft-8' */
  standardHeaders?: RateLimitDraft | boolean;
  /**
   * Tell of it in `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (seconds since 1970) too.
   * @default false
   */
  legacyHeaders?: boolean;
}

type SetHeaders = (ctx: Context, decision: RateLimitDecision) => void;

const FORMS: Readonly<Record<RateLimitDraft, (policy: RateLimitPolicy) => SetHeaders>> = {
  'draft-6': draft6,
  'draft-7': draft7,
  'draft-8': draft8,
};

/** Compiles the options once; what the policy says is text from then on. */
export function compileHeaders(
  policy: RateLimitPolicy,
  { standardHeaders = true, legacyHeaders = false }: RateLimitHeaderOptions,
): SetHeaders {
  const draft = standardHeaders === true ? 'draft-8' : standardHeaders;
  const setStandard = draft === false ? null : FORMS[draft](policy);
  return function setRateLimitHeaders(ctx, decision) {
    // Nobody has counted, so there is nothing to tell.
    if (decision.failure === 'open' || decision.failure === 'closed') return;
    setStandard?.(ctx, decision);
    if (legacyHeaders) setLegacy(ctx, decision);
  };
}

function draft8(policy: RateLimitPolicy): SetHeaders {
  const names = windowNames(policy).map(structuredString);
  const policies = policy.windows.map(
    ({ limit, windowMs }, index) => `${names[index]};q=${limit};w=${seconds(windowMs)}`,
  );
  const policyText = policies.join(', ');
  return function setDraft8(ctx, decision) {
    const { window, remaining } = decision;
    addItem(ctx, 'ratelimit-policy', policyText);
    addItem(
      ctx,
      'ratelimit',
      flatText(names[window] as string, ';r=', String(remaining), ';t=', String(waitSeconds(decision))),
    );
  };
}

/** Both fields are lists: a limiter further out may have begun them. */
function addItem(ctx: Context, name: string, item: string): void {
  const earlier = ctx.answerHeaders?.[name];
  const isList = typeof earlier === 'string' && earlier.startsWith('"');
  ctx.setAnswerHeader(name, isList ? `${earlier}, ${item}` : item);
}

function draft7(policy: RateLimitPolicy): SetHeaders {
  const policyText = unnamedPolicies(policy);
  return function setDraft7(ctx, decision) {
    const { limit, remaining } = decision;
    ctx.setAnswerHeader('ratelimit-policy', policyText);
    ctx.setAnswerHeader('ratelimit', `limit=${limit}, remaining=${remaining}, reset=${waitSeconds(decision)}`);
  };
}

function draft6(policy: RateLimitPolicy): SetHeaders {
  const policyText = unnamedPolicies(policy);
  return function setDraft6(ctx, decision) {
    ctx.setAnswerHeader('ratelimit-policy', policyText);
    ctx.setAnswerHeader('ratelimit-limit', String(decision.limit));
    ctx.setAnswerHeader('ratelimit-remaining', String(decision.remaining));
    ctx.setAnswerHeader('ratelimit-reset', String(waitSeconds(decision)));
  };
}

function unnamedPolicies({ windows }: RateLimitPolicy): string {
  return windows.map(({ limit, windowMs }) => `${limit};w=${seconds(windowMs)}`).join(', ');
}

function setLegacy(ctx: Context, decision: RateLimitDecision): void {
  ctx.setAnswerHeader('x-ratelimit-limit', String(decision.limit));
  ctx.setAnswerHeader('x-ratelimit-remaining', String(decision.remaining));
  ctx.setAnswerHeader('x-ratelimit-reset', String(seconds(ctx.clock.wall() + waitMs(decision))));
}

/** The name of each window as clients read it: the limiter's, then `name-2`, `name-3`... */
export function windowNames({ name, windows }: RateLimitPolicy): string[] {
  return windows.map((_window, index) => (index === 0 ? name : `${name}-${index + 1}`));
}

/** A text as RFC 9651 3.3.3 writes it. */
function structuredString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** `Retry-After` of a refused call in seconds; `null` where it will never pass. */
export function retryAfterSeconds({ retryAfterMs }: RateLimitDecision): number | null {
  return retryAfterMs === Infinity ? null : Math.max(1, seconds(retryAfterMs));
}

/** As long as `Retry-After` where the call is refused, so that the two never contradict each other. */
function waitSeconds(decision: RateLimitDecision): number {
  return seconds(waitMs(decision));
}

function waitMs({ allowed, resetMs, retryAfterMs }: RateLimitDecision): number {
  return allowed || retryAfterMs === Infinity ? resetMs : retryAfterMs;
}

/** Whole seconds: never sooner than it is true. */
function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
