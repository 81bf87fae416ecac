import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { listTokens } from './headers.js';
import type { HeaderMap } from './types.js';

/** What a body can be compressed with (RFC 9110 8.4.1, RFC 7932, RFC 8878). */
export type ContentCoding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** Only Node 22.15 and later have it. */
const zstd = zlib as { createZstdDecompress?: () => Transform; createZstdCompress?: () => Transform };

const DECODERS: Readonly<Record<ContentCoding, (() => Transform) | undefined>> = {
  gzip: () => zlib.createGunzip(),
  deflate: () => zlib.createInflate(),
  br: () => zlib.createBrotliDecompress(),
  zstd: zstd.createZstdDecompress,
};

const BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };

const ENCODERS: Readonly<Record<ContentCoding, (() => Transform) | undefined>> = {
  gzip: () => zlib.createGzip(),
  deflate: () => zlib.createDeflate(),
  br: () => zlib.createBrotliCompress(BROTLI),
  zstd: zstd.createZstdCompress,
};

/** True for a coding that this Node can undo. */
export function isCoding(name: string): name is ContentCoding {
  return Object.hasOwn(DECODERS, name) && DECODERS[name as ContentCoding] !== undefined;
}

/** More codings on one body are an attack: each costs a decoder with a window of its own. */
const MAX_CODINGS = 4;

/** The codings of a body in the order in which they were applied; `null` where one of them is unknown here. */
export function contentCodings(headers: Readonly<HeaderMap>): ContentCoding[] | null {
  const names = listTokens(headers['content-encoding'])
    .filter((name) => name !== 'identity')
    .map((name) => (name === 'x-gzip' ? 'gzip' : name));
  return names.length <= MAX_CODINGS && names.every(isCoding) ? names : null;
}

/** Streams that undo the codings of a body, in the order in which it must pass them. */
export function createDecoders(codings: readonly ContentCoding[]): Transform[] {
  return [...codings].reverse().map((coding) => (DECODERS[coding] as () => Transform)());
}

/** Streams that apply codings again. */
export function createEncoders(codings: readonly ContentCoding[]): Transform[] {
  return codings.map((coding) => (ENCODERS[coding] as () => Transform)());
}
