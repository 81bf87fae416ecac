/** Copies of the requests of a route, for a shadow. */
import { mirror } from '../mirror/index.js';
import { assembleService } from './assemble-service.js';
import { planPart, type Part, type PlannedRoute } from './protect.js';

/** What the route says of its service says nothing of the shadow: nobody waits for it, so nothing is tried again. */
const ALONE = { retry: false, circuitBreaker: false, concurrency: false } as const;

export function mirrorPart(plan: PlannedRoute): Part[] {
  const { route, engines } = plan;
  if (route.mirror === undefined) return [];
  const { to, share = 1, ...rest } = route.mirror;
  const { handle, proxies } = assembleService(planPart(plan, 'shadow', { ...ALONE, ...to }));
  const middleware = mirror({ clock: engines.clock, ...rest, share, to: handle });
  engines.onClose(async () => {
    middleware.close();
    for (const proxy of proxies) await proxy.close();
  });
  function setting(): string {
    const { sent, failed, dropped } = middleware.stats();
    return `${Number((share * 100).toPrecision(4))} %: ${sent} sent, ${failed} failed, ${dropped} dropped`;
  }
  return [{ middleware, setting }];
}
