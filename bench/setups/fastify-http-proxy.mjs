/** @fastify/http-proxy on fastify 5, its own undici, no logger. */
import fastify from 'fastify';
import httpProxy from '@fastify/http-proxy';

export async function start({ upstream }) {
  const app = fastify({ logger: false, keepAliveTimeout: 65_000 });
  await app.register(httpProxy, { upstream, undici: { connections: 128, pipelining: 1 } });
  await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  return { port: app.server.address().port };
}
