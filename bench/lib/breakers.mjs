import {
  ConsecutiveBreaker,
  SamplingBreaker,
  TimeoutStrategy,
  circuitBreaker,
  handleAll,
  timeout,
  wrap,
} from 'cockatiel';
import Opossum from 'opossum';
import { builtFile } from './innergate.mjs';

const { CircuitBreaker } = await import(builtFile('./circuit-breaker').href);

const ANSWER = 42;
const work = async () => ANSWER;

const shares = { errorThresholdPercentage: 50 };

/** It counts shares and nothing else. */
const opossum = { name: 'opossum fire', package: 'opossum', open: openOpossum };
/** Every contender has a loop of its own, so that none pays for another at a call site that all share. */
const inARow = [
  innergate('innergate execute', {}),
  opossum,
  cockatiel('cockatiel execute', () => new ConsecutiveBreaker(5)),
];

/** `passes`: the share of calls that must come through, or the figures are worth nothing. */
export const breakerLoads = [
  {
    name: 'breaker, failures in a row',
    passes: 1,
    contenders: [...inARow, gate('innergate acquire + success', {}), { name: 'no breaker', open: openNothing }],
  },
  {
    name: 'breaker, share of failures',
    passes: 1,
    contenders: [
      innergate('innergate execute', shares),
      opossum,
      cockatiel('cockatiel execute', () => new SamplingBreaker({ threshold: 0.5, duration: 10_000 })),
      gate('innergate acquire + success', shares),
    ],
  },
  { name: 'breaker, a deadline of 10 s', timeoutMs: 10_000, passes: 1, contenders: inARow },
  { name: 'breaker, open', isOpen: true, passes: 0, contenders: inARow },
];

function innergate(name, options) {
  return {
    name,
    open({ timeoutMs = Infinity, isOpen }) {
      const breaker = new CircuitBreaker({ ...options, timeoutMs });
      if (isOpen) breaker.open();
      return {
        async run(count) {
          let passed = 0;
          for (let i = 0; i < count; i++) {
            try {
              if ((await breaker.execute(work)) === ANSWER) passed++;
            } catch {
              // open
            }
          }
          return passed;
        },
        close() {},
      };
    },
  };
}

/** As a proxy uses it, which knows by itself how a call has ended: beside the comparison, since nothing is called. */
function gate(name, options) {
  return {
    name,
    isAside: true,
    open() {
      const breaker = new CircuitBreaker(options);
      return {
        run(count) {
          let passed = 0;
          for (let i = 0; i < count; i++) {
            const permit = breaker.acquire();
            if (permit === null) continue;
            permit.success();
            passed++;
          }
          return passed;
        },
        close() {},
      };
    },
  };
}

function openOpossum({ timeoutMs = false, isOpen }) {
  const breaker = new Opossum(work, { timeout: timeoutMs });
  if (isOpen) breaker.open();
  return {
    async run(count) {
      let passed = 0;
      for (let i = 0; i < count; i++) {
        try {
          if ((await breaker.fire()) === ANSWER) passed++;
        } catch {
          // open
        }
      }
      return passed;
    },
    close: () => breaker.shutdown(),
  };
}

function cockatiel(name, countFailures) {
  return {
    name,
    package: 'cockatiel',
    open({ timeoutMs, isOpen }) {
      const breaker = circuitBreaker(handleAll, { halfOpenAfter: 30_000, breaker: countFailures() });
      const policy = timeoutMs === undefined ? breaker : wrap(breaker, timeout(timeoutMs, TimeoutStrategy.Aggressive));
      if (isOpen) breaker.isolate();
      return {
        async run(count) {
          let passed = 0;
          for (let i = 0; i < count; i++) {
            try {
              if ((await policy.execute(work)) === ANSWER) passed++;
            } catch {
              // open
            }
          }
          return passed;
        },
        close() {},
      };
    },
  };
}

function openNothing() {
  return {
    async run(count) {
      let passed = 0;
      for (let i = 0; i < count; i++) if ((await work()) === ANSWER) passed++;
      return passed;
    },
    close() {},
  };
}
