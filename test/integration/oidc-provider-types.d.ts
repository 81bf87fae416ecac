/** The little that the tests use of it; the package brings no types. */
declare module 'oidc-provider' {
  import type { JsonWebKey } from 'node:crypto';
  import type { RequestListener } from 'node:http';

  export interface ResourceServer {
    readonly audience: string;
    /** Separated by spaces. */
    readonly scope: string;
    readonly accessTokenFormat: 'jwt' | 'opaque';
    readonly jwt?: { readonly sign: { readonly alg: string } };
  }

  /** Keeps what the provider has issued, of one kind. */
  export interface Adapter {
    upsert(id: string, payload: object): Promise<void>;
    find(id: string): Promise<object | undefined>;
    destroy(id: string): Promise<void>;
  }

  export interface Configuration {
    readonly adapter: (kind: string) => Adapter;
    readonly clients: readonly Readonly<Record<string, unknown>>[];
    readonly jwks: { readonly keys: readonly JsonWebKey[] };
    readonly scopes: readonly string[];
    /** In seconds, by kind. */
    readonly ttl: Readonly<Record<string, number>>;
    readonly cookies: { readonly keys: readonly string[] };
    readonly features: {
      readonly clientCredentials: { readonly enabled: boolean };
      readonly devInteractions: { readonly enabled: boolean };
      readonly introspection: { readonly enabled: boolean; readonly allowedPolicy: () => boolean };
      readonly revocation: { readonly enabled: boolean; readonly allowedPolicy: () => boolean };
      readonly resourceIndicators: {
        readonly enabled: boolean;
        readonly getResourceServerInfo: (ctx: unknown, resource: string) => ResourceServer;
      };
    };
  }

  export class Provider {
    constructor(issuer: string, configuration: Configuration);
    callback(): RequestListener;
  }
}
