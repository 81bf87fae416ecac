import { Readable } from 'node:stream';
import { bodyBytes } from '../core/body-bytes.js';
import { systemClock, type Clock } from '../core/clock.js';
import { compose } from '../core/compose.js';
import { derivedStream } from '../core/derived-stream.js';
import { Context } from '../core/context.js';
import { milliseconds, object, validate, type Schema } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import type { TrustProxy } from '../core/trust.js';
import type { GatewayRequest, GatewayResponse, Handler } from '../core/types.js';
import { Health, type HealthReport } from '../health/index.js';
import type { MetricsRegistry } from '../metrics/index.js';
import { flushLines } from '../logger/index.js';
import { Upstreams } from '../proxy/upstreams.js';
import { route, Router } from '../router/index.js';
import { assembleRoute, type AssembledRoute } from './assemble-route.js';
import { credentialNames } from './auth.js';
import type { GatewayConfig, RouteConfig } from './config.js';
import { Drain } from './drain.js';
import { Engines } from './engines.js';
import { explainRequest, type Explanation } from './explain.js';
import { measurementOf, type Measurement } from './metrics.js';
import { buildLayers, type Layer } from './layers.js';
import { GATEWAY_ORDER } from './order.js';
import { patternOf, validateConfig } from './parse.js';
import { ownPaths } from './own-paths.js';
import { planRoute } from './protect.js';
import type { GatewayStats } from './stats.js';
import { loggerOf } from './telemetry.js';

export interface DrainOptions {
  /**
   * How long the gateway still works as ever after readiness has turned 503, in ms: time for load balancers to see it
   * and send no more. From 0 on. @default 0
   */
  delayMs?: number;
}

export interface CloseOptions extends DrainOptions {
  /** How long requests in flight may go on after that, in ms. From 0 on. @default 10000 */
  timeoutMs?: number;
}

const drainFields = { delayMs: milliseconds({ min: 0 }) } satisfies Record<keyof DrainOptions, Schema>;
const closeFields = { ...drainFields, timeoutMs: milliseconds({ min: 0 }) } satisfies Record<
  keyof CloseOptions,
  Schema
>;

/**
 * Everything that a config asks for, composed once. Adapters mount it; `handle` serves programs that have no connection
 * to answer on.
 */
export class Gateway {
  /** As configured, in the order of the config. */
  readonly routes: readonly RouteConfig[];
  /** As configured. */
  readonly trustProxy: TrustProxy | undefined;
  readonly clock: Clock;
  readonly #router: Router<AssembledRoute, GatewayRequest>;
  readonly #pools: Upstreams;
  readonly #engines: Engines;
  readonly #assembled: readonly AssembledRoute[];
  readonly #health: Health;
  readonly #ownPaths: ReadonlyMap<string, string>;
  readonly #measurement: Measurement | null;
  readonly #drain = new Drain();
  readonly #layers: readonly Layer[];
  readonly #handle: Handler;

  /** @throws {ConfigError} with every fault of the config. */
  constructor(config: GatewayConfig) {
    validateConfig(config);
    this.routes = config.routes;
    this.trustProxy = config.trustProxy;
    this.clock = config.clock ?? systemClock;
    this.#pools = new Upstreams(this.clock);
    this.#engines = new Engines(this.clock, loggerOf(config, this.clock), this.#pools);
    this.#health = new Health({ clock: this.clock, details: () => this.#engines.details() });
    this.#ownPaths = new Map(ownPaths(config));
    this.#router = new Router({ caseSensitive: config.caseSensitive ?? false });
    const plans = config.routes.map((entry, index) => planRoute(entry, index, config, this.#engines));
    this.#engines.credentialNames = plans.flatMap(({ policies }) => credentialNames(policies.auth, this.#engines));
    this.#assembled = plans.map((plan) => assembleRoute(plan, this.#drain.middleware));
    for (const assembled of this.#assembled) this.#router.add(patternOf(assembled.config), assembled);
    this.#measurement = measurementOf(config, this.#engines);
    this.#layers = buildLayers(GATEWAY_ORDER, {
      config,
      engines: this.#engines,
      health: this.#health,
      measurement: this.#measurement,
    });
    this.#handle = this.handlerBefore((ctx) => refuse(ctx, 'ERR_GATEWAY_ROUTE_NOT_FOUND'));
  }

  /** The whole order of a request with `unmatched` at its end: what a request without a route meets. */
  handlerBefore(unmatched: Handler): Handler {
    return compose([...this.#layers.map(({ middleware }) => middleware), route(this.#router)], unmatched);
  }

  /** Answers a request; the exchange is over when the answer's body has been read or destroyed. */
  async handle(request: GatewayRequest): Promise<GatewayResponse> {
    const ctx = new Context(request, { clock: this.clock });
    const response = await this.#handle(ctx);
    ctx.completeAnswer(response.headers);
    const { status, body } = response;
    if (body === null || typeof body === 'string' || body instanceof Uint8Array) {
      ctx.finish({ status, aborted: false, bytesIn: bodyBytes(request.body), bytesOut: bodyBytes(body) });
      return response;
    }
    const stream = body instanceof Readable ? body : derivedStream(body, body);
    stream.once('close', () => {
      const aborted = !stream.readableEnded;
      ctx.finish({ status, aborted, bytesIn: bodyBytes(request.body), bytesOut: bodyBytes(body) });
    });
    return { ...response, body: stream };
  }

  /** Which route a request would take and why, the URL sent upstream, and the layers on the way. Nothing is sent. */
  explain(method: string, url: string, headers: Readonly<Record<string, string>> = {}): Explanation {
    return explainRequest(this.#router, this.#layers, this.#ownPaths, method, url, headers);
  }

  /** True once the gateway is to end: adapters then ask clients to close their connections. */
  get isDraining(): boolean {
    return this.#drain.isDraining;
  }

  /** What is known of the health of the process now; no check runs for it. */
  health(): HealthReport {
    return this.#health.report();
  }

  /** The metrics, for a handler or a registry of your own; `null` where the config does not ask for them. */
  get metrics(): MetricsRegistry | null {
    return this.#measurement?.registry ?? null;
  }

  /** What is under way, and what has been used since the start. */
  stats(): GatewayStats {
    const usage = this.#measurement?.counting.usage?.snapshot() ?? { routes: {}, consumers: {} };
    const { uptime, circuits, upstreams = {}, pools = {} } = this.#health.report();
    const { inFlight } = this.#drain;
    return { uptime, inFlight, ...usage, circuits, refused: this.#engines.refused(), upstreams, pools };
  }

  /**
   * Turns readiness to 503 at once, and after the delay asks clients with every answer to close their connections.
   * Requests are answered as before.
   *
   * @throws {ConfigError} when an option is wrong.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    validate('drain', options, object(drainFields));
    const { delayMs = 0 } = options;
    this.#health.drain();
    if (delayMs > 0) await new Promise<void>((resolve) => this.clock.setTimer(resolve, delayMs));
    this.#drain.begin();
  }

  /**
   * Ends the gateway: drains it, and when nothing is in flight or the time is up ends the connections to upstreams.
   * Every further request is refused with 503. It never ends the process.
   *
   * @throws {ConfigError} when an option is wrong.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    validate('close', options, object(closeFields));
    const { timeoutMs = 10_000, delayMs = 0 } = options;
    await this.drain({ delayMs });
    await this.#drain.close(timeoutMs, this.clock);
    await this.#pools.close();
    for (const { service } of this.#assembled) for (const proxy of service.proxies) await proxy.close();
    this.#health.close();
    await this.#engines.close();
    await flushLines();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Builds a gateway from a config, for every host there is an adapter for, and for those there is none.
 *
 * @throws {ConfigError} with every fault of the config.
 *
 * @example
 * const gateway = createGateway({ routes: [{ path: '/api/users', target: 'http://users:3001' }] });
 * console.log(gateway.explain('GET', '/api/users/42').upstreamUrl); // http://users:3001/42
 */
export function createGateway(config: GatewayConfig): Gateway {
  return new Gateway(config);
}

/**
 * A gateway as it is, or one built from a config. Told by its shape: a program can hold two copies of this package, one
 * for `import` and one for `require`.
 *
 * @throws {ConfigError} with every fault of the config.
 */
export function toGateway(configOrGateway: GatewayConfig | Gateway): Gateway {
  return 'handlerBefore' in configOrGateway ? configOrGateway : createGateway(configOrGateway);
}
