import type { Context } from '../core/context.js';
import { canonicalPath, isPath } from '../core/path.js';
import { refuse } from '../core/refuse.js';
import { MAX_PATTERN_INPUT } from '../core/slow-pattern.js';
import type { GatewayResponse } from '../core/types.js';
import { draftUrl, setDraftUrl } from './draft-url.js';
import { percentEncoded } from './parameters.js';
import { compileTemplate, textFor, type Slot } from './template.js';
import type { RewritePathRule } from './types.js';

/** Rewrites the path that goes upstream; refuses what it cannot write without doubt. */
export function compileRewritePath({ key, value }: RewritePathRule): (ctx: Context) => GatewayResponse | undefined {
  const pattern = new RegExp(key ?? '^.*$');
  const replacement = compileTemplate(value, readForPath);

  return function rewritePath(ctx) {
    const { path: drafted, query } = draftUrl(ctx);
    const path = drafted ?? ctx.request.rawPath;
    if (path.length > MAX_PATTERN_INPUT) return refuse(ctx, 'ERR_GATEWAY_URL_TOO_LONG');
    if (!pattern.test(path)) return undefined;
    const text = textFor(replacement, ctx);
    const rewritten = text === undefined ? null : checked(path.replace(pattern, text));
    if (rewritten === null) {
      const detail = text === undefined ? 'The path lacks a value.' : 'The path is ambiguous.';
      return refuse(ctx, 'ERR_GATEWAY_REQUEST_MALFORMED', { detail, reason: 'rewrite-path cannot write the path' });
    }
    setDraftUrl(ctx, { path: rewritten, query });
    return undefined;
  };
}

/** A rewrite can put together what was harmless apart, such as `/api` and `../admin`. */
function checked(path: string): string | null {
  const absolute = path.startsWith('/') ? path : `/${path}`;
  return isPath(absolute) ? canonicalPath(absolute) : null;
}

/** One segment, unless it stood in the path before. To `replace`, `$` is no text of its own. */
function readForPath({ read, readWire }: Slot, ctx: Context): string | undefined {
  if (readWire !== null) return readWire(ctx)?.replaceAll('$', '$$$$');
  const value = read(ctx);
  return value && percentEncoded(value);
}
