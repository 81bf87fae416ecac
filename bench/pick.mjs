/**
 * What `LoadBalancer.pick()` costs among 4 and among 1,000 targets, in one process and in interleaved rounds. The promise
 * is a ratio of at most 1.2 for round-robin, random and p2c-ewma.
 *
 *   node bench/pick.mjs
 *   node bench/pick.mjs --rounds 40 --ms 20
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { builtFile } from './lib/innergate.mjs';
import { quantile, ratios } from './lib/stats.mjs';

const FEW = 4;
const MANY = 1_000;
const PROMISE = 1.2;
const PROMISED = ['round-robin', 'random', 'p2c-ewma'];
const STRATEGIES = [...PROMISED, 'consistent-hash', 'least-connections'];
const WARM_UP_MS = 300;

const requests = Array.from({ length: 1_024 }, (_, number) => ({ key: `user-${number}` }));
/** Those of a strategy that reads no key do not differ: a pick is measured, not the memory of the requests. */
const oneRequest = [requests[0]];

/** @param {{ rounds?: number, ms?: number }} [settings] slices of each contender, and about how long one takes */
export async function measurePicks({ rounds = 40, ms = 20 } = {}) {
  const { LoadBalancer } = await import(builtFile('./load-balancer').href);
  const pairs = STRATEGIES.flatMap((strategy) =>
    [false, true].map((weighted) => ({
      strategy,
      weighted,
      few: open(LoadBalancer, strategy, FEW, weighted),
      many: open(LoadBalancer, strategy, MANY, weighted),
    })),
  );
  for (const { few, many } of pairs) for (const one of [few, many]) warmUp(one, ms);
  for (let round = 0; round < rounds; round++) {
    for (const { few, many } of pairs) {
      for (const one of round % 2 === 0 ? [few, many] : [many, few]) one.rounds.push(timed(one));
    }
  }
  return pairs.map(({ strategy, weighted, few, many }) => ({
    strategy,
    weighted,
    fewNs: quantile(few.rounds),
    manyNs: quantile(many.rounds),
    ratio: ratios(many.rounds, few.rounds, (ns) => ns),
    promise: PROMISED.includes(strategy) ? PROMISE : null,
  }));
}

/**
 * Every target has been asked before, as in a gateway that has run for a while, and so has the balancer: V8 makes better
 * code for closures that it has seen only once, and the first contender would have it alone.
 */
function open(LoadBalancer, balance, size, weighted) {
  const targets = Array.from({ length: size }, (_, number) => ({
    url: `http://10.0.${number >> 8}.${number & 255}:3000`,
    weight: weighted ? 1 + (number % 7) : 1,
  }));
  const balancer = new LoadBalancer({ targets, balance });
  for (const [number, target] of balancer.targets.entries()) {
    target.begin();
    target.end({ result: 'success', durationMs: 5 + (number % 3) });
  }
  balancer.pick();
  return { balancer, asked: balancer.keyBy === null ? oneRequest : requests, count: 1_000, rounds: [] };
}

/** Until the code is compiled, and it is known how many picks take about `ms`. */
function warmUp(one, ms) {
  for (const until = performance.now() + WARM_UP_MS; performance.now() < until;)
    one.count = Math.ceil(Math.min(one.count * 10, (ms * 1e6) / timed(one)));
}

/** @returns ns of CPU time of a pick: what else runs on the machine does not count */
function timed({ balancer, asked, count }) {
  const last = asked.length - 1;
  const before = process.cpuUsage();
  let found = 0;
  for (let pick = 0; pick < count; pick++) if (balancer.pick(asked[pick & last]) !== null) found++;
  const { user, system } = process.cpuUsage(before);
  if (found !== count) throw new Error(`${found} of ${count} picks found a target`);
  return ((user + system) * 1e3) / count;
}

function textOf(results) {
  const lines = results.map(({ strategy, weighted, fewNs, manyNs, ratio, promise }) =>
    [
      `${strategy}${weighted ? ', weighted' : ''}`.padEnd(28),
      fewNs.toFixed(1).padStart(8),
      manyNs.toFixed(1).padStart(10),
      `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)})`.padStart(20),
      promise === null ? '' : `  at most ${promise}: ${ratio.median <= promise ? 'kept' : 'BROKEN'}`,
    ].join(''),
  );
  return [
    `${'ns per pick'.padEnd(28)}${`of ${FEW}`.padStart(8)}${`of ${MANY}`.padStart(10)}${'ratio'.padStart(20)}`,
    ...lines,
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '40' }, ms: { type: 'string', default: '20' } },
  });
  const results = await measurePicks({ rounds: Number(values.rounds), ms: Number(values.ms) });
  console.log(textOf(results));
  if (results.some(({ promise, ratio }) => promise !== null && ratio.median > promise)) process.exitCode = 1;
}
