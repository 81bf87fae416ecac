import { Readable } from 'node:stream';
import { bodyBytes } from '../core/body-bytes.js';
import { systemClock, type Clock } from '../core/clock.js';
import { compose } from '../core/compose.js';
import { Context } from '../core/context.js';
import { refuse } from '../core/refuse.js';
import type { TrustProxy } from '../core/trust.js';
import type { GatewayRequest, GatewayResponse, Handler } from '../core/types.js';
import { Health, type HealthReport } from '../health/index.js';
import { healthPath } from '../health/middleware.js';
import { eventLog, type EventLog } from '../logger/index.js';
import { flushLines } from '../logger/json-lines.js';
import { Upstreams } from '../proxy/upstream.js';
import { route, Router } from '../router/index.js';
import { assembleRoute, type AssembledRoute } from './assemble-route.js';
import type { GatewayConfig, RouteConfig } from './config.js';
import { Drain } from './drain.js';
import { Engines } from './engines.js';
import { explainRequest, type Explanation } from './explain.js';
import { buildLayers, GATEWAY_ORDER, type Layer } from './order.js';
import { patternOf, validateConfig } from './parse.js';
import { planRoute } from './protect.js';

export interface CloseOptions {
  /** How long requests in flight may go on, in ms. From 0 on. @default 10000 */
  timeoutMs?: number;
}

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
  readonly #upstreams: Upstreams;
  readonly #engines: Engines;
  readonly #assembled: readonly AssembledRoute[];
  readonly #health: Health;
  /** `null` where health is off. */
  readonly #healthPath: string | null;
  readonly #drain = new Drain();
  readonly #layers: readonly Layer[];
  readonly #handle: Handler;

  /** @throws {ConfigError} with every fault of the config. */
  constructor(config: GatewayConfig) {
    validateConfig(config);
    this.routes = config.routes;
    this.trustProxy = config.trustProxy;
    this.clock = config.clock ?? systemClock;
    this.#upstreams = new Upstreams(this.clock);
    this.#engines = new Engines(this.clock, logOf(config, this.clock));
    this.#health = new Health(this.clock, () => this.#engines.details());
    this.#healthPath = config.health === false ? null : healthPath(config.health === true ? {} : config.health);
    this.#router = new Router({ caseSensitive: config.caseSensitive ?? false });
    this.#assembled = config.routes.map((entry, index) =>
      assembleRoute(entry, planRoute(entry, index, config, this.#engines), this.#upstreams, this.#drain.middleware),
    );
    for (const assembled of this.#assembled) this.#router.add(patternOf(assembled.config), assembled);
    this.#layers = buildLayers(GATEWAY_ORDER, { config, engine: this.#health });
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
    const stream = body instanceof Readable ? body : Readable.from(body, { objectMode: false });
    stream.once('close', () => {
      const aborted = !stream.readableEnded;
      ctx.finish({ status, aborted, bytesIn: bodyBytes(request.body), bytesOut: bodyBytes(body) });
    });
    return { ...response, body: stream };
  }

  /** Which route a request would take and why, the URL sent upstream, and the layers on the way. Nothing is sent. */
  explain(method: string, url: string, headers: Readonly<Record<string, string>> = {}): Explanation {
    return explainRequest(this.#router, this.#layers, this.#healthPath, method, url, headers);
  }

  /** True once the gateway is to end: adapters then ask clients to close their connections. */
  get isDraining(): boolean {
    return this.#drain.isDraining;
  }

  health(): HealthReport {
    return this.#health.report();
  }

  /** Health turns 503 at once, and answers ask clients to close their connections. Requests are answered as before. */
  drain(): void {
    this.#health.drain();
    this.#drain.begin();
  }

  /**
   * Ends the gateway: drains it, and when nothing is in flight or the time is up ends the connections to upstreams.
   * Every further request is refused with 503.
   */
  async close({ timeoutMs = 10_000 }: CloseOptions = {}): Promise<void> {
    this.drain();
    await this.#drain.close(timeoutMs, this.clock);
    await this.#upstreams.close();
    for (const { proxy } of this.#assembled) await proxy?.close();
    await this.#engines.close();
    flushLines();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Events go where the lines of the access log go. */
function logOf({ accessLog = true }: GatewayConfig, clock: Clock): EventLog | null {
  if (accessLog === false) return null;
  return eventLog(clock, accessLog === true ? undefined : accessLog.sink);
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
