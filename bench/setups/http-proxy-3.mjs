/** http-proxy-3, with a keep-alive agent. */
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy-3';
import { listen } from '../lib/listen.mjs';

export async function start({ upstream }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const proxy = httpProxy.createProxyServer({ target: upstream, agent });
  proxy.on('error', (error, req, res) => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
  return { port: await listen(createServer((req, res) => proxy.web(req, res))) };
}
