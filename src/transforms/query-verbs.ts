import type { Context } from '../core/context.js';
import { draftUrl, setDraftUrl } from './draft-url.js';
import { compileParameterVerbs, type ParameterPattern } from './parameter-verbs.js';
import { formatParameters, parseParameters, type Parameter } from './parameters.js';
import { compileTemplate, textFor } from './template.js';
import type { RequestVerbs } from './types.js';

/** Changes the query that goes upstream; `null` where no verb names a parameter. */
export function compileQueryVerbs(verbs: RequestVerbs): ((ctx: Context) => void) | null {
  const edits = compileParameterVerbs({
    remove: (verbs.remove?.query ?? []).map(whole),
    rename: Object.entries(verbs.rename?.query ?? {}).map(([name, to]) => [exactly(name), to]),
    replace: values(verbs.replace?.query),
    add: values(verbs.add?.query),
    append: values(verbs.append?.query),
  });
  if (edits.length === 0) return null;
  return function editQuery(ctx) {
    const { path, query } = draftUrl(ctx);
    let parameters: readonly Parameter[] = parseParameters(query.slice(1));
    for (const edit of edits) parameters = edit(parameters, ctx);
    setDraftUrl(ctx, { path, query: parameters.length === 0 ? '' : `?${formatParameters(parameters)}` });
  };
}

function values(
  verb: Readonly<Record<string, string>> = {},
): [ParameterPattern, (ctx: Context) => string | undefined][] {
  return Object.entries(verb).map(([name, template]) => {
    const text = compileTemplate(template);
    return [exactly(name), (ctx) => textFor(text, ctx)];
  });
}

/** What services read as parts of a parameter of this name, too: `role[]`, `role[x]`, `[role]`. */
function whole(name: string): ParameterPattern {
  const matches = (other: string): boolean => {
    const bare = other.replace(/^\[([^\]]*)\]/, '$1');
    return other === name || bare === name || bare.startsWith(`${name}[`);
  };
  return { ...exactly(name), matches };
}

function exactly(name: string): ParameterPattern {
  return { name, matches: (other) => other === name, rename: (_old, to) => to };
}
