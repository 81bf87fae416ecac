import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { listen } from '../support/listen.js';
import { check, checking } from './probes.js';

it('a check by TCP connects, sends nothing, and leaves', async () => {
  let received = 0;
  const server = createServer((socket) => socket.on('data', () => received++));
  const target = await listen(server);
  onTestFinished(() => target.close());
  expect(await check(target.url, { type: 'tcp' })).toBeNull();
  expect(await check('https://127.0.0.1:1', { type: 'tcp', port: target.port })).toBeNull();
  await eventually(() => target.connections === 0);
  expect([target.accepted, received]).toEqual([2, 0]);
});

it('a check by TCP fails where nobody listens', async () => {
  const target = await listen(createServer());
  await target.close();
  expect(await check(target.url, { type: 'tcp' })).toBe('connect ECONNREFUSED');
});

it('a check by TCP fails at its time limit where nothing comes back', async () => {
  // Of a network that is for documents (RFC 5737): no answer, or none but "unreachable".
  const { checker, clock } = checking('http://192.0.2.1:9', { type: 'tcp', timeoutMs: 50 });
  clock.advance(1);
  await clock.advanceAsync(50);
  await eventually(() => checker.lastCheckedAt !== null);
  expect(checker.reason).toMatch(/^no answer within 50 ms$|^connect E/);
});
