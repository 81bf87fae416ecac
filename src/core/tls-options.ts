import { either, list, object, string, type Schema } from './options.js';

/** TLS towards another server. Verification is always on; a private authority goes into `ca`. */
export interface TlsOptions {
  /** Certificates that are trusted instead of the system's, PEM. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Certificate chain that is shown, PEM. */
  cert?: string | Uint8Array;
  /** Private key of `cert`, PEM. */
  key?: string | Uint8Array;
  /** Name that the server's certificate must carry. @default the host of the URL, whatever header fields say */
  servername?: string;
}

const pem: Schema = {
  expected: 'PEM, as a text or bytes',
  accepts: (value) => (typeof value === 'string' && value !== '') || value instanceof Uint8Array,
};

/** Schema of {@link TlsOptions}. */
export const tlsField = object({
  ca: either(pem, list(pem)),
  cert: pem,
  key: pem,
  servername: string(),
} satisfies Record<keyof TlsOptions, Schema>);
