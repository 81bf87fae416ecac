/** A gateway in a Koa app. The onion stays whole: middleware outside sees the answers of the services. */
import { createServer } from 'node:http';
import Koa from 'koa';
import { gateway } from 'innergate/koa';
import { startOrders, startProducts } from './services.js';
import { isProgram, listen, type Running } from './support.js';

export async function start(): Promise<Running> {
  const [products, orders] = await Promise.all([startProducts(), startOrders('a')]);

  const app = new Koa();
  app.use(async (ctx, next) => {
    await next();
    ctx.set('X-Answered', `${ctx.method} ${ctx.path} ${ctx.status}`);
  });
  const api = gateway({
    routes: [
      { path: '/shop', target: products.url },
      // The more specific path wins, whatever the order; the service sees /of-product/2.
      { path: '/shop/:id/orders', target: orders.url, rewrite: '/of-product/:id' },
    ],
  });
  app.use(api);
  app.use((ctx) => {
    ctx.body = 'the app itself';
  });

  const handle = app.callback();
  const server = await listen(createServer((req, res) => void handle(req, res)));
  return {
    url: server.url,
    async close() {
      await api.close();
      await server.close();
      await Promise.all([products.close(), orders.close()]);
    },
  };
}

if (isProgram(import.meta.filename)) console.log(`Koa listens on ${(await start()).url}`);
