import type { Context } from '../core/context.js';

/** Where a request goes as far as transforms have decided it. */
export interface DraftUrl {
  /** `null` = the rule of the route decides. */
  readonly path: string | null;
  /** `''` or `'?a=b'`. */
  readonly query: string;
}

export function draftUrl({ drafted, request }: Context): DraftUrl {
  const { url, query } = drafted ?? { url: null, query: request.query };
  if (url === null) return { path: null, query };
  const mark = url.indexOf('?');
  return mark === -1 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark) };
}

export function setDraftUrl(ctx: Context, { path, query }: DraftUrl): void {
  const draft = ctx.draft();
  draft.query = query;
  if (path !== null) draft.url = path + query;
}
