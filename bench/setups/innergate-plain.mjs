/** One plain route, no policy, no access log. */
import { startInnergate } from '../lib/innergate.mjs';

export const start = ({ upstream }) => startInnergate({ routes: [{ path: '/', target: upstream }], accessLog: false });
