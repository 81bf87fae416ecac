import { after } from '../core/after.js';
import { isStream } from '../core/buffer-body.js';
import type { Context } from '../core/context.js';
import { mediaType } from '../core/media-type.js';
import { validate } from '../core/options.js';
import type { GatewayResponse, Middleware } from '../core/types.js';
import { compileCompressible } from './compressible.js';
import { answerLength, encodeAnswer } from './encode-answer.js';
import { confirmEncoded, encodeHead, forbidsTransform, mayEncode, varyByEncoding } from './encoded-head.js';
import { compileEncoder, type Encoder } from './encoder.js';
import { negotiate } from './negotiate.js';
import { compressionSchema, type CompressionOptions } from './options.js';

/**
 * Compresses answers with what the client likes best (RFC 9110 12.5.3): text, JSON, XML, JavaScript, SVG, WebAssembly and
 * other types that gain by it, not what is compressed by itself, such as pictures, video and archives.
 *
 * It leaves alone what is encoded already, a part of something (206), under `Cache-Control: no-transform`, or a format
 * for streaming: `text/event-stream`, `application/grpc`, newline-delimited JSON, `multipart/x-mixed-replace`. A
 * compressed answer has a weak `ETag`, and neither ranges nor digests.
 *
 * Where an answer has secrets beside text of the client's choice, its size can betray them (BREACH): leave those out.
 *
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const handler = compose([compression({ encodings: ['gzip'] })], proxy({ target: 'http://pages:3001' }));
 */
export function compression(options: CompressionOptions = {}): Middleware {
  validate('compression', options, compressionSchema);
  const { encodings = ['br', 'gzip'], minBytes = 1_024, types = [] } = options;
  const isCompressible = compileCompressible(types);
  const encoders = new Map(encodings.map((coding) => [coding, compileEncoder(coding, options)]));

  function isWorthIt(response: GatewayResponse): boolean {
    return mayEncode(response) && isCompressible(mediaType(response.headers)) && answerLength(response) >= minBytes;
  }

  function compress(response: GatewayResponse, { request }: Context): GatewayResponse {
    const { headers, body } = response;
    const { method, headers: asked } = request;
    if (confirmEncoded(response, asked['if-none-match'])) varyByEncoding(headers);
    const hasBody = body === null ? method === 'HEAD' : !isStream(body) || !body.failure;
    if (!hasBody || !isWorthIt(response)) return response;
    varyByEncoding(headers);
    const coding = forbidsTransform(asked) ? null : negotiate(asked['accept-encoding'], encodings);
    if (coding === null) return response;
    if (method === 'HEAD') encodeHead(headers, coding);
    else encodeAnswer(response, coding, encoders.get(coding) as Encoder);
    return response;
  }

  return function compressionMiddleware(ctx, next) {
    return after(next, ctx, compress);
  };
}
