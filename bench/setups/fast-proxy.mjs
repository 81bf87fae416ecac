/** fast-proxy in its faster mode, with the undici that it brings along. */
import { createServer } from 'node:http';
import fastProxy from 'fast-proxy';
import { listen } from '../lib/listen.mjs';

export async function start({ upstream }) {
  const { proxy } = fastProxy({ base: upstream, undici: { connections: 128, pipelining: 1 } });
  const server = createServer((req, res) => proxy(req, res, req.url, {}));
  return { port: await listen(server) };
}
