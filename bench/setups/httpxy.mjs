/** httpxy, with a keep-alive agent. */
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'httpxy';
import { listen } from '../lib/listen.mjs';

export async function start({ upstream }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const proxy = createProxyServer({ target: upstream, agent });
  proxy.on('error', (error, req, res) => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
  const server = createServer((req, res) => {
    proxy.web(req, res).catch(() => {}); // reported by the event above
  });
  return { port: await listen(server) };
}
