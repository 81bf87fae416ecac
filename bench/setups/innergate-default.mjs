/** One plain route with every default: this one writes an access log (which goes to nowhere here). */
import { startInnergate } from '../lib/innergate.mjs';

export const start = ({ upstream }) => startInnergate({ routes: [{ path: '/', target: upstream }] });
