import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { loopUtilization } from '../../src/load-shedding/loop-utilization.js';
import { block } from './block.js';

it('loopUtilization tells of the time since the last call alone', async () => {
  const utilization = loopUtilization();
  await sleep(20);
  utilization();
  block(200);
  expect(utilization()).toBeGreaterThan(0.9);
  await sleep(100);
  expect(utilization()).toBeLessThan(0.5);
});
