/** What services say, in the words of the outside: paths, fields and bodies that change on the way, and requests that must fit. */
import { createServer } from 'node:http';
import { gateway } from 'innergate/node';
import { startOrders, startProducts, startUsers } from './services.js';
import { isProgram, listen, type Running } from './support.js';

const newOrder = {
  type: 'object',
  properties: { product: { type: 'integer', minimum: 1 }, note: { type: 'string', maxLength: 200 } },
  required: ['product'],
  additionalProperties: false,
};

export async function start(): Promise<Running> {
  const [users, orders, products] = await Promise.all([startUsers(), startOrders('a'), startProducts()]);
  const api = gateway({
    defaults: { compression: { minBytes: 0 } },
    routes: [
      {
        path: '/people/:id',
        target: users.url,
        transforms: {
          request: { type: 'rewrite-path', value: '/{params.id}' },
          // As this service would give it, if it gave links: with a host that only the inside knows.
          response: { rename: { body: { name: 'fullName' } }, add: { body: { self: `${users.url}/{params.id}` } } },
        },
        rewriteUrls: { urls: { [users.url]: '/people' }, types: ['application/json'] },
      },
      {
        path: '/orders',
        target: orders.url,
        validation: { body: newOrder },
        transforms: {
          request: { add: { headers: { 'X-Channel': 'web' }, body: { channel: 'web', trace: '{requestId}' } } },
          response: { omit: ['instance'] },
        },
      },
      {
        path: '/products',
        target: products.url,
        transforms: { response: { body: (list) => ({ count: (list as unknown[]).length, items: list }) } },
        stripHeaders: true,
      },
    ],
  });
  const server = await listen(createServer(api));
  return {
    url: server.url,
    async close() {
      await api.close();
      await server.close();
      await Promise.all([users.close(), orders.close(), products.close()]);
    },
  };
}

if (isProgram(import.meta.filename)) console.log(`/people/1, /orders and /products on ${(await start()).url}`);
