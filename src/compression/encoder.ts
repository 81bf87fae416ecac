import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { ContentCoding } from '../core/content-coding.js';
import type { CompressionOptions } from './options.js';

/** A stream that can be told to let out what it holds. */
export type EncoderStream = Transform & { flush(kind: number): void };

/** One way to compress. */
export interface Encoder {
  readonly createStream: () => EncoderStream;
  /** Has a stream end a block, so that everything that went in can be read at the other end. */
  readonly flushKind: number;
  /** Compresses a small body at once; `null` where the event loop would stand still for too long. */
  readonly encode: ((bytes: Uint8Array) => Uint8Array) | null;
}

/** Only Node 22.15 and later have it. */
interface Zstd {
  createZstdCompress: () => EncoderStream;
  zstdCompressSync: (bytes: Uint8Array) => Uint8Array;
  constants: { ZSTD_e_flush: number };
}

/** From the next one on, 16 KiB take several milliseconds, and a tenth of one up to here. */
const MAX_SYNC_QUALITY = 8;

/** Makes the encoder of a coding, for all requests. */
export function compileEncoder(coding: ContentCoding, options: CompressionOptions): Encoder {
  const { brotliQuality = 4, gzipLevel: level = 6 } = options;
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH, BROTLI_PARAM_QUALITY } = zlib.constants;
  switch (coding) {
    case 'gzip':
      return {
        createStream: () => zlib.createGzip({ level }),
        flushKind: Z_SYNC_FLUSH,
        encode: (bytes) => zlib.gzipSync(bytes, { level }),
      };
    case 'deflate':
      return {
        createStream: () => zlib.createDeflate({ level }),
        flushKind: Z_SYNC_FLUSH,
        encode: (bytes) => zlib.deflateSync(bytes, { level }),
      };
    case 'br': {
      const brotli = { params: { [BROTLI_PARAM_QUALITY]: brotliQuality } };
      return {
        createStream: () => zlib.createBrotliCompress(brotli),
        flushKind: BROTLI_OPERATION_FLUSH,
        encode: brotliQuality > MAX_SYNC_QUALITY ? null : (bytes) => zlib.brotliCompressSync(bytes, brotli),
      };
    }
    case 'zstd': {
      const { createZstdCompress, zstdCompressSync, constants } = zlib as unknown as Zstd;
      return { createStream: createZstdCompress, flushKind: constants.ZSTD_e_flush, encode: zstdCompressSync };
    }
  }
}
