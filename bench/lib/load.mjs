/**
 * The load generator, a process of its own: 64 connections, each with one request in flight. It is driven by
 * messages, so that the CPU time of the setup is read while nothing is in flight, and counts match exactly.
 */
import { createHistogram } from 'node:perf_hooks';
import { Connection } from './connection.mjs';
import { body, encodeRequest, path } from './traffic.mjs';

const PRIME = 10; // requests per connection before the clock starts: opens the setup's own connections too
let connections = [];

const steps = {
  /** Opens the connections and sends a few requests through each. */
  async open({ port, headers, count }) {
    const request = encodeRequest(path, headers);
    const opening = Array.from({ length: count }, () => Connection.open(port, request, Buffer.byteLength(body)));
    connections = await Promise.all(opening);
    return drive((sent) => sent < PRIME);
  },
  /** Sends as fast as answers come for so long, then waits for the last ones. */
  async run({ ms }) {
    const until = performance.now() + ms;
    return drive(() => performance.now() < until);
  },
  close() {
    for (const connection of connections) connection.close();
    connections = [];
  },
};

export const start = () => ({ port: 0, questions: steps });

/** Keeps every connection busy while `more(sent on this connection)` holds. */
async function drive(more) {
  const histogram = createHistogram();
  const problems = new Map();
  const start = performance.now();
  let count = 0;

  const exhaust = (connection) =>
    new Promise((resolve) => {
      let sent = 0;
      let sentAt = 0;
      const next = () => {
        sent++;
        sentAt = performance.now();
        connection.send(answered);
      };
      const answered = (problem) => {
        histogram.record(Math.max(1, Math.round((performance.now() - sentAt) * 1e6)));
        if (problem === null) count++;
        else problems.set(problem, (problems.get(problem) ?? 0) + 1);
        if (!connection.closed && more(sent)) next();
        else resolve();
      };
      if (connection.closed) answered('the connection was closed');
      else next();
    });

  await Promise.all(connections.map(exhaust));
  return {
    count,
    seconds: (performance.now() - start) / 1e3,
    p50: histogram.percentile(50) / 1e3,
    p99: histogram.percentile(99) / 1e3,
    problems: [...problems],
  };
}
