import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/core/context.js';
import type { HeaderMap } from '../../src/core/types.js';
import { UpstreamFields } from '../../src/core/upstream-fields.js';
import { requestHeaders, type RequestHeaderOptions } from '../../src/proxy/request-headers.js';
import { FakeClock } from '../support/fake-clock.js';
import { fakeContext, type FakeRequestOptions } from '../support/request.js';

type Fields = Readonly<Record<string, string | string[]>>;

function fieldsOf(ctx: Context, options: Partial<RequestHeaderOptions> = {}): Fields {
  const lines = requestHeaders(ctx, { host: ctx.request.host, defaultContentType: undefined, ...options });
  expect(lines.length % 2).toBe(0);
  const fields: Record<string, string | string[]> = {};
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string;
    expect(fields, `${name} is written once`).not.toHaveProperty([name]);
    fields[name] = lines[i + 1] as string | string[];
  }
  return fields;
}

function fieldsFor(request: FakeRequestOptions, options?: Partial<RequestHeaderOptions>): Fields {
  return fieldsOf(fakeContext(request), options);
}

describe('requestHeaders', () => {
  it('relays end-to-end fields as they are, lists too', () => {
    expect(fieldsFor({ headers: { accept: '*/*', 'x-empty': '', 'x-list': ['a', 'b'] } })).toMatchObject({
      accept: '*/*',
      'x-empty': '',
      'x-list': ['a', 'b'],
    });
  });

  it.each(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])(
    'leaves out %s',
    (name) => {
      expect(fieldsFor({ headers: { [name]: 'x' } })).not.toHaveProperty([name]);
    },
  );

  it.each(['http2-settings', 'proxy-authenticate', 'proxy-authorization', 'expect', 'x_forwarded_for', 'x_request-id'])(
    'leaves out %s',
    (name) => {
      expect(fieldsFor({ headers: { [name]: 'x' } })).not.toHaveProperty([name]);
    },
  );

  it('leaves the trace of the client as it is where the exchange is not traced', () => {
    const trace = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01', tracestate: 'a=1' };
    expect(fieldsFor({ headers: trace })).toMatchObject(trace);
  });

  it.each(['b=2', ''])(
    'writes the trace of the exchange in the place of that of the client, tracestate %j',
    (tracestate) => {
      const own = '00-11111111111111111111111111111111-3333333333333333-01';
      const ctx = fakeContext({ headers: { traceparent: 'forged', tracestate: 'forged=1' } });
      ctx.trace = { traceId: '1'.repeat(32), spanId: '4'.repeat(16), sampled: true, traceparent: own, tracestate };
      const fields = fieldsOf(ctx);
      expect(fields.traceparent).toBe(own);
      expect(fields.tracestate).toBe(tracestate === '' ? undefined : tracestate);
    },
  );

  it('writes what the gateway vouches for', () => {
    const ctx = fakeContext({ headers: { host: 'shop.test:8080' }, clientIp: '203.0.113.7', protocol: 'https' });
    ctx.requestId = 'r-1';
    expect(fieldsOf(ctx)).toMatchObject({
      host: 'shop.test:8080',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.test:8080',
      'x-forwarded-port': '8080',
      forwarded: 'for=203.0.113.7;host="shop.test:8080";proto=https',
      via: '1.1 innergate',
      'x-request-id': 'r-1',
      'x-gateway-timestamp': '2026-01-01T00:00:00.000Z',
    });
  });

  it('writes them over whatever the client said', () => {
    const names = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip'];
    const more = ['forwarded', 'x-request-id', 'x-gateway-timestamp'];
    const headers = Object.fromEntries([...names, ...more].map((name) => [name, 'forged']));
    expect(JSON.stringify(fieldsFor({ headers }))).not.toMatch(/forged/);
  });

  it('writes the address of the client over an X-Real-IP', () => {
    expect(fieldsFor({ headers: { 'x-real-ip': '6.6.6.6' } })['x-real-ip']).toBe('203.0.113.7');
  });

  it.each([
    ['http', 'shop.test', '80'],
    ['https', 'shop.test', '443'],
    ['https', '[2001:db8::1]', '443'],
    ['http', '[2001:db8::1]:81', '81'],
  ] as const)('names the port of %s://%s as %s', (protocol, host, port) => {
    expect(fieldsFor({ protocol, host })['x-forwarded-port']).toBe(port);
  });

  it.each([
    ['2001:db8::7', 'for="[2001:db8::7]";host=gateway.test;proto=http'],
    ['203.0.113.7, 10.0.0.1', 'for=203.0.113.7;host=gateway.test;proto=http, for=10.0.0.1'],
    ['2001:db8::7, ::1, 10.0.0.1', 'for="[2001:db8::7]";host=gateway.test;proto=http, for="[::1]", for=10.0.0.1'],
  ])('writes %j as RFC 7239 does', (forwardedFor, forwarded) => {
    expect(fieldsFor({ forwardedFor }).forwarded).toBe(forwarded);
  });

  it('names nobody where the connection has no address', () => {
    const fields = fieldsFor({ clientIp: '', headers: { 'x-forwarded-for': 'forged' } });
    expect(fields).not.toHaveProperty('x-forwarded-for');
    expect(fields.forwarded).toBe('for=unknown;host=gateway.test;proto=http');
  });

  it('names no host where HTTP/1.0 gave none', () => {
    const fields = fieldsOf(fakeContext({ host: '', httpVersion: '1.0' }));
    for (const name of ['host', 'x-forwarded-host', 'x-forwarded-port']) expect(fields).not.toHaveProperty([name]);
    expect(fields).toMatchObject({ forwarded: 'for=203.0.113.7;proto=http', via: '1.0 innergate' });
  });

  it('appends itself to Via', () => {
    expect(fieldsFor({ headers: { via: '1.0 a, 1.1 b' } }).via).toBe('1.0 a, 1.1 b, 1.1 innergate');
  });

  it('writes no request id where there is none', () => {
    expect(fieldsFor({ headers: { 'x-request-id': 'forged' } })).not.toHaveProperty('x-request-id');
  });

  it('writes the timestamp of each moment', () => {
    const clock = new FakeClock();
    const ctx = fakeContext({}, { clock });
    expect(fieldsOf(ctx)['x-gateway-timestamp']).toBe('2026-01-01T00:00:00.000Z');
    clock.advance(1_234);
    expect(fieldsOf(ctx)['x-gateway-timestamp']).toBe('2026-01-01T00:00:01.234Z');
  });

  it('sends the host that it is told, and tells the one of the client', () => {
    const fields = fieldsFor({ headers: { host: 'shop.test' } }, { host: 'users:3001' });
    expect(fields).toMatchObject({ host: 'users:3001', 'x-forwarded-host': 'shop.test' });
  });

  describe('with a default content type', () => {
    const defaultContentType = 'application/json';

    it('names it for a body without a type', () => {
      expect(fieldsFor({ body: 'x' }, { defaultContentType })['content-type']).toBe(defaultContentType);
    });

    it('leaves the type of a body alone', () => {
      const headers = { 'content-type': 'text/plain' };
      expect(fieldsFor({ body: 'x', headers }, { defaultContentType })['content-type']).toBe('text/plain');
    });

    it('names none without a body', () => {
      expect(fieldsFor({}, { defaultContentType })).not.toHaveProperty('content-type');
    });
  });

  describe('with fields that Connection names', () => {
    it('leaves them out', () => {
      const fields = fieldsFor({
        headers: { connection: 'close, X-Hop , ,x-two', 'x-hop': '1', 'x-two': '2', 'x-stays': '3' },
      });
      expect(fields).not.toHaveProperty('x-hop');
      expect(fields).not.toHaveProperty('x-two');
      expect(fields['x-stays']).toBe('3');
    });

    it.each([
      'authorization',
      'content-length',
      'content-type',
      'content-encoding',
      'cookie',
      'traceparent',
      'tracestate',
    ])('keeps %s', (name) => {
      expect(fieldsFor({ headers: { connection: name, [name]: 'kept' } })[name]).toBe('kept');
    });

    it.each(['x-user-id', 'x-tenant'])('keeps %s where a piece of the gateway wrote it', (name) => {
      const ctx = fakeContext({ headers: { connection: name, [name]: 'forged' } });
      ctx.draft().headers[name] = 'proven';
      expect(fieldsOf(ctx)[name]).toBe('proven');
    });

    it('leaves them out of a draft that nobody changed them in', () => {
      const ctx = fakeContext({ headers: { connection: 'x-hop', 'x-hop': '1' } });
      ctx.draft().headers['x-stays'] = '2';
      expect(fieldsOf(ctx)).not.toHaveProperty('x-hop');
    });
  });

  describe('with a draft', () => {
    it('sends what the draft says', () => {
      const ctx = fakeContext({ headers: { accept: 'a', 'x-gone': '1' } });
      Object.assign(ctx.draft().headers, { accept: 'b', 'x-gone': undefined, 'x-user-id': 'u1' });
      const fields = fieldsOf(ctx);
      expect(fields).toMatchObject({ accept: 'b', 'x-user-id': 'u1' });
      expect(fields).not.toHaveProperty('x-gone');
    });

    it('leaves connection fields and its own out of it', () => {
      const ctx = fakeContext();
      Object.assign(ctx.draft().headers, {
        'transfer-encoding': 'chunked',
        'x-forwarded-for': '6.6.6.6',
        host: 'evil',
      });
      expect(fieldsOf(ctx)).toMatchObject({ 'x-forwarded-for': '203.0.113.7', host: 'gateway.test' });
      expect(fieldsOf(ctx)).not.toHaveProperty('transfer-encoding');
    });

    it('forgets the length of a body that it replaced, and keeps the one of a body that it did not', () => {
      const request = { method: 'POST', body: 'hello', headers: { 'content-length': '5' } };
      const replaced = fakeContext(request);
      replaced.draft().body = 'other body';
      expect(fieldsOf(replaced)).not.toHaveProperty('content-length');
      const kept = fakeContext(request);
      kept.draft().headers.accept = 'a';
      expect(fieldsOf(kept)['content-length']).toBe('5');
    });
  });

  describe('with fields in which the client has no say', () => {
    function fieldsWith(headers: HeaderMap, given: HeaderMap, hasDraft: boolean): Fields {
      const ctx = fakeContext({ headers });
      if (hasDraft) ctx.draft();
      ctx.setUpstreamFields(new UpstreamFields(given));
      return fieldsOf(ctx);
    }

    describe.each([false, true])('and a draft: %s', (hasDraft) => {
      it('sends them in the place of what the client sent, in any spelling', () => {
        const client = { 'x-user-email': 'forged', x_user_email: ['forged', 'forged'], 'x-user_email': 'forged' };
        const fields = fieldsWith(
          { ...client, accept: '*/*' },
          { 'x-user-email': 'proven', 'x-list': ['a', 'b'] },
          hasDraft,
        );
        expect(fields).toMatchObject({ 'x-user-email': 'proven', 'x-list': ['a', 'b'], accept: '*/*' });
        expect(JSON.stringify(fields)).not.toContain('forged');
      });

      it('sends none that is undefined', () => {
        const client = { authorization: 'forged', 'x-a': 'forged', x_a: 'forged' };
        const fields = fieldsWith(client, { authorization: undefined, 'x-a': undefined }, hasDraft);
        for (const name of Object.keys(client)) expect(fields).not.toHaveProperty([name]);
      });

      it('sends those of an identity', () => {
        const fields = fieldsWith({ 'x-user-id': 'forged', x_user_id: 'forged' }, { 'x-user-id': 'ada' }, hasDraft);
        expect(fields['x-user-id']).toBe('ada');
        expect(fields).not.toHaveProperty('x_user_id');
      });

      it('sends them though the client names them in Connection', () => {
        const headers = { connection: 'x-user-email, x-user-id', 'x-user-email': 'forged' };
        expect(fieldsWith(headers, { 'x-user-email': 'proven', 'x-user-id': 'ada' }, hasDraft)).toMatchObject({
          ...{ 'x-user-email': 'proven', 'x-user-id': 'ada' },
        });
      });

      it('leaves other fields of the client, whatever they are called', () => {
        const fields = fieldsWith({ constructor: 'kept', 'x-user': 'kept' }, { 'x-user-email': 'a' }, hasDraft);
        expect(fields).toMatchObject({ constructor: 'kept', 'x-user': 'kept' });
      });
    });

    it('sends them with every attempt, one with a draft too', () => {
      const ctx = fakeContext({ headers: { 'x-user-email': 'forged' } });
      ctx.setUpstreamFields(new UpstreamFields({ 'x-user-email': 'proven' }));
      expect(fieldsOf(ctx)['x-user-email']).toBe('proven');
      expect(fieldsOf(ctx)['x-user-email']).toBe('proven');
      ctx.draft();
      expect(fieldsOf(ctx)['x-user-email']).toBe('proven');
      expect(fieldsOf(ctx)['x-user-email']).toBe('proven');
    });
  });

  it.each(['x-user-id', 'x_user_id', 'x-user_role', 'x-user-roles', 'x-consumer-id', 'x_consumer_id'])(
    'leaves out %s of a client',
    (name) => {
      expect(fieldsFor({ headers: { [name]: 'forged' } })).not.toHaveProperty([name]);
      const ctx = fakeContext({ headers: { [name]: 'forged' } });
      ctx.draft();
      expect(fieldsOf(ctx)).not.toHaveProperty([name]);
    },
  );
});
