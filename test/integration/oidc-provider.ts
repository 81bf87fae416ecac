/** A certified OpenID provider on loopback, whose keys a test can change. */
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { Provider, type Adapter, type Configuration, type ResourceServer } from 'oidc-provider';
import { listen } from '../support/listen.js';

export interface TokenRequest {
  readonly format: 'jwt' | 'opaque';
  /** @default 'orders' */
  readonly audience?: string;
  /** Of `orders:read` and `orders:write`, separated by spaces. @default 'orders:read' */
  readonly scope?: string;
}

export interface OidcProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Of RFC 7662. */
  readonly introspectionUrl: string;
  /** Paths that were asked for, in order of arrival. */
  readonly asked: readonly string[];
  /** A token for the client itself (RFC 6749 4.4), good for an hour. */
  clientToken(request: TokenRequest): Promise<string>;
  /** RFC 7009. Only an opaque token can be revoked. */
  revoke(token: string): Promise<void>;
  /** Signs with a new key from now on; the old one is gone. */
  rotate(): void;
  close(): Promise<void>;
}

const CLIENT_ID = 'gateway';
const CLIENT_SECRET = 'a secret of the tests alone';
const SCOPES = ['orders:read', 'orders:write'];

export async function startOidcProvider(): Promise<OidcProvider> {
  const asked: string[] = [];
  const adapter = memoryAdapter();
  let rotations = 0;
  let listener: RequestListener | null = null;
  const server = await listen(
    createServer((request, response) => {
      asked.push(request.url ?? '');
      listener?.(request, response);
    }),
  );
  const issuer = server.url;

  function rotate(): void {
    rotations++;
    listener = new Provider(issuer, configurationWith(signingKey(`key-${rotations}`), adapter)).callback();
  }

  async function post(path: string, form: Record<string, string>): Promise<Response> {
    const credentials = [CLIENT_ID, CLIENT_SECRET].map(encodeURIComponent).join(':');
    const response = await fetch(`${issuer}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
      body: new URLSearchParams(form),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  async function clientToken({ format, audience = 'orders', scope = 'orders:read' }: TokenRequest): Promise<string> {
    const form = { grant_type: 'client_credentials', scope, resource: `https://${format}.test/${audience}` };
    const response = await post('/token', form);
    return ((await response.json()) as { access_token: string }).access_token;
  }

  async function revoke(token: string): Promise<void> {
    await post('/token/revocation', { token });
  }

  rotate();
  return {
    issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    introspectionUrl: `${issuer}/token/introspection`,
    asked,
    clientToken,
    revoke,
    rotate,
    close: () => server.close(),
  };
}

function signingKey(kid: string): JsonWebKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
}

function configurationWith(key: JsonWebKey, adapter: Configuration['adapter']): Configuration {
  const client = {
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  };
  return {
    adapter,
    clients: [client],
    jwks: { keys: [key] },
    scopes: SCOPES,
    ttl: { ClientCredentials: 3_600 },
    cookies: { keys: ['of the tests alone'] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: { enabled: true, getResourceServerInfo: resourceServer },
    },
  };
}

/** The resource says what its tokens are like: `https://jwt.test/orders` takes JWTs with the audience `orders`. */
function resourceServer(_ctx: unknown, resource: string): ResourceServer {
  const { hostname, pathname } = new URL(resource);
  const shared = { audience: pathname.slice(1), scope: SCOPES.join(' ') };
  return hostname === 'jwt.test'
    ? { ...shared, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }
    : { ...shared, accessTokenFormat: 'opaque' };
}

/** What is issued outlives a rotation. */
function memoryAdapter(): Configuration['adapter'] {
  const issued = new Map<string, object>();
  return (kind): Adapter => ({
    upsert(id, payload) {
      issued.set(`${kind} ${id}`, payload);
      return Promise.resolve();
    },
    find: (id) => Promise.resolve(issued.get(`${kind} ${id}`)),
    destroy(id) {
      issued.delete(`${kind} ${id}`);
      return Promise.resolve();
    },
  });
}
