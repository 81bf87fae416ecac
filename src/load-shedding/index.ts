export { LoadMonitor, type LoadSnapshot } from './load-monitor.js';
export { loadShedding, type LoadShedding } from './middleware.js';
export type { LoadMonitorOptions, LoadSheddingOptions, Priority } from './options.js';
