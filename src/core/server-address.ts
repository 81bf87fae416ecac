/** Host and port of an origin, as attributes of OpenTelemetry have them. */
export interface ServerAddress {
  /** Without the brackets of an IPv6 address. */
  readonly address: string;
  /** The scheme's own where the origin names none. */
  readonly port: string;
}

/** @param origin Scheme, host and port. Whatever is none has no address. */
export function serverAddress(origin: string): ServerAddress | null {
  if (!URL.canParse(origin)) return null;
  const { hostname, port, protocol } = new URL(origin);
  return { address: hostname.replace(/^\[|\]$/g, ''), port: port || (protocol === 'https:' ? '443' : '80') };
}
