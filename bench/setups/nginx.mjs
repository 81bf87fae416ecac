/** nginx as the proxy, one worker, keep-alive to the upstream: not Node, and so a yardstick rather than a peer. */
import { startNginx } from '../lib/nginx.mjs';

export const start = ({ upstream }) =>
  startNginx(
    (port) => `
    upstream backend { server ${new URL(upstream).host}; keepalive 128; keepalive_requests 1000000000; }
    server {
      listen 127.0.0.1:${port} backlog=4096;
      location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }`,
  );
