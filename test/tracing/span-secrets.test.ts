import { SpanKind } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { answer, exchange, only, startCall, startSdk, stopSdk } from './support.js';

afterEach(stopSdk);

describe('secrets', () => {
  it('are in no span', async () => {
    const sdk = startSdk();
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.c2VjcmV0LXMzY3IzdA';
    const failure = new Error('got 401 for Authorization: Bearer s3cr3t-bearer with password=s3cr3t');
    await exchange({
      request: {
        url: `/reset/${jwt}?token=s3cr3t-query&Ticket-Number=s3cr3t-own&next=https://me:s3cr3t@example.com/`,
        headers: { authorization: 'Bearer s3cr3t-header', cookie: 'sid=s3cr3t' },
      },
      options: { redact: ['Ticket-NUMBER'] },
      handler: (ctx) => {
        const { request } = ctx;
        startCall(ctx, { path: request.rawPath + request.query }).end(ctx, failure);
        throw failure;
      },
      outcome: { status: 500, aborted: false },
    });
    const told = JSON.stringify(sdk.spans.map(({ name, attributes, events }) => [name, attributes, events]));
    expect(sdk.spans).toHaveLength(2);
    expect(told).not.toMatch(/s3cr3t|c2VjcmV0/);
    expect(told.match(/\?token=\[redacted\]/g)).toHaveLength(1);
    expect(told).toContain(
      '"url.query":"token=[redacted]&Ticket-Number=[redacted]&next=https://[redacted]@example.com/"',
    );
  });

  it('are not told by halves where a text is cut', async () => {
    const sdk = startSdk();
    const jwt = `eyJhbGciOiJIUzI1NiJ9.${'s3cr3t'.repeat(300)}.c2lnbmF0dXJl`;
    const url = `/${'a'.repeat(300)}/${jwt}?${'b'.repeat(300)}&next=${jwt}`;
    await exchange({
      request: { url },
      handler: (ctx) => {
        const attempt = startCall(ctx, { origin: 'http://me:s3cr3t@users:3001', path: url });
        attempt.end(ctx, new Error(`${'c'.repeat(300)} ${jwt}`));
        return answer(ctx);
      },
    });
    const told = JSON.stringify(sdk.spans.map(({ attributes, events }) => [attributes, events]));
    expect(told).not.toContain('s3cr3t');
    const { attributes } = only(sdk, SpanKind.CLIENT);
    expect(attributes['url.full']).toBe(`http://users:3001/${'a'.repeat(300)}/`);
    expect(attributes['server.address']).toBe('users');
  });
});
