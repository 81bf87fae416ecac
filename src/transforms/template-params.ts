import { isPlainObject, member } from '../core/options.js';
import { parseTemplate } from './template.js';
import type { TransformOptions } from './types.js';

/** A parameter of the route that a template takes. */
export interface TemplateParam {
  /** Where the template stands, such as `request[0].value`. */
  readonly path: string;
  readonly name: string;
}

/** Every `{params.name}` of the options, for those who know which parameters a route has. */
export function templateParams({ request, response }: TransformOptions): TemplateParam[] {
  return [...paramsIn(request, 'request'), ...paramsIn(response, 'response')];
}

function paramsIn(value: unknown, path: string): TemplateParam[] {
  if (typeof value === 'string') return paramsOf(value).map((name) => ({ path, name }));
  if (Array.isArray(value)) return value.flatMap((item, index) => paramsIn(item, `${path}[${index}]`));
  if (!isPlainObject(value)) return [];
  // A pattern is no template, though its braces may look like one.
  const members = Object.entries(value).filter(([name]) => name !== 'key' || !Object.hasOwn(value, 'type'));
  return members.flatMap(([name, item]) => paramsIn(item, member(path, name)));
}

function paramsOf(text: string): string[] {
  return parseTemplate(text, ignore).flatMap((part) =>
    typeof part === 'string' || part.param === null ? [] : [part.param],
  );
}

function ignore(): void {
  // Told when the options are checked.
}
