import { startInnergate } from './innergate.mjs';

/** The plain gateway with so many routes `/r0`, `/r1`... before the one that is asked for. */
export function startWithRoutes(count, upstream) {
  const others = Array.from({ length: count }, (_, i) => ({ path: `/r${i}`, target: upstream }));
  return startInnergate({ routes: [...others, { path: '/', target: upstream }], accessLog: false });
}
