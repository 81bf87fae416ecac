import { table } from './report.mjs';
import { isOurs, versionOf } from './setups.mjs';
import { medianOf, quantile, ratios } from './stats.mjs';
import { kept, times } from './verdict.mjs';

const ns = (round) => round.ns;

/** How the pieces were measured, as Markdown. */
export function piecesMethod({ rounds, ms, floodRounds, loads }) {
  const peers = new Set(loads.flatMap(({ entries }) => entries.flatMap((entry) => entry.package ?? [])));
  const versions = [...peers].map((name) => `${name} ${versionOf(name)}`).join(', ');
  return `Single pieces against their peers, without HTTP: ${versions}. All are in one process, each warmed up, then
in ${rounds} rounds in an order that rotates, with a slice of about ${ms} ms for each. The figure is CPU time of the process
per call, with the collection of its garbage. Every answer is counted, and a wrong one ends the run. One call is under
way at a time.

- Limiters count in memory, in windows of an hour. Where all calls pass, the limit is a billion; a log can have no such
  limit, so it has 10,000 per ms of a clock that runs 100 times as fast, and holds what came in the last 10 µs.
- \`increment\` of express-rate-limit and \`consume\` of rate-limiter-flexible are awaited, as everybody must. \`check\` answers
  at once; a row shows what it costs who waits for it all the same.
- In the flood each has an empty engine, in ${floodRounds} rounds. innergate keeps the 100,000 keys that are its
  default; the others keep all keys until their windows are over.
- Breakers open after 5 failures in a row, or at 50% of the calls of 10 s; opossum knows only shares. \`acquire\` and
  \`success\` are what a proxy uses, and call no function. The deadlines are \`timeoutMs\`, opossum's \`timeout\` and cockatiel's
  aggressive \`timeout\`; opossum's gives the function no signal.
- Tokens: innergate and express-jwt go from the header field to the claims, \`verify\` of jsonwebtoken gets the bare token
  and a KeyObject; express-jwt has its key as a text, as its users write it. Distinct tokens are 20,000 (RS256: 2,000) in
  turn, and innergate keeps 10,000, its default (RS256: 1,000): it never knows one, and pays for the cache besides. All
  have \`algorithms\` and \`audience\`.`;
}

/** The tables of the pieces and their verdict, as Markdown. */
export function piecesText({ loads }) {
  return `${loads.map(loadText).join('\n\n')}\n\n### Verdict\n\n${loads.map(verdict).join('\n')}`;
}

function loadText({ name, entries }) {
  const fresh = entries.some(({ rounds }) => rounds[0].heap !== undefined);
  const peer = fastestPeer(entries);
  const rows = entries.map((entry) => {
    const { rounds } = entry;
    const spread = [0.25, 0.75].map((share) => quantile(rounds.map(ns), share).toFixed(0));
    const times = peer === undefined ? '' : ratios(rounds, peer.rounds, ns).median.toFixed(2);
    const heap = fresh ? [(medianOf(rounds, (round) => round.heap) / 1024 / 1024).toFixed(1)] : [];
    return [entry.name, medianOf(rounds, ns).toFixed(0), spread.join('-'), times, ...heap];
  });
  const head = [
    'contender',
    'ns CPU/call',
    'middle half',
    'x fastest peer',
    ...(fresh ? ['heap afterwards (MB)'] : []),
  ];
  return `### ${name[0].toUpperCase()}${name.slice(1)}\n\n${table(head, rows)}`;
}

/** Each of our own against the fastest of the others. */
function verdict({ name, entries, promise }) {
  const peer = fastestPeer(entries);
  const own = entries.filter((entry) => isOurs(entry.name) && !entry.isAside);
  if (peer === undefined || own.length === 0) return `- ${name}: nothing to compare`;
  if (promise !== undefined) return promiseVerdict(name, own[0], entries, promise);
  const compared = own.map((entry) => ({ name: entry.name, times: ratios(entry.rounds, peer.rounds, ns).median }));
  const slower = compared.filter(({ times }) => times >= 1).map((entry) => entry.name);
  const answer = slower.length === 0 ? 'yes' : slower.length === own.length ? 'no' : `all but ${slower.join(', ')}`;
  const figures = compared.map((entry) => `${entry.name} ${entry.times.toFixed(2)}x`).join(', ');
  return `- ${name}: ${figures} of ${peer.name}. Faster than both peers: **${answer}**`;
}

function promiseVerdict(name, own, entries, { to, limit }) {
  const peer = entries.find((entry) => entry.name === to);
  if (peer === undefined) return `- ${name}: nothing to compare`;
  const ratio = ratios(own.rounds, peer.rounds, ns);
  return kept(`${name}: ${own.name} to ${to}`, times(ratio), `${limit}x`, ratio.median <= limit);
}

function fastestPeer(entries) {
  const peers = entries.filter((entry) => entry.package !== undefined);
  return peers.toSorted((a, b) => medianOf(a.rounds, ns) - medianOf(b.rounds, ns))[0];
}
