/** The pages that users read, and what is in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const README = 'README.md';
export const AUTH = 'docs/auth.md';
export const CONFIG = 'docs/config.md';
export const CORS = 'docs/cors.md';
export const DISCOVERY = 'docs/discovery.md';
export const ERRORS = 'docs/errors.md';
export const HEADERS = 'docs/headers.md';
export const LOGIN = 'docs/login.md';
export const OBSERVABILITY = 'docs/logs-metrics-traces.md';
export const OPERATIONS = 'docs/operations.md';
export const PROTECTION = 'docs/protection.md';
export const RATE_LIMIT = 'docs/rate-limit.md';
export const TRAFFIC = 'docs/traffic.md';
export const TRANSFORMS = 'docs/transforms.md';
export const UPSTREAMS = 'docs/upstreams.md';

/** The README and every page of docs/. */
export const pages: readonly string[] = [README, ...readdirSync(`${ROOT}docs`).map((name) => `docs/${name}`)];

export function read(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8');
}

/** The code of a page in this language, block by block. */
export function blocks(path: string, language: string): string[] {
  return [...read(path).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code]) => code ?? '',
  );
}

/** The rows of the table of a page that has this name in a first cell. */
export function rowsWith(path: string, name: string): string[][] {
  const tables = [...read(path).matchAll(/(?:^\|.*\n)+/gm)].map(([text]) => rowsOf(text));
  return tables.find((rows) => rows.some(([names = '']) => names.includes(`\`${name}\``))) ?? [];
}

/** The cells of a table, without its head. */
function rowsOf(table: string): string[][] {
  const [, , ...rows] = table.trim().split('\n');
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}
