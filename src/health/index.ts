export { Health } from './health.js';
export { health } from './middleware.js';
export {
  type HealthCheck,
  type HealthCheckFunction,
  type HealthCheckOptions,
  type HealthCheckOutcome,
  type HealthEngineOptions,
  type HealthOptions,
} from './options.js';
export type { HealthCheckReport, HealthDetails, HealthReport, HealthStatus } from './report.js';
