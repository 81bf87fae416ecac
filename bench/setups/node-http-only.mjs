/** node:http that answers by itself, without an upstream: what Node takes for being asked at all. */
import { createServer } from 'node:http';
import { listen } from '../lib/listen.mjs';
import { body } from '../lib/traffic.mjs';

export async function start() {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const server = createServer((req, res) => res.writeHead(200, headers).end(body));
  return { port: await listen(server) };
}
