/** A gateway in an Express app that has routes and a body parser of its own. */
import { createServer } from 'node:http';
import express from 'express';
import { gateway } from 'innergate/express';
import { startOrders, startUsers } from './services.js';
import { isProgram, listen, type Running } from './support.js';

export async function start(): Promise<Running> {
  const services = await Promise.all([startUsers(), startOrders('a'), startOrders('b')]);
  const [users, ...orders] = services.map(({ url }) => url) as [string, ...string[]];

  const app = express();
  const api = gateway({
    routes: [
      { path: '/api/users', target: users, methods: ['GET'] },
      { path: '/api/orders', target: orders },
      { path: '/api/version', exact: true, respond: { body: '1.0' } },
    ],
  });
  // Before the parsers: bodies stream through, whatever their type and size.
  app.use(api);
  app.use(express.json());

  // What no route of the gateway takes is the app's own.
  app.post('/contact', (req, res) => {
    const { subject } = req.body as { subject: string };
    res.status(202).json({ received: subject });
  });

  const server = await listen(createServer(app));
  return {
    url: server.url,
    async close() {
      await api.close();
      await server.close();
      await Promise.all(services.map((service) => service.close()));
    },
  };
}

if (isProgram(import.meta.filename)) console.log(`Express listens on ${(await start()).url}`);
