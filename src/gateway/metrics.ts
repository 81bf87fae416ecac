/** What the gateway measures of itself: the layers that count, and what is read for each scrape. */
import type { Middleware } from '../core/types.js';
import { boolean, either, inspect, literal, object, type Fault, type Schema } from '../core/options.js';
import { serverAddress, type ServerAddress } from '../core/server-address.js';
import { isOut } from '../core/upstream-report.js';
import {
  metrics,
  metricsEndpoint,
  processMetrics,
  type MetricsEndpointOptions,
  type MetricsMiddleware,
  type MetricsOptions,
  type MetricsRegistry,
} from '../metrics/index.js';
import { metricsEndpointFields } from '../metrics/endpoint.js';
import { metricsFields } from '../metrics/options.js';
import type { GatewayConfig } from './config.js';
import type { Engines } from './engines.js';

/** Metrics, and who may see them. */
export interface GatewayMetrics extends MetricsOptions, Pick<MetricsEndpointOptions, 'viewers'> {
  /** Where `GET` finds them; `false` = nowhere, and `gateway.metrics` is for a handler of your own. @default '/metrics' */
  path?: string | false;
  /** Figures of the process and of Node, too. @default true */
  process?: boolean;
}

const fields = object({
  ...metricsFields,
  path: either(literal(false), metricsEndpointFields.path),
  viewers: metricsEndpointFields.viewers,
  process: boolean,
} satisfies Record<keyof GatewayMetrics, Schema>);

/** The option `metrics` of a gateway. */
export const gatewayMetricsField: Schema = {
  ...fields,
  inspect(options: GatewayMetrics, at, faults: Fault[]) {
    inspect(fields, options, at, faults);
    if (options.path === false && options.viewers !== undefined)
      faults.push({ path: `${at}.viewers`, message: 'has no effect without path' });
  },
};

/** What counts, and what shows it; `null` where the config does not ask for metrics. */
export interface Measurement {
  readonly counting: MetricsMiddleware;
  readonly endpoint: Middleware | null;
  readonly registry: MetricsRegistry;
}

export function measurementOf(config: GatewayConfig, engines: Engines): Measurement | null {
  const { metrics: option = false } = config;
  if (option === false) return null;
  const { path, viewers, process = true, ...rest }: GatewayMetrics = option === true ? {} : option;
  const counting = metrics(rest);
  const { registry } = counting;
  if (process) {
    const figures = processMetrics(registry);
    engines.onClose(() => {
      figures.close();
    });
  }
  engines.onClose(collectEngines(registry, engines));
  const shown = { ...(path === undefined ? {} : { path }), ...(viewers === undefined ? {} : { viewers }) };
  const endpoint = path === false ? null : metricsEndpoint(registry, shown as MetricsEndpointOptions);
  return { counting, endpoint, registry };
}

/** Figures that engines keep anyway, and that are read when somebody asks. @returns What ends it. */
function collectEngines(registry: MetricsRegistry, engines: Engines): () => void {
  const circuits = registry.gauge({
    name: 'gateway_circuit_state',
    help: 'Whether a circuit is in this state: 1 or 0.',
    labels: ['circuit', 'state'],
  });
  const limited = registry.counter({
    name: 'gateway_rate_limited_total',
    help: 'Requests that a limit has refused, or would have in dry run.',
    labels: ['policy'],
  });
  const connections = registry.gauge({
    name: 'http_client_open_connections',
    help: 'Connections to an upstream.',
    labels: ['server_address', 'server_port', 'http_connection_state'],
  });
  const requests = registry.gauge({
    name: 'gateway_upstream_requests',
    help: 'Requests to an upstream that run, or wait for a connection.',
    labels: ['server_address', 'server_port', 'state'],
  });

  const healthy = registry.gauge({
    name: 'gateway_upstream_healthy',
    help: 'Whether a target of an upstream is used: 1, or 0 while it is out.',
    labels: ['upstream', 'target'],
  });

  const counted = new Map<string, number>();

  return registry.collect(function collectGatewayMetrics() {
    const { circuits: states } = engines.details();
    for (const [name, state] of Object.entries(states))
      for (const one of CIRCUIT_STATES) circuits.series(name, one).set(one === state ? 1 : 0);
    for (const [name, refused] of Object.entries(engines.refused())) {
      limited.series(name).inc(refused - (counted.get(name) ?? 0));
      counted.set(name, refused);
    }
    healthy.clear();
    for (const [name, { targets }] of Object.entries(engines.upstreams()))
      for (const { url, state } of targets) healthy.series(name, url).set(isOut(state) ? 0 : 1);
    for (const [origin, { idle, open, running, waiting }] of Object.entries(engines.pools.figures())) {
      const { address, port } = serverAddress(origin) as ServerAddress;
      const server = [address, port] as const;
      connections.series(...server, 'idle').set(idle);
      connections.series(...server, 'active').set(open - idle);
      requests.series(...server, 'running').set(running);
      requests.series(...server, 'waiting').set(waiting);
    }
  });
}

const CIRCUIT_STATES = ['closed', 'open', 'half-open', 'isolated'];
