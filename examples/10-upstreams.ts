/** A fleet: instances behind one name, one of which is gone; a canary for a tenth of the users; an API in two versions. */
import { createServer } from 'node:http';
import { gateway } from 'innergate/node';
import { startOrders } from './services.js';
import { isProgram, listen, type Running } from './support.js';

export async function start(): Promise<Running> {
  const services = await Promise.all([startOrders('a'), startOrders('b'), startOrders('canary')]);
  const [first, second, canary] = services.map(({ url }) => url) as [string, string, string];
  const gone = 'http://127.0.0.1:1';

  const api = gateway({
    health: { details: ['loopback'] },
    upstreams: {
      orders: { targets: [first, { url: second, weight: 2 }, gone], outlier: { consecutiveFailures: 2 } },
      canary: { targets: canary, health: { path: '/', intervalMs: 5_000 } },
    },
    defaults: { retry: 2 },
    routes: [
      { path: '/orders', upstream: 'orders' },
      {
        path: '/beta',
        split: {
          variants: { stable: { weight: 9, to: { upstream: 'orders' } }, canary: { to: { upstream: 'canary' } } },
          by: { header: 'x-user' },
          override: { header: 'x-variant' },
          answerHeader: 'x-variant',
        },
      },
      {
        path: '/:version/orders',
        version: {
          by: { param: 'version' },
          versions: { 1: { to: { target: first }, sunset: '2027-06-30' }, 2: { to: { upstream: 'orders' } } },
        },
      },
    ],
  });
  const server = await listen(createServer(api));
  return {
    url: server.url,
    async close() {
      await api.close();
      await Promise.all([server, ...services].map((one) => one.close()));
    },
  };
}

/** The third instance of orders is gone, which nobody notices; `/health` says why it is out. */
export function linesToPaste(url: string): string {
  return `  curl ${url}/orders
  curl ${url}/health
  curl -i -H 'x-user: ada' ${url}/beta
  curl -i -H 'x-variant: canary' ${url}/beta
  curl -i ${url}/v1/orders
  curl -i ${url}/v3/orders`;
}

if (isProgram(import.meta.filename)) console.log(linesToPaste((await start()).url));
