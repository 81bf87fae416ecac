import { markChanged, weakenEtag } from '../core/changed-body.js';
import type { ContentCoding } from '../core/content-coding.js';
import { listTokens, mergedList } from '../core/headers.js';
import type { GatewayResponse, HeaderMap } from '../core/types.js';

/** True where the head lets a body be compressed, whatever its type. */
export function mayEncode({ status, headers }: GatewayResponse): boolean {
  if (status < 200 || status === 204 || status === 205 || status === 206 || status === 304) return false;
  if (headers['content-range'] !== undefined || forbidsTransform(headers)) return false;
  return listTokens(headers['content-encoding']).every((coding) => coding === 'identity');
}

/** True for messages that are to arrive as they were sent (RFC 9111 5.2.1.6, 5.2.2.6). */
export function forbidsTransform({ 'cache-control': control }: Readonly<HeaderMap>): boolean {
  return control !== undefined && listTokens(control).includes('no-transform');
}

/** Caches are to keep the answers to other clients apart, be this one compressed or not. */
export function varyByEncoding(headers: HeaderMap): void {
  headers.vary = mergedList(headers.vary ?? '', 'Accept-Encoding');
}

/** Makes the head that of an encoded body: another representation, which has other bytes (RFC 9110 8.8.3.3). */
export function encodeHead(headers: HeaderMap, coding: ContentCoding): void {
  markChanged(headers);
  headers['content-encoding'] = coding;
}

/**
 * A 304 does not say of what type its answer is. Where the client asks by the weakened tag, it is the one that was
 * compressed, and only by that tag a cache finds it again (RFC 9111 4.3.4).
 *
 * @returns Whether it is.
 */
export function confirmEncoded({ status, headers }: GatewayResponse, asked: string | string[] | undefined): boolean {
  const { etag } = headers;
  if (status !== 304 || asked === undefined || typeof etag !== 'string') return false;
  if (!etag.startsWith('"') || !String(asked).includes(`W/${etag}`)) return false;
  weakenEtag(headers);
  return true;
}
