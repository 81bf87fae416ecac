/** A server as it runs in production: probes, metrics with one of the app's own, traces, a quiet log, and an end without an error. */
import { createGateway } from 'innergate';
import { serve } from 'innergate/node';
import { startOrders, startUsers } from './services.js';
import { isProgram, type Running } from './support.js';

/** `drainDelayMs` is the time that a load balancer needs to see that `/readyz` has turned 503. */
export async function start(drainDelayMs = 0): Promise<Running> {
  const [users, orders] = await Promise.all([startUsers(), startOrders('a')]);
  let isPaused = false;

  const gateway = createGateway({
    accessLog: {
      // Probes and scrapes come every few seconds; of the rest every second line is enough, but for what went wrong.
      skip: (ctx) => ctx.route === null && ctx.refusal === null,
      sampleRate: 0.5,
      random: alternate(),
    },
    metrics: { viewers: ['loopback', 'uniquelocal'] },
    tracing: { answerHeader: true, incoming: 'restart' },
    health: {
      details: ['loopback'],
      service: 'shop',
      checks: {
        paused: { check: () => !isPaused, critical: true, cacheMs: 0 },
        orders: async (signal) => (await fetch(orders.url, { signal })).ok,
      },
    },
    routes: [
      { path: '/users', id: 'users', target: users.url },
      { path: '/orders', id: 'orders', target: orders.url, retry: true, circuitBreaker: true },
      { path: '/admin/pause', methods: ['POST'], ipFilter: { allow: ['loopback'] }, respond: pause },
    ],
  });
  const pauses = gateway.metrics?.counter({ name: 'shop_pauses_total', help: 'Times that the shop was paused.' });

  function pause() {
    isPaused = true;
    pauses?.series().inc();
    return { status: 204, headers: {}, body: null };
  }

  const server = await serve(gateway, { port: 0, drainDelayMs, drainTimeoutMs: 20_000 });
  return {
    url: server.url,
    async close() {
      await server.close();
      await Promise.all([users.close(), orders.close()]);
    },
  };
}

/** In the place of chance, so that whoever tries it sees a line for every second request. */
function alternate(): () => number {
  let turn = 0;
  return () => (turn++ % 2) * 0.9;
}

if (isProgram(import.meta.filename)) console.log(`/users/1, /readyz and /metrics on ${(await start(5_000)).url}`);
