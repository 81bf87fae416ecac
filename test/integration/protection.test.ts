/** Limits, circuits, retries and bulkheads as clients and services see them: real sockets on both sides. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { reply } from '../support/raw-upstream.js';
import { answerJson, requestText } from '../support/upstream.js';
import {
  failOnUncaught,
  freePort,
  gate,
  getRaw,
  problemOf,
  send,
  startGateway,
  startRawUpstream,
  startUpstream,
  times,
} from './harness.js';

failOnUncaught();

/** How often each answer came, by status and code. */
function tally(answers: readonly { status: number; text: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, text } of answers) {
    const name = status < 400 ? String(status) : problemOf(text).code;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('a circuit', () => {
  it('lets 1 of 200 concurrent requests through when half-open, and refuses 199 before it is answered', async () => {
    const clock = new FakeClock();
    const { opened, open } = gate();
    let isDown = true;
    const origin = await startUpstream(async (_request, response) => {
      if (!isDown) await opened;
      answerJson(response, isDown ? 500 : 200, {});
    });
    const running = await startGateway({
      clock,
      routes: [{ path: '/', id: 'shop', target: origin.url, circuitBreaker: true }],
    });
    for (let call = 0; call < 5; call++) await send(running.url);
    expect((await send(running.url)).status).toBe(503);
    expect(origin.requests).toHaveLength(5);

    isDown = false;
    clock.advance(30_000);
    let refused = 0;
    const answers = times(200, async () => {
      const answer = await send(running.url);
      if (answer.status === 503) refused++;
      return answer;
    });
    await eventually(() => refused === 199, { withinMs: 10_000 });
    expect(origin.requests).toHaveLength(6);
    open();
    const all = await answers;
    expect(tally(all)).toEqual({ 200: 1, ERR_GATEWAY_CIRCUIT_OPEN: 199 });
    for (const { status, headers } of all)
      if (status === 503) expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    await eventually(() => running.gateway.health().circuits.shop === 'closed');
  });

  it('counts a body that dies after its head', async () => {
    const origin = await startRawUpstream((_request, socket) => {
      reply(socket, 200, { 'content-length': '100' }, 'half');
      setTimeout(() => socket.destroy(), 20);
    });
    const running = await startGateway({
      routes: [{ path: '/', id: 'shop', target: origin.url, circuitBreaker: { failureThreshold: 3 } }],
    });
    for (let call = 0; call < 3; call++) await expect(send(running.url)).rejects.toThrow();
    await eventually(() => running.gateway.health().circuits.shop === 'open');
    expect(problemOf((await send(running.url)).text).code).toBe('ERR_GATEWAY_CIRCUIT_OPEN');
  });

  it('counts no client that left, before the head nor after it', async () => {
    const origin = await startUpstream(async ({ url }, response) => {
      if (url === '/head') {
        response.writeHead(200);
        response.write('x');
      }
      await sleep(1_000, undefined, { ref: false });
    });
    const running = await startGateway({
      routes: [{ path: '/', id: 'shop', target: origin.url, circuitBreaker: { failureThreshold: 1 } }],
    });
    const clients = [getRaw(running, '/none'), getRaw(running, '/head')];
    await clients[1]?.read(1);
    await eventually(() => origin.requests.length === 2);
    for (const client of clients) client.destroy();
    await eventually(() => running.log.length === 2);
    expect(running.log.map(({ status }) => status)).toEqual([499, 499]);
    expect(running.gateway.health().circuits).toEqual({ shop: 'closed' });
  });

  it('is one for all routes to a service', async () => {
    const origin = await startUpstream((_request, response) => {
      answerJson(response, 503, {});
    });
    const circuitBreaker = { failureThreshold: 2 };
    const running = await startGateway({
      routes: [
        { path: '/a', target: origin.url, circuitBreaker },
        { path: '/b', target: `${origin.url}/base`, circuitBreaker: { ...circuitBreaker } },
      ],
    });
    await send(`${running.url}/a`);
    await send(`${running.url}/b`);
    await send(`${running.url}/a`);
    await send(`${running.url}/b`);
    expect(origin.requests).toHaveLength(2);
    expect(running.gateway.health()).toMatchObject({ status: 'degraded', circuits: { '/a': 'open' } });
  });

  it('answers from the fallback while it is open, and when the service fails', async () => {
    const origin = await startUpstream((_request, response) => {
      answerJson(response, 500, { secret: true });
    });
    const running = await startGateway({
      routes: [
        {
          path: '/',
          target: origin.url,
          circuitBreaker: { failureThreshold: 1 },
          fallback: { body: { data: [], source: 'cache' } },
        },
      ],
    });
    const answers = [await send(running.url), await send(running.url)];
    expect(origin.requests).toHaveLength(1);
    for (const { status, headers, text } of answers) {
      expect(status).toBe(200);
      expect(headers['content-type']).toContain('application/json');
      expect(JSON.parse(text)).toEqual({ data: [], source: 'cache' });
    }
  });
});

describe('retries', () => {
  it('send at most 1,200 requests to a service that is down for 1,000', async () => {
    const origin = await startUpstream((_request, response) => {
      answerJson(response, 503, {});
    });
    const running = await startGateway({
      routes: [{ path: '/', target: origin.url, retry: { retries: 3, backoffMs: 1, maxBackoffMs: 1 } }],
    });
    for (let batch = 0; batch < 10; batch++) await times(100, () => send(running.url));
    expect(origin.requests.length).toBeLessThanOrEqual(1_200);
    expect(origin.requests.length).toBeGreaterThan(1_100);
  });

  it.each([
    ['answers 503', 503],
    ['resets the connection', 0],
  ])('never send a POST twice where the service %s', async (_name, status) => {
    const origin = await startUpstream(async (request, response) => {
      await requestText(request);
      if (status === 0) request.socket.resetAndDestroy();
      else answerJson(response, status, {});
    });
    const running = await startGateway({
      routes: [{ path: '/', target: origin.url, retry: { retries: 3, backoffMs: 1 } }],
    });
    for (let call = 0; call < 20; call++) await send(running.url, { method: 'POST', body: '{"pay":1}' });
    expect(origin.requests).toHaveLength(20);
  });

  it('send a POST with an Idempotency-Key again, byte for byte', async () => {
    const bodies: string[] = [];
    const origin = await startUpstream(async (request, response) => {
      bodies.push(await requestText(request));
      answerJson(response, bodies.length < 3 ? 503 : 201, {});
    });
    const running = await startGateway({
      routes: [{ path: '/', target: origin.url, retry: { retries: 2, backoffMs: 1 } }],
    });
    const answer = await send(running.url, {
      method: 'POST',
      body: '{"a":1,"a":1.0}',
      headers: { 'idempotency-key': 'k', 'transfer-encoding': 'chunked' },
    });
    expect(answer.status).toBe(201);
    expect(bodies).toEqual(Array(3).fill('{"a":1,"a":1.0}'));
    expect(running.log).toMatchObject([{ status: 201, attempts: 3 }]);
    expect(running.log[0]?.error).toBeUndefined();
  });

  it('stream a body over the cap once', async () => {
    const body = 'x'.repeat(200_000);
    const bodies: string[] = [];
    const origin = await startUpstream(async (request, response) => {
      bodies.push(await requestText(request));
      answerJson(response, 503, {});
    });
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, retry: 2 }] });
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      expect((await send(running.url, { method: 'PUT', body, headers })).status).toBe(503);
    }
    expect(bodies.map(({ length }) => length)).toEqual([200_000, 200_000]);
  });

  it('go to another target: one that is down costs no GET', async () => {
    const origin = await startUpstream();
    const dead = `http://127.0.0.1:${await freePort()}`;
    const running = await startGateway({
      routes: [{ path: '/', target: [dead, origin.url], retry: { retries: 1, backoffMs: 1, budget: false } }],
    });
    const answers = await times(40, () => send(running.url));
    expect(tally(answers)).toEqual({ 200: 40 });
  });

  it('end at the total deadline, which holds over all attempts', async () => {
    const origin = await startUpstream(() => undefined);
    const running = await startGateway({
      routes: [
        {
          path: '/',
          target: origin.url,
          timeouts: { firstByteMs: 150, totalMs: 400 },
          retry: { retries: 10, backoffMs: 1, maxBackoffMs: 1, budget: false },
        },
      ],
    });
    const startedAt = performance.now();
    const answer = await send(running.url);
    expect(answer.status).toBe(504);
    expect(problemOf(answer.text).code).toMatch(/_TOTAL_TIMEOUT|_FIRST_BYTE_TIMEOUT/);
    expect(origin.requests.length).toBeGreaterThan(1);
    expect(origin.requests.length).toBeLessThanOrEqual(3);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('end when the circuit opens', async () => {
    const origin = await startUpstream((_request, response) => {
      answerJson(response, 503, {});
    });
    const running = await startGateway({
      routes: [
        {
          path: '/',
          target: origin.url,
          retry: { retries: 5, backoffMs: 1, maxBackoffMs: 1 },
          circuitBreaker: { failureThreshold: 3 },
        },
      ],
    });
    expect(problemOf((await send(running.url)).text).code).toBe('ERR_GATEWAY_CIRCUIT_OPEN');
    expect(origin.requests).toHaveLength(3);
  });
});

describe('a rate limit', () => {
  it('of 50 lets exactly 50 of 200 parallel requests through and tells how long to wait', async () => {
    const origin = await startUpstream();
    const running = await startGateway({
      routes: [{ path: '/api', target: origin.url, rateLimit: { windowMs: 60_000, maxRequests: 50 } }],
    });
    const answers = await times(200, () => send(`${running.url}/api`));
    expect(tally(answers)).toEqual({ 200: 50, ERR_GATEWAY_RATE_LIMITED: 150 });
    expect(origin.requests).toHaveLength(50);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers).toMatchObject({
      'content-type': 'application/problem+json; charset=utf-8',
      'ratelimit-policy': '"/api";q=50;w=60',
    });
    const wait = Number(refused?.headers['retry-after']);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(120);
    expect(JSON.parse(refused?.text ?? '')).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      'violated-policies': ['/api'],
      error: 'Rate limit exceeded',
      retryAfter: wait,
    });
  });

  it('on the gateway counts all routes together, beside those of each route', async () => {
    const running = await startGateway({
      rateLimit: { windowMs: 60_000, limit: 3 },
      defaults: { rateLimit: { windowMs: 60_000, limit: 2 } },
      routes: [
        { path: '/a', respond: { body: 'a' } },
        { path: '/b', respond: { body: 'b' } },
        { path: '/free', rateLimit: false, respond: { body: 'free' } },
      ],
    });
    const statuses = [];
    for (const path of ['/a', '/a', '/a', '/b', '/free']) statuses.push((await send(running.url + path)).status);
    // The third one to /a has room on the gateway and takes it, though its route has none.
    expect(statuses).toEqual([200, 200, 429, 429, 429]);
    expect((await send(`${running.url}/b`)).headers['ratelimit-policy']).toContain('"gateway";q=3;w=60');
  });

  it('by a field of the body lets the body through byte for byte', async () => {
    const bodies: string[] = [];
    const origin = await startUpstream(async (request, response) => {
      bodies.push(await requestText(request));
      answerJson(response, 200, {});
    });
    const running = await startGateway({
      routes: [
        {
          path: '/login',
          target: origin.url,
          rateLimit: { windowMs: 60_000, limit: 1, key: { body: 'email' } },
        },
      ],
    });
    const login = (email: string, headers = {}) =>
      send(`${running.url}/login`, {
        method: 'POST',
        body: `{ "email" : "${email}", "n": 1.0 }`,
        headers: { 'content-type': 'application/json', ...headers },
      });
    const answers = [
      await login('ada@example.test'),
      await login('ADA@example.test'),
      await login('bob@example.test', { 'transfer-encoding': 'chunked' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 429, 200]);
    expect(bodies).toEqual([
      '{ "email" : "ada@example.test", "n": 1.0 }',
      '{ "email" : "bob@example.test", "n": 1.0 }',
    ]);
  });
});

describe('a bulkhead', () => {
  it('lets 2 in, keeps 1 waiting and refuses the rest; what waited gets the place that is freed', async () => {
    const { opened, open } = gate();
    const origin = await startUpstream(async (_request, response) => {
      await opened;
      answerJson(response, 200, {});
    });
    const running = await startGateway({
      routes: [{ path: '/', target: origin.url, concurrency: { limit: 2, maxQueue: 1, queueTimeoutMs: 20_000 } }],
    });
    let refused = 0;
    const answers = times(10, async () => {
      const answer = await send(running.url);
      if (answer.status === 503) refused++;
      return answer;
    });
    await eventually(() => refused === 7 && origin.requests.length === 2);
    open();
    expect(tally(await answers)).toEqual({ 200: 3, ERR_GATEWAY_CONCURRENCY_LIMITED: 7 });
    expect((await send(running.url)).status).toBe(200);
  });
});
