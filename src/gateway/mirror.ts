/** Copies of the requests of a route, for a shadow. */
import { mirror } from '../mirror/index.js';
import type { AssembledService } from './assemble-service.js';
import { planPart, type Part, type PlannedRoute } from './protect.js';

/** A route, and where copies of its requests go. */
export interface MirroredRoute extends PlannedRoute {
  /** `null` = nowhere. */
  readonly shadow: AssembledService | null;
}

/** What the route says of its service says nothing of the shadow: nobody waits for it, so nothing is tried again. */
const ALONE = { retry: false, circuitBreaker: false, concurrency: false } as const;

export function planShadow(plan: PlannedRoute): PlannedRoute | null {
  const { mirror: options } = plan.route;
  return options === undefined ? null : planPart(plan, 'shadow', { ...ALONE, ...options.to });
}

export function mirrorPart({ route, engines, shadow }: MirroredRoute): Part[] {
  if (route.mirror === undefined || shadow === null) return [];
  const { share = 1 } = route.mirror;
  const middleware = mirror({ clock: engines.clock, ...route.mirror, share, to: shadow.handle });
  engines.onClose(async () => {
    middleware.close();
    for (const proxy of shadow.proxies) await proxy.close();
  });
  function setting(): string {
    const { sent, failed, dropped } = middleware.stats();
    return `${Number((share * 100).toPrecision(4))} %: ${sent} sent, ${failed} failed, ${dropped} dropped`;
  }
  return [{ middleware, setting }];
}
