import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { echo } from '../support/upstream.js';
import { failOnUncaught, MB, problemOf, send, startGateway } from './harness.js';

failOnUncaught();

async function socketPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'innergate-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'upstream.sock');
}

async function listenOn(path: string): Promise<IncomingMessage[]> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    void echo(request, response);
  }).listen(path);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return requests;
}

// Windows has named pipes instead.
describe.skipIf(process.platform === 'win32')('an upstream on a unix socket', () => {
  it('is reached, with the path that the route asks for and the host of the target', async () => {
    const path = await socketPath();
    const requests = await listenOn(path);
    const route = { path: '/api', target: 'http://users.internal/v1', socketPath: path, changeOrigin: true };
    const running = await startGateway({ routes: [route] });
    const answer = await send(`${running.url}/api/42`);
    expect(JSON.parse(answer.text)).toMatchObject({ url: '/v1/42', headers: { host: 'users.internal' } });
    expect(requests).toHaveLength(1);
  });

  it('takes uploads', async () => {
    const path = await socketPath();
    await listenOn(path);
    const running = await startGateway({
      routes: [{ path: '/', target: 'http://users.internal', socketPath: path }],
    });
    const body = 'b'.repeat(2 * MB);
    const answer = await send(running.url, { method: 'POST', body });
    expect((JSON.parse(answer.text) as { body: string }).body === body).toBe(true);
  });

  it('that is not there is 502 until it is, and its path is not told', async () => {
    const path = await socketPath();
    const running = await startGateway({
      routes: [{ path: '/', target: 'http://users.internal', socketPath: path }],
    });
    const down = await send(running.url);
    expect(problemOf(down.text)).toEqual({ status: 502, code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE' });
    expect(down.text).not.toContain('.sock');
    await listenOn(path);
    expect((await send(running.url)).status).toBe(200);
  });

  it('does not share connections with a target of the same name on another socket', async () => {
    const paths = [await socketPath(), await socketPath()];
    const [first, second] = await Promise.all(paths.map(listenOn));
    const running = await startGateway({
      routes: paths.map((path, i) => ({ path: `/${i}`, target: 'http://users.internal', socketPath: path })),
    });
    await send(`${running.url}/0`);
    await send(`${running.url}/1`);
    expect([first?.length, second?.length]).toEqual([1, 1]);
  });
});
