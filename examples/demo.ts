/** An Express app with a gateway in front of three services, all on this machine, and lines to paste. Ctrl-C drains. */
import { createServer } from 'node:http';
import express from 'express';
import { gateway } from 'innergate/express';
import { routeTable } from 'innergate/node';
import { startOrders, startProducts, startUsers } from './services.js';
import { isProgram, listen, type Running } from './support.js';

export async function start(): Promise<Running> {
  const services = await Promise.all([startUsers(), startProducts(), startOrders('a'), startOrders('b')]);
  const [users, products, ...orders] = services.map(({ url }) => url) as [string, string, ...string[]];
  const app = express();
  const api = gateway({
    routes: [
      { path: '/api/users', target: users },
      { path: '/api/orders', target: orders },
      { path: '/api/products', target: products, methods: ['GET'] },
    ],
  });
  app.use(api);
  app.use((_req, res) => void res.status(404).json({ error: 'the app has no such page' }));
  const server = await listen(createServer(app), Number(process.env.PORT ?? 0));
  console.log(`${routeTable(api.gateway)}\n\n${linesToPaste(server.url)}`);
  return {
    url: server.url,
    async close() {
      await api.close();
      await server.close();
      await Promise.all(services.map((service) => service.close()));
    },
  };
}

function linesToPaste(url: string): string {
  return `The gateway listens on ${url}. Lines for another terminal:
users and products; the prefix is taken off on the way
  curl ${url}/api/users/1
  curl ${url}/api/products
orders, from two instances in turn
  curl ${url}/api/orders
  curl ${url}/api/orders
a new order; the service said Location: /2
  curl -i -H 'content-type: application/json' -d '{"product":1}' ${url}/api/orders
a streamed answer, event by event
  curl -N ${url}/api/orders/events
no route: the app's own 404; a method that the route does not take: 405 with Allow
  curl -i ${url}/nothing
  curl -i -X DELETE ${url}/api/products/1
health
  curl ${url}/health
`;
}

if (isProgram(import.meta.filename)) {
  const { close } = await start();
  // A wrapper such as npm may send the same signal again: it must not cut off what is still running.
  await new Promise((resolve) => process.on('SIGINT', resolve).on('SIGTERM', resolve));
  await close();
  console.log('drained');
}
