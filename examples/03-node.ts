/** A gateway that is the whole server: bare node:http, with the limits that a server on the network needs. */
import type { Middleware } from 'innergate';
import { serve } from 'innergate/node';
import { startProducts, startUsers } from './services.js';
import { isProgram, type Running } from './support.js';

/** A middleware of one's own: answer, or return what is next and work on it. */
const internalOnly: Middleware = (ctx, next) => {
  if (ctx.request.headers['x-internal'] === 'yes') return next(ctx);
  return { status: 403, headers: { 'content-type': 'text/plain' }, body: 'for colleagues only\n' };
};

export async function start(): Promise<Running> {
  const [users, products] = await Promise.all([startUsers(), startProducts()]);
  const server = await serve(
    {
      routes: [
        { path: '/users', target: users.url, use: [internalOnly] },
        { path: '/products', target: products.url, methods: ['GET'], timeouts: { firstByteMs: 2_000 } },
      ],
      defaults: { maxBodyBytes: 1_048_576 },
    },
    { port: 0, requestTimeoutMs: 60_000 },
  );
  return {
    url: server.url,
    async close() {
      await server.close();
      await Promise.all([users.close(), products.close()]);
    },
  };
}

if (isProgram(import.meta.filename)) await start();
