import { isIP, type LookupFunction } from 'node:net';
import { compileAddresses, deniedAddress, guardedLookup } from '../core/address-policy.js';
import type { ActiveHealthOptions } from './options.js';

/** Where a check connects to. */
export interface Endpoint {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Host and port, as in a `Host` field. */
  readonly authority: string;
  readonly socketPath: string | undefined;
  readonly lookup: LookupFunction | undefined;
  /** Why no connection may be made, or `null`: an address in the URL itself is never looked up. */
  readonly denied: Error | null;
}

export function endpointOf(url: URL, { port, socketPath, allowedAddresses }: ActiveHealthOptions): Endpoint {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isAllowed = allowedAddresses && compileAddresses(allowedAddresses);
  return {
    host,
    port: port ?? Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    authority: port === undefined ? url.host : `${url.hostname}:${port}`,
    socketPath,
    lookup: isAllowed && guardedLookup(isAllowed),
    denied: isAllowed !== undefined && isIP(host) !== 0 && !isAllowed(host) ? deniedAddress(host) : null,
  };
}
