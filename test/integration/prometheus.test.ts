/** A real Prometheus scrapes a gateway under load. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { isInstalled } from '../support/installed.js';
import { failOnUncaught, freePort, send, startGateway, startUpstream, times } from './harness.js';

failOnUncaught();

/** Starts a server that scrapes `target` every second; gives the value of a query, `undefined` where there is none. */
async function startPrometheus(target: string): Promise<(query: string) => Promise<string | undefined>> {
  const folder = await mkdtemp(join(tmpdir(), 'innergate-prometheus-'));
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s' },
    scrape_configs: [{ job_name: 'g', static_configs: [{ targets: [target] }] }],
  };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  onTestFinished(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    await rm(folder, { recursive: true, force: true });
  });
  return async function valueOf(query) {
    const answer = await send(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data } = JSON.parse(answer.text) as { data?: { result: { value: [number, string] }[] } };
    return data?.result[0]?.value[1];
  };
}

describe.runIf(isInstalled('prometheus'))('a Prometheus server', () => {
  it('scrapes a gateway that is busy, and finds what it has done', { timeout: 30_000 }, async () => {
    const origin = await startUpstream((_request, response) => response.end('ok'));
    const gateway = await startGateway({
      routes: [
        { path: '/users', id: 'users', target: origin.url, circuitBreaker: { name: 'users' } },
        { path: '/limited', respond: { body: '' }, rateLimit: { limit: 1, windowMs: 60_000, name: 'few' } },
      ],
      metrics: true,
    });
    const valueOf = await startPrometheus(`127.0.0.1:${gateway.port}`);
    let isOver = false;
    const load = times(4, async () => {
      while (!isOver) await send(`${gateway.url}/users/${Math.random()}?q=${Math.random()}`);
    });
    onTestFinished(async () => {
      isOver = true;
      await load;
    });
    await times(3, () => send(`${gateway.url}/limited`));
    const within = { withinMs: 20_000 };
    await eventually(async () => {
      expect(await valueOf('up{job="g"}')).toBe('1');
      expect(Number(await valueOf('http_server_request_duration_seconds_count{http_route="users"}'))).toBeGreaterThan(
        10,
      );
      expect(await valueOf('gateway_rate_limited_total{policy="few"}')).toBe('2');
    }, within);
    expect(
      Number(await valueOf('histogram_quantile(0.99, http_client_request_duration_seconds_bucket)')),
    ).toBeGreaterThan(0);
    expect(await valueOf('gateway_circuit_state{circuit="users",state="closed"}')).toBe('1');
    expect(Number(await valueOf('sum(http_client_open_connections)'))).toBeGreaterThan(0);
    expect(await valueOf('count(count by (http_route) (http_server_request_duration_seconds_count))')).toBe('2');
  });
});
