import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { GaugeSeries } from './gauge-series.js';
import type { MetricsRegistry } from './registry.js';

/** A collection that goes on until it is closed. */
export interface ProcessMetrics {
  /** Ends it; the metrics stay as they are. */
  close(): void;
}

/** One for each registry, however often it is asked for. */
const running = new WeakMap<MetricsRegistry, { users: number; stop: () => void }>();

/**
 * Adds figures of the process and of Node to a registry, read before each scrape, under OpenTelemetry's names where it
 * has them. Delay and utilization of the event loop are those since the scrape before. A second call for the same
 * registry adds nothing, and the collection ends when each has closed its own.
 *
 * @throws {ConfigError} when the registry has a metric of one of the names with another type or other labels.
 *
 * @example
 * const figures = processMetrics(registry);
 * server.on('close', () => figures.close());
 */
export function processMetrics(registry: MetricsRegistry): ProcessMetrics {
  const shared = running.get(registry) ?? { users: 0, stop: start(registry) };
  running.set(registry, shared);
  shared.users++;
  let isOpen = true;
  return {
    close() {
      if (!isOpen) return;
      isOpen = false;
      if (--shared.users > 0) return;
      running.delete(registry);
      shared.stop();
    },
  };
}

type MakeGauge = (name: string, help: string) => GaugeSeries;

function start(registry: MetricsRegistry): () => void {
  const gauge: MakeGauge = (name, help) => registry.gauge({ name, help }).series();
  const version = registry.gauge({ name: 'nodejs_version_info', help: 'Version of Node.', labels: ['version'] });
  version.series(process.version).set(1);
  gauge('process_start_time_seconds', 'Start of the process since 1970.').set(performance.timeOrigin / 1_000);
  const readCpu = cpuReader(registry);
  const readMemory = memoryReader(gauge);
  const loop = loopReader(gauge);
  const dispose = registry.collect(function collectProcessMetrics() {
    readCpu();
    readMemory();
    loop.read();
  });
  return function stop() {
    dispose();
    loop.close();
  };
}

function cpuReader(registry: MetricsRegistry): () => void {
  const name = 'process_cpu_time_seconds_total';
  const time = registry.counter({ name, help: 'CPU time that the process has used.', labels: ['cpu_mode'] });
  const [user, system] = [time.series('user'), time.series('system')];
  return function readCpu() {
    const used = process.cpuUsage();
    user.inc(Math.max(0, used.user / 1e6 - user.value));
    system.inc(Math.max(0, used.system / 1e6 - system.value));
  };
}

function memoryReader(gauge: MakeGauge): () => void {
  const uptime = gauge('process_uptime_seconds', 'Time that the process has been running.');
  const resident = gauge('process_memory_usage_bytes', 'Physical memory of the process.');
  const heapUsed = gauge('v8js_memory_heap_used_bytes', 'Memory of the heap that is in use.');
  const heapTotal = gauge('v8js_memory_heap_committed_bytes', 'Memory of the heap, used or not.');
  const heapLimit = gauge('v8js_memory_heap_limit_bytes', 'Memory that the heap may grow to.');
  const external = gauge(
    'v8js_memory_external_bytes',
    'Memory outside of the heap that its objects hold, buffers mostly.',
  );
  return function readMemory() {
    const heap = getHeapStatistics();
    uptime.set(process.uptime());
    resident.set(process.memoryUsage.rss());
    heapUsed.set(heap.used_heap_size);
    heapTotal.set(heap.total_heap_size);
    heapLimit.set(heap.heap_size_limit);
    external.set(heap.external_memory);
  };
}

const RESOLUTION_MS = 20;
const QUANTILES = [50, 90, 99] as const;

function loopReader(gauge: MakeGauge): { read(): void; close(): void } {
  const delay = (part: string): GaugeSeries =>
    gauge(`nodejs_eventloop_delay_${part}_seconds`, `Delay of the event loop since the last scrape: ${part}.`);
  const [min, max, mean] = [delay('min'), delay('max'), delay('mean')];
  const quantiles = QUANTILES.map((percentile) => ({ percentile, gauge: delay(`p${percentile}`) }));
  const utilization = gauge('nodejs_eventloop_utilization_ratio', 'Share of time that the event loop has worked.');
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let last = performance.eventLoopUtilization();

  function read(): void {
    const isEmpty = histogram.count === 0;
    min.set(isEmpty ? 0 : lateness(histogram.min));
    max.set(isEmpty ? 0 : lateness(histogram.max));
    mean.set(isEmpty ? 0 : lateness(histogram.mean));
    for (const { percentile, gauge } of quantiles) gauge.set(isEmpty ? 0 : lateness(histogram.percentile(percentile)));
    histogram.reset();
    const current = performance.eventLoopUtilization();
    utilization.set(performance.eventLoopUtilization(current, last).utilization);
    last = current;
  }

  return { read, close: () => void histogram.disable() };
}

/** In seconds. The histogram has the time between two turns of a timer, of which its interval is no delay. */
function lateness(intervalNs: number): number {
  return Math.max(0, intervalNs / 1e6 - RESOLUTION_MS) / 1_000;
}
