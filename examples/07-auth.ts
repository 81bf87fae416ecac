/** Who may call: a login that hands out tokens, routes for their owners, one for an API key, and pages of one origin. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { hashApiKey, login } from 'innergate/auth';
import { gateway } from 'innergate/node';
import { startOrders, startProducts, startUsers } from './services.js';
import { isProgram, listen, type Running } from './support.js';

// A real one comes from where secrets are kept, the same for every process.
const secret = randomBytes(32);
const shopKey = randomBytes(16).toString('base64url');

export async function start(): Promise<Running> {
  const [users, orders, products] = await Promise.all([startUsers(), startOrders('a'), startProducts()]);
  const logIn = login({ upstream: `${users.url}/validate`, sign: { secret, audience: 'api' }, refresh: true });
  const shop = { id: 'shop', keys: [{ sha256: hashApiKey(shopKey) }], rateLimit: { limit: 3, windowMs: 60_000 } };

  const api = gateway({
    cors: { origin: 'https://app.example.com' },
    // Whatever says nothing else is for those who have logged in.
    defaults: { auth: { jwt: { secret, audience: 'api' } } },
    routes: [
      { path: '/auth/login', respond: logIn, auth: 'none' },
      { path: '/auth/refresh', respond: logIn.refresh, auth: 'none' },
      { path: '/auth/logout', respond: logIn.logout, auth: 'none' },
      { path: '/users', target: users.url, methods: ['GET'] },
      { path: '/orders', target: orders.url, auth: { scopes: ['orders:read'] } },
      { path: '/products', target: products.url, auth: { apiKey: { consumers: [shop] } } },
    ],
  });
  const server = await listen(createServer(api));
  return {
    url: server.url,
    async close() {
      await api.close();
      await server.close();
      await Promise.all([users.close(), orders.close(), products.close()]);
    },
  };
}

/** Put the token and the refresh token of the first answer in the place of <...>. */
export function linesToPaste(url: string): string {
  return `  curl -H 'content-type: application/json' -d '{"email":"ada@example.test","password":"engine"}' ${url}/auth/login
  curl -H 'authorization: Bearer <token>' ${url}/users/1
  curl -H 'authorization: Bearer <token>' ${url}/orders
  curl -H 'content-type: application/json' -d '{"refreshToken":"<refreshToken>"}' ${url}/auth/refresh
  curl -H 'x-api-key: ${shopKey}' ${url}/products/1
  curl -i ${url}/products/1
  curl -i -X OPTIONS -H 'origin: https://app.example.com' -H 'access-control-request-method: GET' ${url}/orders
`;
}

if (isProgram(import.meta.filename)) {
  const { url } = await start();
  console.log(`The gateway listens on ${url}\n${linesToPaste(url)}`);
}
