import type { LookupAddress } from 'node:dns';
import { describe, expect, it, vi } from 'vitest';
import { failOnUncaught, send, startGateway, startUpstream } from './harness.js';

failOnUncaught();

/** What the name `dual.test` leads to. */
let addresses: readonly LookupAddress[] = [];

vi.mock('node:dns', async (original) => {
  const real = await original<typeof import('node:dns')>();
  function lookup(_host: string, _options: object, callback: (error: null, found: readonly LookupAddress[]) => void) {
    setImmediate(callback, null, addresses);
  }
  return { ...real, lookup };
});

describe('a target that has addresses of both families', () => {
  const ipv4 = { address: '127.0.0.1', family: 4 };
  const ipv6 = { address: '::1', family: 6 };

  it.each([
    ['IPv6 comes first', [ipv6, ipv4]],
    ['IPv4 comes first', [ipv4, ipv6]],
    ['there is IPv4 alone', [ipv4]],
  ])('is reached by the one that answers, where %s', async (_case, found) => {
    addresses = found;
    const origin = await startUpstream((_request, response) => response.end('here'));
    const running = await startGateway({
      routes: [{ path: '/', target: `http://dual.test:${origin.port}`, allowedAddresses: ['loopback'] }],
    });
    expect(await send(running.url)).toMatchObject({ status: 200, text: 'here' });
  });

  it('is asked anew where it leads to when its connections are renewed', async () => {
    addresses = [ipv4];
    const origin = await startUpstream((_request, response) => response.end('here'));
    const running = await startGateway({
      routes: [
        {
          path: '/',
          target: `http://dual.test:${origin.port}`,
          allowedAddresses: ['loopback'],
          maxRequestsPerSocket: 1,
        },
      ],
    });
    expect((await send(running.url)).status).toBe(200);
    addresses = [{ address: '10.0.0.1', family: 4 }];
    expect((await send(running.url)).status).toBe(502);
    expect(origin.accepted).toBe(1);
  });
});
