import type { Gateway } from '../../gateway/index.js';

/** The routes of a gateway as lines for a person: methods, host and path, and where they go. */
export function routeTable({ routes }: Gateway): string {
  const rows = routes.map(({ methods, host, path, exact, target }) => [
    methods?.join(',') ?? 'ANY',
    `${host === undefined ? '' : [host].flat().join(' | ')}${path}${exact ? '' : path.endsWith('*') ? '' : path === '/' ? '*' : '/*'}`,
    target === undefined ? 'answered here' : [target].flat().join(' | '),
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  return rows
    .map(
      ([methods, path, target]) =>
        `${(methods as string).padEnd(widths[0] as number)}  ${(path as string).padEnd(widths[1] as number)}  -> ${target as string}`,
    )
    .join('\n');
}
