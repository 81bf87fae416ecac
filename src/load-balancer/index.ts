export type { BalanceOptions, BalanceStrategy, LoadBalancerOptions } from './balancer-options.js';
export { BalancerTarget, type CallEnd } from './balancer-target.js';
export { LoadBalancer, type PickRequest, type ResultListener } from './load-balancer.js';
export { loadBalance, type LoadBalanceMiddleware } from './middleware.js';
export type { LoadBalanceOptions } from './middleware-options.js';
export { OutlierDetector, type OutlierSubject } from './outlier-detector.js';
export type { OutlierOptions } from './outlier-options.js';
export type { StickyTargetOptions } from './sticky-options.js';
export type { TargetChange, TargetChangeListener } from './target-changes.js';
