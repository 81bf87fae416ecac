/** The proxy that one writes by hand: node:http on both sides, a keep-alive agent, `pipe`. */
import { Agent, createServer, request } from 'node:http';
import { listen } from '../lib/listen.mjs';

export async function start({ upstream }) {
  const { hostname, port } = new URL(upstream);
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const server = createServer((req, res) => {
    const headers = { ...req.headers };
    delete headers.connection;
    delete headers.host;
    const outgoing = request({ agent, hostname, port, method: req.method, path: req.url, headers }, (answer) => {
      const { connection, 'keep-alive': keepAlive, 'transfer-encoding': encoding, ...rest } = answer.headers;
      res.writeHead(answer.statusCode, rest);
      answer.pipe(res);
    });
    outgoing.on('error', () => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
    res.on('close', () => res.writableFinished || outgoing.destroy());
    if (req.method === 'GET' || req.method === 'HEAD') outgoing.end();
    else req.pipe(outgoing);
  });
  return { port: await listen(server) };
}
