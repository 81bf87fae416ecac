import { Readable } from 'node:stream';
import { systemClock, type Clock } from '../core/clock.js';
import type { Context } from '../core/context.js';
import type { Destination } from '../core/destination.js';
import { flatText } from '../core/flat-text.js';
import { isIdempotent } from '../core/idempotent.js';
import { validate } from '../core/options.js';
import { refuse } from '../core/refuse.js';
import { MAX_PATTERN_INPUT } from '../core/slow-pattern.js';
import type { GatewayResponse, HeaderMap, MaybePromise } from '../core/types.js';
import { VERSION } from '../core/version.js';
import { DeadlineQueue } from './deadline-queue.js';
import { dispatchBody, type DispatchOptions } from './dispatcher.js';
import { Exchange } from './exchange.js';
import { proxySchema, type ProxyOptions } from './options.js';
import { requestHeaders } from './request-headers.js';
import { cleanResponseHeaders } from './response-headers.js';
import { rewriteCookies, rewriteLocation } from './response-rewrite.js';
import type { UpstreamBody } from './upstream-body.js';
import { compileUpstreamPath, type UpstreamPath } from './upstream-path.js';
import type { Upstream, UpstreamOptions } from './upstream.js';
import { Upstreams } from './upstreams.js';

/** What every exchange of one proxy shares. */
export interface ExchangeSettings {
  readonly firstByteDeadlines: DeadlineQueue;
  readonly idleDeadlines: DeadlineQueue;
  readonly totalMs: number;
  readonly maxResponseBytes: number;
  /** The header of the request upstream, flat. */
  readonly headers: (ctx: Context, target: Target) => (string | string[])[];
  readonly answer: (
    ctx: Context,
    target: Target,
    status: number,
    headers: HeaderMap,
    body: UpstreamBody | null,
  ) => GatewayResponse;
}

/** What a proxy shares with others in one program. */
export interface HttpProxyContext {
  /** Pools of connections; whoever made them closes them. @default pools of its own */
  upstreams?: Upstreams;
  /** @default systemClock */
  clock?: Clock;
}

/** One upstream of a proxy, and the rule for its paths. */
export interface Target {
  /** Whose target it is; `null` = the proxy's own. */
  readonly destination: Destination | null;
  readonly upstream: Upstream;
  readonly path: UpstreamPath;
}

/**
 * Sends requests to an upstream over pooled connections and streams the answers back.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const users = new HttpProxy({ target: 'http://users:3001' });
 * const response = await users.forward(ctx);
 */
export class HttpProxy {
  /** `null` where every request has a destination. */
  readonly #target: Target | null;
  readonly #destinations = new Map<Destination, Target>();
  readonly #upstreams: Upstreams;
  readonly #ownUpstreams: boolean;
  readonly #options: ProxyOptions;
  readonly #settings: ExchangeSettings;
  readonly #connection: UpstreamOptions;

  constructor(options: ProxyOptions = {}, { upstreams, clock = systemClock }: HttpProxyContext = {}) {
    validate('proxy', options, proxySchema);
    const { target, timeouts: { connectMs, firstByteMs = 30_000, idleMs = 60_000, totalMs = Infinity } = {} } = options;
    this.#options = options;
    this.#connection = connectionOptions({ ...options, connectMs });
    this.#upstreams = upstreams ?? new Upstreams(clock);
    this.#ownUpstreams = upstreams === undefined;
    this.#target = target === undefined ? null : this.#open(target, null);
    this.#settings = {
      firstByteDeadlines: new DeadlineQueue(clock, firstByteMs),
      idleDeadlines: new DeadlineQueue(clock, idleMs),
      totalMs,
      maxResponseBytes: options.maxResponseBytes ?? Infinity,
      headers: this.#headers,
      answer: this.#answer,
    };
  }

  /**
   * The answer of the upstream: of `ctx.destination` where there is one, else of the target. Rejects with a
   * `GatewayError` where there is none.
   */
  forward(ctx: Context): MaybePromise<GatewayResponse> {
    const target = ctx.destination === null ? this.#target : this.#targetOf(ctx.destination);
    if (target === null) return refuse(ctx, 'ERR_GATEWAY_NO_TARGETS', { reason: 'the proxy has no target' });
    return target.upstream.isOpen ? this.#send(ctx, target) : target.upstream.ready.then(() => this.#send(ctx, target));
  }

  /** The URL that a request would be sent to, for explanations; `null` where its path is refused, or nothing is known. */
  urlFor(ctx: Context): string | null {
    const target = ctx.destination === null ? this.#target : this.#targetOf(ctx.destination);
    const url = target === null ? null : this.#urlOf(ctx, target.path);
    return target === null || url === null ? null : target.upstream.origin + url;
  }

  /** Ends the connections that this proxy opened for itself, and what runs on them. */
  async close(): Promise<void> {
    this.#settings.firstByteDeadlines.close();
    this.#settings.idleDeadlines.close();
    if (this.#ownUpstreams) await this.#upstreams.close();
  }

  #open(url: string, destination: Destination | null): Target {
    return {
      destination,
      upstream: this.#upstreams.get(url, this.#connection),
      path: compileUpstreamPath(new URL(url).pathname.replace(/\/$/, ''), this.#options),
    };
  }

  #targetOf(destination: Destination): Target {
    const known = this.#destinations.get(destination);
    if (known !== undefined) return known;
    const target = this.#open(destination.url, destination);
    this.#destinations.set(destination, target);
    destination.onDeparture(() => {
      this.#destinations.delete(destination);
      this.#upstreams.release(target.upstream);
    });
    return target;
  }

  #urlOf(ctx: Context, path: UpstreamPath): string | null {
    const { request, drafted } = ctx;
    if (drafted !== null && drafted.url !== null) return path.basePath + drafted.url;
    const rewritten = path.of(ctx);
    return rewritten === null ? null : flatText(rewritten, (drafted ?? request).query);
  }

  #send(ctx: Context, target: Target): MaybePromise<GatewayResponse> {
    const { upstream, path } = target;
    const { request, drafted } = ctx;
    if (request.rawPath.length > MAX_PATTERN_INPUT && this.#options.pathRewrite !== undefined) {
      return refuse(ctx, 'ERR_GATEWAY_URL_TOO_LONG');
    }
    if (request.bodyFault !== null && drafted?.body == null) {
      return refuse(ctx, request.bodyFault.code, { detail: request.bodyFault.detail });
    }
    const url = this.#urlOf(ctx, path);
    if (url === null) return refuse(ctx, 'ERR_GATEWAY_REQUEST_MALFORMED', { detail: 'The path is ambiguous.' });
    if (upstream.isBusy) return refuse(ctx, 'ERR_GATEWAY_UPSTREAM_BUSY');
    ctx.target = upstream.origin;
    ctx.deadline = Math.min(ctx.deadline, ctx.startedAt + this.#settings.totalMs);
    const method = drafted?.method ?? request.method;
    const body = dispatchBody(drafted === null ? request.body : drafted.body);
    const options: DispatchOptions = {
      origin: upstream.origin,
      path: url,
      method,
      headers: [],
      body,
      servername: upstream.servername,
      exchange: null,
    };
    const mayRepeat = isIdempotent(method, request.headers) && !(body instanceof Readable);
    return new Promise((resolve, reject) => {
      new Exchange(ctx, target, this.#settings, options, mayRepeat, resolve, reject).start();
    });
  }

  readonly #headers: ExchangeSettings['headers'] = (ctx, { upstream }) => {
    const { changeOrigin = false, defaultContentType } = this.#options;
    const host = changeOrigin ? upstream.authority : ctx.request.host;
    return requestHeaders(ctx, { host, defaultContentType });
  };

  readonly #answer: ExchangeSettings['answer'] = (ctx, { upstream, path }, status, received, body) => {
    const headers = cleanResponseHeaders(received, status);
    const { rewriteLocation: mapLocation = true, cookieDomainRewrite, cookiePathRewrite } = this.#options;
    if (mapLocation && headers.location !== undefined) rewriteLocation(headers, ctx, upstream, path.internalPrefix);
    if (cookieDomainRewrite !== undefined) rewriteCookies(headers, 'domain', cookieDomainRewrite);
    if (cookiePathRewrite !== undefined) rewriteCookies(headers, 'path', cookiePathRewrite);
    const { responseTimeHeader, versionHeader } = this.#options;
    if (responseTimeHeader) headers['x-response-time'] = `${(ctx.clock.now() - ctx.startedAt).toFixed(1)}ms`;
    if (versionHeader) headers['x-gateway-version'] = VERSION;
    return { status, headers, body };
  };
}

/** What tells the pools of two proxies apart, without what is not given. */
function connectionOptions(given: {
  [Name in keyof UpstreamOptions]: UpstreamOptions[Name] | undefined;
}): UpstreamOptions {
  const { maxConnections, maxQueue, keepAliveMs, connectMs, maxSocketAgeMs, maxRequestsPerSocket } = given;
  const { allowedAddresses, socketPath, tls, dispatcher } = given;
  const limits = { maxConnections, maxQueue, keepAliveMs, connectMs, maxSocketAgeMs, maxRequestsPerSocket };
  const options = { ...limits, allowedAddresses, socketPath, tls, dispatcher };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
