import type { TargetReport } from '../core/upstream-report.js';
import type { BalancerTarget } from './balancer-target.js';

/** A target as it is now. @param share See {@link TargetReport.share}. */
export function reportTarget(target: BalancerTarget, share: number): TargetReport {
  const { url, state, reason, weight, zone, priority, inFlight, requests, failures } = target;
  return { url, state, reason, weight, share, zone, priority, inFlight, requests, failures };
}
