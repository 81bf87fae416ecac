import type { Context } from '../core/context.js';
import { draftUrl, setDraftUrl } from './draft-url.js';
import { compileParameterVerbs, type ParameterPattern } from './parameter-verbs.js';
import { formatParameters, parseParameters, type Parameter } from './parameters.js';
import { compileTemplate, textFor } from './template.js';
import type { RequestVerbs } from './types.js';

/** Changes the query that goes upstream; `null` where no verb names a parameter. */
export function compileQueryVerbs(verbs: RequestVerbs): ((ctx: Context) => void) | null {
  const edits = compileParameterVerbs({
    remove: (verbs.remove?.query ?? []).map(exactly),
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

function exactly(name: string): ParameterPattern {
  return { name, matches: (other) => other === name, rename: (_old, to) => to };
}
