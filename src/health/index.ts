export { Health, type HealthDetails, type HealthReport } from './health.js';
export { health, type HealthOptions } from './middleware.js';
