export {
  inspectLoadBalancerOptions,
  loadBalancerFields,
  type BalanceOptions,
  type BalanceStrategy,
  type LoadBalancerOptions,
} from './balancer-options.js';
export { BalancerTarget, type CallEnd } from './balancer-target.js';
export { LoadBalancer, type PickRequest, type ResultListener } from './load-balancer.js';
export type { TargetChange, TargetChangeListener } from './target-changes.js';
export { loadBalance, type LoadBalanceMiddleware } from './middleware.js';
export { inspectLoadBalanceOptions, loadBalanceFields, type LoadBalanceOptions } from './middleware-options.js';
export { OutlierDetector, type OutlierSubject } from './outlier-detector.js';
export type { OutlierOptions } from './outlier-options.js';
export type { StickyTargetOptions } from './sticky-options.js';
