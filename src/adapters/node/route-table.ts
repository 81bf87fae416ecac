import type { Gateway, RouteConfig } from '../../gateway/index.js';

/** The routes of a gateway as lines for a person: methods, host and path, and where they go. */
export function routeTable({ routes }: Gateway): string {
  const rows = routes.flatMap((route) => {
    const { methods = ['ANY'], host = '', path, exact = false } = route;
    return [host]
      .flat()
      .map((name) => [methods.join(','), `${name}${exact ? path : open(path)}`, destinationOf(route)] as const);
  });
  const widths = ([0, 1] as const).map((column) => Math.max(...rows.map((row) => row[column].length))) as [
    number,
    number,
  ];
  return rows
    .map(([methods, path, target]) => `${methods.padEnd(widths[0])}  ${path.padEnd(widths[1])}  -> ${target}`)
    .join('\n');
}

function destinationOf({ target, upstream, split, version, tenant }: RouteConfig): string {
  if (target !== undefined) return [target].flat().join(' | ');
  if (upstream !== undefined) return upstream;
  const parts = split?.variants ?? version?.versions ?? tenant?.tenants;
  return parts === undefined ? 'answered here' : Object.keys(parts).join(' | ');
}

/** A prefix in the long spelling. */
function open(path: string): string {
  return path.endsWith('*') ? path : path.replace(/\/?$/, '/*');
}
