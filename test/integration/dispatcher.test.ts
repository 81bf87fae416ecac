import { Agent, MockAgent } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { connectTo, failOnUncaught, getRaw, problemOf, send, startGateway, startUpstream } from './harness.js';

failOnUncaught();

describe("a user's own undici dispatcher", () => {
  it('carries requests and bodies where it is an Agent', async () => {
    const agent = new Agent();
    onTestFinished(() => agent.close());
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/api', target: origin.url, dispatcher: agent }] });
    const answer = await send(`${running.url}/api/x?y=1`, { method: 'POST', body: 'hello' });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ method: 'POST', url: '/x?y=1', body: 'hello' });
  });

  it('stays open when the gateway closes', async () => {
    const agent = new Agent();
    onTestFinished(() => agent.close());
    const origin = await startUpstream();
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, dispatcher: agent }] });
    await send(running.url);
    await running.listener.close();
    const { statusCode, body } = await agent.request({ origin: origin.url, path: '/', method: 'GET' });
    await body.dump();
    expect(statusCode).toBe(200);
  });

  it('has its call cancelled when the client leaves', async () => {
    const agent = new Agent();
    onTestFinished(() => agent.destroy());
    const origin = await startUpstream(() => undefined);
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, dispatcher: agent }] });
    const client = getRaw(running);
    await eventually(() => origin.requests.length === 1);
    client.destroy();
    await eventually(() => origin.requests[0]?.socket.destroyed === true);
  });

  it('is obeyed with its own deadlines', async () => {
    const agent = new Agent({ headersTimeout: 300 });
    onTestFinished(() => agent.destroy());
    const origin = await startUpstream(() => undefined);
    const running = await startGateway({ routes: [{ path: '/', target: origin.url, dispatcher: agent }] });
    const answer = await send(running.url);
    expect(problemOf(answer.text)).toEqual({ status: 504, code: 'ERR_GATEWAY_FIRST_BYTE_TIMEOUT' });
  });

  it('may be a MockAgent', async () => {
    const mock = new MockAgent();
    mock.disableNetConnect();
    onTestFinished(() => mock.close());
    mock
      .get('http://users.test')
      .intercept({ path: '/42', method: 'GET' })
      .reply(200, { name: 'Ada' }, { headers: { 'content-type': 'application/json' } });
    const running = await startGateway({
      routes: [{ path: '/api/users', target: 'http://users.test', dispatcher: mock }],
    });
    const answer = await send(`${running.url}/api/users/42`);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.text)).toEqual({ name: 'Ada' });
    mock.assertNoPendingInterceptors();
  });

  it('that has no answer is 502', async () => {
    const mock = new MockAgent();
    mock.disableNetConnect();
    onTestFinished(() => mock.close());
    const running = await startGateway({ routes: [{ path: '/', target: 'http://users.test', dispatcher: mock }] });
    const client = connectTo(running);
    client.write('GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
    expect((await client.response()).status).toBe(502);
  });

  it('that throws is an answer of the gateway, not the end of the process', async () => {
    const dispatcher = {
      dispatch(): boolean {
        throw new Error('broken');
      },
    };
    const running = await startGateway({ routes: [{ path: '/', target: 'http://users.test', dispatcher }] });
    for (let i = 0; i < 2; i++) expect((await send(running.url)).status).toBeGreaterThanOrEqual(500);
  });
});
