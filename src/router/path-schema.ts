import { show, type Fault, type Schema } from '../core/options.js';
import { canonicalPath } from '../core/path.js';
import { segmentNames, splitPath } from './path-pattern.js';
import { parseSegment } from './segment.js';

/** The `path` of a route: each fault says what to write instead. */
export const routePath: Schema = {
  expected: "a path such as '/api/users'",
  accepts: (value) => typeof value === 'string',
  inspect: inspectPath,
};

function inspectPath(path: string, at: string, faults: Fault[]): void {
  const messages = [pathFault(path) ?? segmentFaults(path)].flat();
  for (const message of messages) faults.push({ path: at, message: `got ${show(path)}: ${message}` });
}

/** What is wrong with a path as a whole; a request's path never looks like this, so the route would never match. */
function pathFault(path: string): string | null {
  if (!path.startsWith('/')) return `a path starts with '/', write ${quote(`/${path}`)}`;
  if (path.includes('?')) return "a path holds no '?', put conditions on the query into `query`";
  if (path.includes('#')) return "a path holds no '#', a fragment never reaches a server";
  if (path.includes('\\')) return "a path holds no '\\', requests with one are refused";
  if (path.includes('//')) return `repeated slashes are merged, write ${quote(path.replace(/\/{2,}/g, '/'))}`;
  if (path.includes(';')) return `parameters are not compared, write ${quote(path.replace(/;[^/]*/g, ''))}`;
  if (/[^\x21-\x7e]/.test(path)) return `paths are compared as they are sent, write ${quote(encode(path))}`;
  const canonical = canonicalPath(path);
  if (canonical === null) return notCanonical(path);
  if (canonical !== path) return `paths are compared in their normal form, write ${quote(canonical)}`;
  return null;
}

function notCanonical(path: string): string {
  if (/%(?![0-9a-f]{2})/i.test(path)) return `'%' starts an escape, write '%25' for the character itself`;
  if (path.includes('%00')) return 'a path holds no NUL, requests with one are refused';
  const resolved = new URL(`http://host${path.replace(/%2f|%5c/gi, '/')}`).pathname;
  return `dot segments are refused in requests, write ${quote(resolved)}`;
}

function segmentFaults(path: string): string[] {
  const messages: string[] = [];
  const seen = new Set<string>();
  for (const text of splitPath(path).texts) {
    const segment = BRACES.test(text) ? withoutBraces(text) : parseSegment(text, true);
    if (typeof segment === 'string') {
      messages.push(segment);
      continue;
    }
    for (const name of segmentNames(segment)) {
      if (name !== '' && seen.has(name)) messages.push(`':${name}' is there twice, give each its own name`);
      seen.add(name);
    }
  }
  return messages;
}

const BRACES = /\{(\w+)\}/;

/** The way in which OpenAPI writes a parameter. */
function withoutBraces(text: string): string {
  return `write '${text.replace(new RegExp(BRACES, 'g'), ':$1')}' in place of '${text}'`;
}

function encode(path: string): string {
  // Through a buffer, since a lone surrogate has no UTF-8 form.
  return encodeURI(Buffer.from(path).toString()).replace(/%25/g, '%');
}

function quote(path: string): string {
  return `'${path}'`;
}
