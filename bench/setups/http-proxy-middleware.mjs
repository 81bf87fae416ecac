/** http-proxy-middleware 3 on express 5, with a keep-alive agent. */
import { Agent, createServer } from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { listen } from '../lib/listen.mjs';

export async function start({ upstream }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 });
  const app = express();
  app.use(createProxyMiddleware({ target: upstream, agent }));
  return { port: await listen(createServer(app)) };
}
