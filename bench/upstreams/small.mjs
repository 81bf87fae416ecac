/** The upstream of the speed runs: answers everything with the small JSON body, from nginx where it is installed. */
import { createServer } from 'node:http';
import { listen } from '../lib/listen.mjs';
import { nginxVersion, startNginx } from '../lib/nginx.mjs';
import { body } from '../lib/traffic.mjs';

export async function start() {
  if (nginxVersion() !== undefined) {
    return startNginx(
      (port) => `
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location / { default_type application/json; return 200 '${body}'; }
      }`,
    );
  }
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const server = createServer((req, res) => res.writeHead(200, headers).end(body));
  return { port: await listen(server) };
}
