import { describe, expect, it } from 'vitest';
import { compileRefusals } from '../../src/auth/refusals.js';
import { invalid, unavailable, type AuthFailure } from '../../src/auth/strategy.js';
import type { Context } from '../../src/core/context.js';
import type { GatewayResponse } from '../../src/core/types.js';
import { fakeContext } from '../support/request.js';
import { fakeStrategy } from './fake-strategy.js';

const strategies = ['Bearer', 'Basic'].map((scheme) => fakeStrategy(() => null, { scheme }));
const { refuseMissing, refuseFailure } = compileRefusals({ strategies });

function refused(failure: AuthFailure, ctx: Context = fakeContext({ url: '/a' })): GatewayResponse {
  return refuseFailure(ctx, failure);
}

function problem({ body }: GatewayResponse): unknown {
  return JSON.parse(body as string);
}

describe('compileRefusals', () => {
  it('asks for credentials where none were sent, and calls nothing an error', () => {
    const ctx = fakeContext({ url: '/a' });
    const response = refuseMissing(ctx);
    expect(response.status).toBe(401);
    expect(response.headers['www-authenticate']).toEqual(['Bearer realm="api"', 'Basic realm="api", charset="UTF-8"']);
    expect(problem(response)).toEqual({
      ...{ type: 'about:blank', title: 'Authentication required', status: 401, instance: '/a' },
      detail: 'Credentials are needed here; WWW-Authenticate names what is accepted.',
      ...{ code: 'ERR_GATEWAY_CREDENTIALS_MISSING', error: 'Authentication required' },
    });
    expect([ctx.refusal, ctx.reason]).toEqual(['ERR_GATEWAY_CREDENTIALS_MISSING', null]);
  });

  it('says of credentials that prove nothing that they do not, with the error of RFC 6750', () => {
    const response = refused(invalid('expired'));
    expect(response.status).toBe(401);
    expect(response.headers['www-authenticate']).toEqual([
      'Bearer realm="api", error="invalid_token"',
      'Basic realm="api", charset="UTF-8"',
    ]);
    expect(problem(response)).toEqual({
      ...{ type: 'about:blank', title: 'Invalid credentials', status: 401, instance: '/a' },
      detail: 'The credentials are expired, revoked or not valid; get new ones.',
      ...{ code: 'ERR_GATEWAY_CREDENTIALS_INVALID', error: 'Invalid credentials' },
    });
  });

  it.each([invalid, unavailable])('tells the log why, and the client the same whatever the reason is', (failure) => {
    const reasons = ['the signature is wrong', 'expired', 'revoked', ''];
    const answers = reasons.map((reason) => {
      const ctx = fakeContext({ url: '/a' });
      const answer = refused(failure(reason), ctx);
      expect(ctx.reason).toBe(reason);
      return answer;
    });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it('answers 503 where nobody can tell, asks for no other credentials, and says when to come again', () => {
    const ctx = fakeContext({ url: '/a' });
    const response = refused(unavailable('https://id.test: no answer within 5000 ms'), ctx);
    expect(response).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(response.headers).not.toHaveProperty('www-authenticate');
    expect(problem(response)).toMatchObject({
      ...{ code: 'ERR_GATEWAY_AUTH_UNAVAILABLE', detail: 'Credentials cannot be checked now.' },
    });
    expect(response.body).not.toContain('id.test');
    expect(ctx.reason).toBe('https://id.test: no answer within 5000 ms');
  });

  it('answers bad credentials with invalidTokenStatus, and missing ones with 401 still', () => {
    const with403 = compileRefusals({ strategies, invalidTokenStatus: 403 });
    const response = with403.refuseFailure(fakeContext(), invalid('expired'));
    expect(response.status).toBe(403);
    expect(response.headers).not.toHaveProperty('www-authenticate');
    expect(problem(response)).toMatchObject({ status: 403, code: 'ERR_GATEWAY_CREDENTIALS_INVALID' });
    expect(with403.refuseMissing(fakeContext())).toMatchObject({ status: 401 });
    expect(with403.refuseFailure(fakeContext(), unavailable('down')).status).toBe(503);
  });

  it('names the realm', () => {
    const own = compileRefusals({ strategies, realm: 'my shop' });
    expect(own.refuseMissing(fakeContext()).headers['www-authenticate']).toContain('Bearer realm="my shop"');
    expect(own.refuseFailure(fakeContext(), invalid('x')).headers['www-authenticate']).toContain(
      'Bearer realm="my shop", error="invalid_token"',
    );
  });

  it('gives each answer a list of challenges of its own', () => {
    (refuseMissing(fakeContext()).headers['www-authenticate'] as string[]).push('mine');
    (refused(invalid('x')).headers['www-authenticate'] as string[]).push('mine');
    expect(refuseMissing(fakeContext()).headers['www-authenticate']).toHaveLength(2);
    expect(refused(invalid('x')).headers['www-authenticate']).toHaveLength(2);
  });
});
