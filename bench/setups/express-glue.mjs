/** What one glues together without a gateway: express-rate-limit and opossum around http-proxy-middleware, on express. */
import { Agent, createServer } from 'node:http';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import { createProxyMiddleware } from 'http-proxy-middleware';
import CircuitBreaker from 'opossum';
import { listen } from '../lib/listen.mjs';
import { wideLimit } from '../lib/traffic.mjs';

export async function start({ upstream }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const proxy = createProxyMiddleware({ target: upstream, agent });
  const breaker = new CircuitBreaker(forward);

  function forward(req, res, next) {
    return new Promise((resolve, reject) => {
      res.once('close', () => (res.statusCode < 500 ? resolve() : reject(new Error(`status ${res.statusCode}`))));
      proxy(req, res, next);
    });
  }

  const app = express();
  app.use(rateLimit({ ...wideLimit, standardHeaders: 'draft-8', legacyHeaders: false }));
  app.use((req, res, next) => {
    breaker.fire(req, res, next).catch(() => res.headersSent || res.status(503).end());
  });
  return { port: await listen(createServer(app)) };
}
