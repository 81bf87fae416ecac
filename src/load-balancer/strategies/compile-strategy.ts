import type { BalanceStrategy } from '../balancer-options.js';
import { consistentHash, type ConsistentHashOptions } from './consistent-hash.js';
import { leastConnections } from './least-connections.js';
import { p2cEwma, type P2cEwmaOptions } from './p2c-ewma.js';
import { randomChoice } from './random.js';
import { roundRobin } from './round-robin.js';
import type { Strategy } from './strategy.js';

type StrategyOptions = ConsistentHashOptions & P2cEwmaOptions;

const MAKERS: Readonly<Record<BalanceStrategy, (options: StrategyOptions) => Strategy>> = {
  'round-robin': roundRobin,
  'least-connections': leastConnections,
  random: ({ random }) => randomChoice(random),
  'p2c-ewma': p2cEwma,
  'ip-hash': consistentHash,
  'consistent-hash': consistentHash,
};

export function compileStrategy(strategy: BalanceStrategy, options: StrategyOptions): Strategy {
  return MAKERS[strategy](options);
}
