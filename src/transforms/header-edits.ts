import type { Context } from '../core/context.js';
import { hasField, isFieldValue } from '../core/headers.js';
import type { HeaderMap } from '../core/types.js';
import { compileTemplate, type Text } from './template.js';
import type { ResponseVerbs } from './types.js';

/** Changes the fields of a request or of an answer. */
export type HeaderEdit = (headers: HeaderMap, ctx: Context) => void;

/** The verbs of header fields in their order. Those that {@link removedFields} tells of are not among them. */
export function compileHeaderVerbs({ rename, replace, add, append }: ResponseVerbs): HeaderEdit[] {
  return [
    ...entries(rename).map(([from, to]) => renameField(from, to.toLowerCase())),
    ...entries(replace).map(([name, value]) => replaceField(name, compileTemplate(value))),
    ...entries(add).map(([name, value]) => addField(name, compileTemplate(value))),
    ...entries(append).map(([name, value]) => appendField(name, compileTemplate(value))),
  ];
}

/** True where verbs may change what type a body says it is of. */
export function changesType({ remove, rename, replace, append }: ResponseVerbs): boolean {
  const names = [
    remove?.headers ?? [],
    ...[rename, replace, append].map((verb) => Object.entries(verb?.headers ?? {}).flat()),
  ];
  return names.flat().some((name) => name.toLowerCase() === 'content-type');
}

export function removedFields({ remove }: ResponseVerbs): string[] {
  return (remove?.headers ?? []).map((name) => name.toLowerCase());
}

function entries(verb: { headers?: Readonly<Record<string, string>> } | undefined): [name: string, value: string][] {
  return Object.entries(verb?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
}

/** The value of a field; `undefined` where there is none, or none that can stand on the wire. */
export function fieldText(text: Text, ctx: Context): string | undefined {
  if (typeof text === 'string') return text;
  const value = text(ctx);
  return value !== undefined && isFieldValue(value) ? value : undefined;
}

export function removeFields(names: readonly string[]): HeaderEdit {
  const set = new Set(names);
  return (headers) => void takeFields(headers, set);
}

/** Gives a field its value and takes away the one it had; a cookie is a further one. */
export function setField(name: string, text: Text): HeaderEdit {
  if (name === 'set-cookie') return appendField(name, text);
  const names = new Set([name]);
  return function setHeader(headers, ctx) {
    takeFields(headers, names);
    headers[name] = fieldText(text, ctx);
  };
}

function replaceField(name: string, text: Text): HeaderEdit {
  const names = new Set([name]);
  return function replaceHeader(headers, ctx) {
    // What has no new value does not keep the old one: it was not to be sent.
    if (takeFields(headers, names)) headers[name] = fieldText(text, ctx);
  };
}

function renameField(from: string, to: string): HeaderEdit {
  const names = new Set([from]);
  const places = new Set([to]);
  return function renameHeader(headers) {
    const value = headers[from];
    if (!takeFields(headers, names) || value === undefined) return;
    takeFields(headers, places);
    headers[to] = value;
  };
}

function addField(name: string, text: Text): HeaderEdit {
  return function addHeader(headers, ctx) {
    headers[name] ??= fieldText(text, ctx);
  };
}

function appendField(name: string, text: Text): HeaderEdit {
  const isCookie = name === 'set-cookie';
  const separator = name === 'cookie' ? '; ' : ', ';
  return function appendHeader(headers, ctx) {
    const value = fieldText(text, ctx);
    if (value === undefined) return;
    const values = headers[name] === undefined ? [value] : [headers[name], value].flat();
    headers[name] = isCookie ? values : values.join(separator);
  };
}

/** Takes fields away, in whatever spelling a server could read as theirs. Set, not deleted: it keeps the fast shape. */
function takeFields(headers: HeaderMap, names: ReadonlySet<string>): boolean {
  let taken = false;
  for (const name in headers) {
    if (headers[name] === undefined || !hasField(names, name)) continue;
    headers[name] = undefined;
    taken = true;
  }
  return taken;
}
