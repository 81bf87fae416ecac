export { HealthChecker, type TargetHealth, type TargetHealthListener } from './health-checker.js';
export type { ActiveHealthOptions, HealthCheckerOptions, HealthProbe } from './options.js';
export type { StatusRanges } from './status-ranges.js';
export { watchHealth } from './watch-health.js';
