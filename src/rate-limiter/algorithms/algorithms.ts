import type { RateLimitAlgorithm, RateLimitWindow } from '../types.js';
import { FixedWindow } from './fixed-window.js';
import { SlidingLog } from './sliding-log.js';
import { SlidingWindow } from './sliding-window.js';
import { TokenBucket } from './token-bucket.js';
import type { WindowCount } from './window-count.js';

/** Makes the empty count of a window. */
export const algorithms: Readonly<Record<RateLimitAlgorithm, new (window: RateLimitWindow) => WindowCount>> = {
  'sliding-window': SlidingWindow,
  'sliding-log': SlidingLog,
  'fixed-window': FixedWindow,
  'token-bucket': TokenBucket,
};
