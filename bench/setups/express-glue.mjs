/**
 * What one glues together without a gateway: cors, express-rate-limit, express-jwt and opossum around
 * http-proxy-middleware, on express.
 */
import { Agent, createServer } from 'node:http';
import cors from 'cors';
import express from 'express';
import { expressjwt } from 'express-jwt';
import { rateLimit } from 'express-rate-limit';
import { createProxyMiddleware } from 'http-proxy-middleware';
import CircuitBreaker from 'opossum';
import { bearer, hs256 } from '../lib/credentials.mjs';
import { listen } from '../lib/listen.mjs';
import { origin, wideLimit } from '../lib/traffic.mjs';

export async function start({ upstream }) {
  const { key, issue } = hs256();
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
  app.use(cors({ origin }));
  app.use(rateLimit({ ...wideLimit, standardHeaders: 'draft-8', legacyHeaders: false }));
  app.use(expressjwt({ ...key, algorithms: ['HS256'] }));
  app.use((req, res, next) => {
    breaker.fire(req, res, next).catch(() => res.headersSent || res.status(503).end());
  });
  const headers = { Origin: origin, Authorization: bearer(issue(1)) };
  return { port: await listen(createServer(app)), headers };
}
