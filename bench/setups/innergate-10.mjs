/** Ten routes: the pair of innergate-10k. */
import { startWithRoutes } from '../lib/many-routes.mjs';

export const start = ({ upstream }) => startWithRoutes(10, upstream);
