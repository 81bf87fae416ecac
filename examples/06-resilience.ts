/** A service that fails now and then, behind retries, a circuit breaker and a fallback; and a breaker without a gateway. */
import { createServer } from 'node:http';
import { CircuitBreaker, isCircuitOpenError } from 'innergate/circuit-breaker';
import { gateway } from 'innergate/node';
import { isProgram, listen, type Running } from './support.js';

/** Fails at every other request, and always at `/broken`. */
function startStock(): Promise<Running> {
  let requests = 0;
  return listen(
    createServer((req, res) => {
      const fails = req.url === '/broken' || ++requests % 2 === 1;
      res.writeHead(fails ? 503 : 200, { 'content-type': 'application/json' });
      res.end(fails ? '{"error":"out of order"}' : '{"inStock":3}');
    }),
  );
}

const breaker = new CircuitBreaker({
  failureThreshold: 2,
  timeoutMs: 1_000,
  isFailedResult: (answer) => (answer as Response).status >= 500,
});

/** The same without a gateway: the status that a service answers with. While it is down it is not asked. */
export async function statusOf(url: string): Promise<number | 'not asked'> {
  try {
    const { status } = await breaker.execute((signal) => fetch(url, { signal: signal ?? null }));
    return status;
  } catch (error) {
    if (isCircuitOpenError(error)) return 'not asked';
    throw error;
  }
}

export async function start(): Promise<Running> {
  const stock = await startStock();
  const api = gateway({
    health: { details: ['loopback'] },
    routes: [
      {
        path: '/stock',
        target: stock.url,
        retry: { retries: 2, backoffMs: 20 },
        circuitBreaker: { failureThreshold: 5, resetTimeout: 10_000, timeout: 1_000 },
        fallback: { body: { inStock: null, source: 'fallback' } },
      },
    ],
  });
  const server = await listen(createServer(api));
  return {
    url: server.url,
    async close() {
      await api.close();
      await Promise.all([server.close(), stock.close()]);
    },
  };
}

if (isProgram(import.meta.filename)) console.log(`/stock/1, /stock/broken and /health on ${(await start()).url}`);
