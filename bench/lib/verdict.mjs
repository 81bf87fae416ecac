import { cpus } from 'node:os';
import { compare, measures } from './report.mjs';
import { isOurs } from './setups.mjs';
import { spreadOf } from './stats.mjs';

const DRAW = 0.03; // closer than this is not called a win or a loss

const [major, minor] = process.versions.node.split('.');
export const machineText = () => `${cpus().length} cores, Node ${major}.${minor}, ${process.platform} ${process.arch}`;

/**
 * What was promised, whether it was kept, and where the gateway loses. As Markdown lines.
 * @param entries the setups of the table
 * @param added those whose differences count: the floor, and pairs of a plain setup and one that adds something
 */
export function speedVerdict(entries, added) {
  const find = (name) => entries.find((entry) => entry.name === name);
  const promise = (name, base, limit) => {
    if (!find(name) || !find(base)) return [];
    const ratio = compare(find(name), find(base), 'cpu');
    return [kept(`CPU per request, \`${name}\` to \`${base}\``, times(ratio), `${limit}x`, ratio.median <= limit)];
  };
  const comparison = (name, base) => {
    if (!find(name) || !find(base)) return [];
    return [`- CPU per request, \`${name}\` to \`${base}\`: ${times(compare(find(name), find(base), 'cpu'))}`];
  };
  return [
    ...promise('innergate-plain', 'floor', 1.12),
    ...promise('innergate-10k', 'innergate-10', 1.05),
    ...added.filter(({ plain }) => plain !== undefined).map(addedVerdict),
    ...promise('innergate-observed', 'floor', 1.45),
    ...promise('innergate-policies', 'floor', 1.45),
    ...comparison('innergate-policies', 'express-glue'),
    '',
    ...losses(entries, 'innergate-plain'),
    '',
    ...losses(entries, 'innergate-default'),
  ];
}

function addedVerdict({ name, rounds, plain }) {
  const share = spreadOf(rounds.map(({ cpu, floor }, i) => (cpu - plain.rounds[i].cpu) / floor.cpu));
  const what = `CPU per request that \`${name}\` adds to \`${plain.name}\` in one process, as a share of \`floor\``;
  return kept(what, times(share), '0.05x', share.median <= 0.05);
}

/** A ratio, for a line of a verdict. */
export const times = ({ median, low, high }) =>
  `${median.toFixed(3)}x (middle half ${low.toFixed(2)} to ${high.toFixed(2)})`;

function losses(entries, name) {
  const own = entries.find((entry) => entry.name === name);
  if (!own) return [];
  const lost = entries
    .filter((peer) => !isOurs(peer.name))
    .flatMap((peer) => {
      const worse = measures.flatMap(({ key, name: measure, better }) => {
        const { median } = compare(own, peer, key);
        const loses = better > 0 ? median < 1 - DRAW : median > 1 + DRAW;
        return loses ? [`${measure} ${median.toFixed(2)}x`] : [];
      });
      return worse.length > 0 ? [`- to \`${peer.name}\`: ${worse.join(', ')}`] : [];
    });
  if (lost.length === 0) return [`\`${name}\` loses to nothing measured here, on any of the measures.`];
  return [
    `Where \`${name}\` loses (its figure as a multiple of theirs, within ${DRAW * 100}% is a draw):`,
    '',
    ...lost,
  ];
}

/** The same for the memory checks. */
export function memoryVerdict({ download, idle }) {
  const lines = [];
  for (const { name, growth, pulled } of download.filter((row) => isOurs(row.name))) {
    const most = Math.max(growth, pulled) / 1024 / 1024;
    lines.push(kept(`stopped client, \`${name}\`, growth and taken`, `${most.toFixed(1)} MB`, '16 MB', most <= 16));
  }
  const [bare, own] = ['node-http-only', 'innergate-plain'].map((name) => idle.find((row) => row.name === name));
  if (bare && own) {
    const { median } = idleRatio(own, bare, 'rss');
    lines.push(kept('RSS per idle client, to bare node:http', `${median.toFixed(2)}x`, '1.25x', median <= 1.25));
  }
  return lines;
}

export const idleRatio = (own, bare, key) => compare({ rounds: own.runs }, { rounds: bare.runs }, key);

/** A line of a verdict. @param {boolean} good */
export const kept = (what, got, limit, good) =>
  `- ${what}: ${got}, at most ${limit} was promised: **${good ? 'kept' : 'missed'}**`;
