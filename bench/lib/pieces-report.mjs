import { table } from './report.mjs';
import { medianOf, quantile, ratios } from './stats.mjs';

const ns = (round) => round.ns;
const isOwn = ({ name }) => name.startsWith('innergate');

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
  const head = ['contender', 'ns CPU/call', 'middle half', 'x fastest peer', ...(fresh ? ['heap afterwards (MB)'] : [])];
  return `### ${name[0].toUpperCase()}${name.slice(1)}\n\n${table(head, rows)}`;
}

/** The slowest of our own against the fastest of the others. */
function verdict({ name, entries }) {
  const peer = fastestPeer(entries);
  const own = entries.filter((entry) => isOwn(entry) && !entry.isPart);
  if (peer === undefined || own.length === 0) return `- ${name}: nothing to compare`;
  const slowest = own.reduce((a, b) => (medianOf(b.rounds, ns) > medianOf(a.rounds, ns) ? b : a));
  const { median, low, high } = ratios(slowest.rounds, peer.rounds, ns);
  const got = `${median.toFixed(2)}x (middle half ${low.toFixed(2)}-${high.toFixed(2)})`;
  const answer = median < 1 ? 'yes' : 'no';
  return `- ${name}: \`${slowest.name}\` to \`${peer.name}\`, ${got}: faster than both: **${answer}**`;
}

function fastestPeer(entries) {
  const peers = entries.filter((entry) => entry.package !== undefined);
  return peers.toSorted((a, b) => medianOf(a.rounds, ns) - medianOf(b.rounds, ns))[0];
}
