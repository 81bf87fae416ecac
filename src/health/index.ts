export { Health, type HealthReport } from './health.js';
export { health, healthFields, type HealthOptions } from './middleware.js';
