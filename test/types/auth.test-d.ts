// Compiled by `npm run types`, never run: what authentication takes and gives.
import type { GatewayConfig, Identity, MaybePromise } from 'innergate';
import {
  apiKey,
  authenticate,
  authorize,
  invalid,
  jwt,
  login,
  session,
  TokenSigner,
  type AuthResult,
  type AuthStrategy,
  type SessionStrategy,
} from 'innergate/auth';

const secret = 'thirty-two bytes at the very least';

// A signed session makes cookies; one that is looked up does not.
const signed: SessionStrategy = session({ secrets: secret });
const cookie: string = signed.create({ sub: 'ada' });
const found: AuthStrategy = session({ cookie: 'sid', lookup: (id) => ({ sub: id }) });
// @ts-expect-error Who looks sessions up makes their cookies himself.
const maker: SessionStrategy = session({ cookie: 'sid', lookup: (id) => ({ sub: id }) });
// @ts-expect-error A session is signed or looked up, and not both.
session({ secrets: secret, cookie: 'sid', lookup: () => null });

// A strategy of one's own.
const own: AuthStrategy = {
  name: 'mine',
  scheme: 'Mine',
  sources: [{ header: 'x-mine' }],
  authenticate: ({ request }): MaybePromise<AuthResult> => (request.headers['x-mine'] ? invalid('no') : null),
};
authenticate(jwt({ secret }), own).close();
authenticate({ strategies: [own], mode: 'optional', identityHeaders: { claims: { 'x-email': 'email' } } });
// @ts-expect-error 402 is no answer to bad credentials.
authenticate({ strategies: [own], invalidTokenStatus: 402 });

authorize({ scopes: ['a'], roles: { allOf: ['b'] }, allow: ({ id }: Identity) => id !== 'eve' });

// A key is a hash or a text, and not both.
apiKey({ consumers: [{ id: 'a', keys: [{ sha256: '' }, { key: '' }, ''] }] });
// @ts-expect-error It would be unclear which one counts.
apiKey({ consumers: [{ id: 'a', keys: [{ sha256: '', key: '' }] }] });

// The user that `verify` finds is the one that `claimsOf` gets.
const handler = login({
  verify: ({ user }) => ({ name: user, age: 5 }),
  claimsOf: ({ name, age }) => ({ sub: name, years: age }),
  sign: { secret },
});
const token: string = new TokenSigner({ secret, expiresInMs: 60_000 }).sign({ sub: 'ada' });

export const configs: readonly GatewayConfig[] = [
  { jwtSecret: secret, routes: [{ path: '/', respond: handler, requiresAuth: true }] },
  { defaults: { auth: { jwt: { secret } } }, routes: [{ path: '/', respond: handler.refresh, auth: 'none' }] },
  { routes: [{ path: '/', target: 'http://a', auth: { required: true, requiredScopes: ['a'] } }] },
  { routes: [{ path: '/', target: 'http://a', auth: { jwt: { oidc: 'https://a' }, strategies: [own] } }] },
  // @ts-expect-error A mode is one of three.
  { routes: [{ path: '/', target: 'http://a', auth: 'maybe' }] },
];
export const others: readonly unknown[] = [cookie, token, found, maker];
