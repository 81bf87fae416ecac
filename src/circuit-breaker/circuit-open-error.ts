import { GatewayError, isGatewayError } from '../core/errors.js';

/**
 * Thrown by `CircuitBreaker.execute` where the circuit lets no call through. It has no stack: an open circuit throws one
 * per call, and to collect the stack is most of what that would cost.
 */
export class CircuitOpenError extends GatewayError {
  override readonly name = 'CircuitOpenError';
  /** Name of the circuit. */
  readonly circuit: string;
  /** Until the circuit may let a call through, in whole ms. See `CircuitBreaker.retryAfterMs`. */
  readonly retryAfterMs: number;

  constructor(circuit: string, retryAfterMs: number) {
    super('ERR_GATEWAY_CIRCUIT_OPEN', `circuit '${circuit}' lets no call through; try again in ${retryAfterMs} ms`);
    this.circuit = circuit;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Makes the error without its stack. */
export function circuitOpenError(circuit: string, retryAfterMs: number): CircuitOpenError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new CircuitOpenError(circuit, retryAfterMs);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** True for a `CircuitOpenError` of any copy of this package. */
export function isCircuitOpenError(value: unknown): value is CircuitOpenError {
  return isGatewayError(value) && value.code === 'ERR_GATEWAY_CIRCUIT_OPEN' && 'retryAfterMs' in value;
}
