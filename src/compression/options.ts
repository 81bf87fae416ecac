import { isCoding, type ContentCoding } from '../core/content-coding.js';
import { integer, list, object, oneOf, string, type Fault, type Schema } from '../core/options.js';

export interface CompressionOptions {
  /**
   * What to compress with, the preferred one first: it decides between those that a client likes equally well. `zstd`
   * needs Node 22.15. @default ['br', 'gzip']
   */
  encodings?: readonly ContentCoding[];
  /** Bytes from which on an answer is compressed. From 0 on; what does not say how long it is always is. @default 1024 */
  minBytes?: number;
  /**
   * Media types to compress beside those that are known to gain by it (see {@link compression}). One that is named here is
   * compressed even if it is a format for streaming. @default none
   */
  types?: readonly string[];
  /**
   * Effort for `br`, from 0 = least to 11 = most. From 9 on an answer costs fifty times what it costs at 4.
   * @default 4
   */
  brotliQuality?: number;
  /** Effort for `gzip` and `deflate`, from 0 = only wrapped to 9 = most. @default 6 */
  gzipLevel?: number;
}

const MEDIA_TYPE = /^[\w!#$%&'^`|~.+-]+\/[\w!#$%&'^`|~.+-]+$/;

/** A coding that every Node knows, or that this one does. */
const encoding: Schema = {
  ...oneOf('br', 'gzip', 'zstd', 'deflate'),
  inspect(name: string, path, faults) {
    if (!isCoding(name)) faults.push({ path, message: `${name} is not in this Node, ${process.version}` });
  },
};

const compressionFields = {
  encodings: list(encoding),
  minBytes: integer(),
  types: list(
    string('a media type such as application/x-protobuf', (text) => MEDIA_TYPE.test(text)),
    { min: 0 },
  ),
  brotliQuality: integer({ max: 11 }),
  gzipLevel: integer({ max: 9 }),
} satisfies Record<keyof CompressionOptions, Schema>;

const fields = object(compressionFields);

/** Adds everything that is wrong with the options. */
export function inspectCompressionOptions(options: CompressionOptions, at: string, faults: Fault[]): void {
  fields.inspect?.(options as never, at, faults);
}

export const compressionSchema: Schema = { ...fields, inspect: inspectCompressionOptions };
