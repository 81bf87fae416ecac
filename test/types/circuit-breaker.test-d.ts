// Compiled by `npm run types`, never run: what the compiler knows of a circuit, and the mistakes that it must find.
import { compose } from 'innergate/core';
import {
  circuitBreaker,
  CircuitBreaker,
  fallback,
  isCircuitOpenError,
  type CircuitPermit,
  type CircuitSnapshot,
  type CircuitState,
} from 'innergate/circuit-breaker';

const breaker = new CircuitBreaker({ name: 'users', errorThresholdPercentage: 50, timeoutMs: 3_000 });
export const user: Promise<{ id: number }> = breaker.execute(() => ({ id: 42 }));
export const later: Promise<string> = breaker.execute((signal) => Promise.resolve(String(signal?.aborted)));
export const permit: CircuitPermit | null = breaker.acquire();
export const state: CircuitState = breaker.state;
export const stop: () => void = breaker.onStateChange(({ to }) => {
  if (to === 'open') breaker.isolate();
});
// @ts-expect-error -- there is no such state
breaker.onStateChange(({ to }) => to === 'ajar');
export const restored = new CircuitBreaker({ restore: JSON.parse('{}') as CircuitSnapshot });
export const async = new CircuitBreaker({ onStateChange: async () => Promise.resolve() });

export function wait(error: unknown): number {
  return isCircuitOpenError(error) ? error.retryAfterMs : 0;
}

const middleware = circuitBreaker({ failureStatuses: [502, 503, 504], slowCallMs: 1_000 });
export const shared = circuitBreaker({ breaker: middleware.breaker });
compose([fallback({ body: { items: [] } }), middleware], () => ({ status: 204, headers: {}, body: null }));
fallback((_ctx, { code }) =>
  code === 'ERR_GATEWAY_CIRCUIT_OPEN' ? { status: 200, headers: {}, body: 'cached' } : null,
);

// @ts-expect-error -- a misspelt option
new CircuitBreaker({ resetTimout: 1_000 });

// @ts-expect-error -- the deadline of a request is the proxy's
circuitBreaker({ timeoutMs: 1_000 });

// @ts-expect-error -- without a signal there is none to read
void breaker.execute((signal) => signal.aborted);

// @ts-expect-error -- the state is the circuit's own business
breaker.state = 'closed';

// @ts-expect-error -- a permit may be refused
breaker.acquire().success();

// @ts-expect-error -- an answer needs a body, be it null
fallback({ status: 200 });
