import { headerMap, isVouchedField, nominatedFields } from './headers.js';
import type { Body, GatewayRequest, HeaderMap } from './types.js';
import type { UpstreamFields } from './upstream-fields.js';

/** The changeable copy of what goes upstream; transforms write here, the proxy reads here. */
export interface Draft {
  method: string;
  /** Path and query to send, below the path of the target; `null` leaves the proxy's own rule in force. */
  url: string | null;
  /** `''` or `'?a=b'`; of no effect beside {@link url}. */
  query: string;
  headers: HeaderMap;
  body: Body;
}

/** Identity that the client claimed is not in it, nor what it named in `Connection`. */
export function makeDraft(request: GatewayRequest, upstreamFields: UpstreamFields | null): Draft {
  const { method, query, headers: sent, body } = request;
  const headers = Object.assign(headerMap(), sent);
  const nominated = nominatedFields(sent.connection);
  for (const name in headers) if (isVouchedField(name) || nominated?.has(name)) delete headers[name];
  upstreamFields?.writeOver(headers);
  return { method, url: null, query, headers, body };
}
