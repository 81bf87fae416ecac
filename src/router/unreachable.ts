import type { CompiledRoute } from './compiled-route.js';
import { hostKey } from './host-table.js';
import type { UnreachableRoute } from './types.js';

/**
 * Routes that compete for the same requests but for the method: the index of the first by method; `*` is every method.
 */
type Owners = Map<string, number>;

const EVERY_METHOD = '*';

/**
 * Finds the routes whose every request another one takes: those of the same host, the same form of path and the same
 * conditions whose methods are all taken by earlier ones. One pass; nothing is compared in pairs.
 */
export function findUnreachable<Value>(routes: readonly CompiledRoute<Value>[]): UnreachableRoute[] {
  const groups = new Map<string, Owners>();
  const functions = new Map<unknown, number>();
  const found: UnreachableRoute[] = [];
  for (const route of routes) {
    const by = new Set<number>();
    let isReachable = false;
    for (const key of groupKeys(route, functions)) {
      let owners = groups.get(key);
      if (owners === undefined) groups.set(key, (owners = new Map<string, number>()));
      for (const method of route.methods === null ? [EVERY_METHOD] : route.declaredMethods) {
        const owner = owners.get(method);
        if (owner === undefined) {
          owners.set(method, route.index);
          isReachable = true;
        } else by.add(owner);
      }
    }
    if (!isReachable)
      found.push(
        report(
          route,
          [...by].sort((a, b) => a - b),
          routes,
        ),
      );
  }
  return found;
}

function groupKeys<Value>(route: CompiledRoute<Value>, functions: Map<unknown, number>): string[] {
  const { hosts, isExact, pattern, conditions } = route;
  const when = conditions?.when ?? null;
  if (!functions.has(when)) functions.set(when, functions.size);
  const rest = [isExact, pattern.shape, conditions?.key ?? '', functions.get(when)].join('\n');
  return [...new Set(hosts?.map(hostKey) ?? [''])].map((host) => `${host}\n${rest}`);
}

function report<Value>(
  route: CompiledRoute<Value>,
  by: readonly number[],
  routes: readonly CompiledRoute<Value>[],
): UnreachableRoute {
  const owners = by.map((index) => `${index} ('${routes[index]?.path ?? ''}')`).join(' and ');
  const owner = `${by.length === 1 ? 'route' : 'routes'} ${owners}`;
  const message = `never reached: ${describe(route)} is already matched by ${owner}`;
  return { index: route.index, by, message };
}

function describe({ path, declaredMethods, hosts }: CompiledRoute<unknown>): string {
  const details = [...declaredMethods, ...(hosts ?? [])].join(', ');
  return details === '' ? `'${path}'` : `'${path}' (${details})`;
}
