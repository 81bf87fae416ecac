/** Ten thousand routes: must cost what ten do. */
import { startWithRoutes } from '../lib/many-routes.mjs';

export const start = ({ upstream }) => startWithRoutes(10_000, upstream);
