/** The plain route with three targets, the better of two by latency, and outliers left out: what balancing adds. */
import { startInnergate } from '../lib/innergate.mjs';

export const start = ({ upstream }) =>
  startInnergate({
    upstreams: { users: { targets: ['a', 'b', 'c'].map((path) => `${upstream}/${path}`), balance: 'p2c-ewma' } },
    routes: [{ path: '/', upstream: 'users' }],
    accessLog: false,
  });
