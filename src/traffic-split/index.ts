export { splitTraffic, type SplitHandler } from './middleware.js';
export type { SplitVariant, StickyVariantOptions, TrafficSplitOptions } from './options.js';
export { TrafficSplit, type TrafficWeights } from './traffic-split.js';
