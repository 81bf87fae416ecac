import { describeStrategy } from '../contract/load-balancer.js';

describeStrategy({ strategy: 'round-robin', tolerance: 0.001 });
describeStrategy({ strategy: 'least-connections', tolerance: 0.001 });
describeStrategy({ strategy: 'random', tolerance: 0.01 });
describeStrategy({ strategy: 'p2c-ewma', tolerance: 0.01 });
describeStrategy({ strategy: 'ip-hash', tolerance: 0.01 });
describeStrategy({ strategy: 'consistent-hash', tolerance: 0.01 });
