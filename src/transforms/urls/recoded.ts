import { pipeline, Readable, type Transform } from 'node:stream';
import { constants } from 'node:zlib';
import { createDecoders, createEncoders, type ContentCoding } from '../../core/content-coding.js';
import { GatewayError, isGatewayError } from '../../core/errors.js';
import type { ByteStream, GatewayResponse } from '../../core/types.js';

/**
 * Sends a compressed body through a stage that wants its bytes plain. The answer waits for the first of them, so that
 * one that is broken from its start can still be told from a good one.
 *
 * @throws {GatewayError} `ERR_GATEWAY_UPSTREAM_PROTOCOL` where the body is not what its codings say; a failure of the
 *   proxy stays as it is.
 */
export async function recoded(
  response: GatewayResponse,
  body: ByteStream | Uint8Array,
  codings: readonly ContentCoding[],
  stage: Transform,
): Promise<GatewayResponse> {
  const encoders = createEncoders(codings);
  encoders.forEach((encoder, index) => {
    flushWhenQuiet(encoders[index - 1] ?? stage, encoder, codings[index] as ContentCoding);
  });
  const source = body instanceof Uint8Array ? Readable.from([body], { objectMode: false }) : body;
  const stream = through(source, [...createDecoders(codings), stage, ...encoders]);
  try {
    await firstBytes(stream);
  } catch (error) {
    if (isGatewayError(error)) throw error;
    const message = `the body of the answer is not what its coding says, ${codings.join(', ')}`;
    throw new GatewayError('ERR_GATEWAY_UPSTREAM_PROTOCOL', message, { cause: error });
  }
  response.body = stream;
  return response;
}

/** A body behind its stages: where one of them fails or is destroyed, all of them are. */
export function through(body: ByteStream, stages: readonly Transform[]): Transform {
  const [first, last] = [stages[0], stages.at(-1)] as [Transform, Transform];
  const streams = body instanceof Readable ? [body, ...stages] : stages;
  if (streams.length > 1) pipeline(streams, ignore);
  if (!(body instanceof Readable)) {
    body.pipe(first);
    first.once('close', () => body.destroy());
  }
  // It may fail before it has a reader.
  return last.on('error', ignore);
}

/** Settles when there is something to read, or the end. */
function firstBytes(stream: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    function settle(): void {
      stream.off('readable', settle).off('close', settle);
      if (stream.errored === null) resolve();
      else reject(stream.errored);
    }

    stream.on('readable', settle).on('close', settle);
  });
}

/** What a compressor has taken must not wait in it for more to come: whoever streams wants it to arrive. */
function flushWhenQuiet(source: Readable, encoder: Transform, coding: ContentCoding): void {
  const compressor = encoder as Transform & { flush(kind?: number): void };
  // What is usual with the older codings forgets all that has been said, too, and compresses worse.
  const kind = coding === 'gzip' || coding === 'deflate' ? constants.Z_SYNC_FLUSH : undefined;
  let waiting = false;

  function flushNow(): void {
    waiting = false;
    if (!encoder.writableEnded && !encoder.destroyed) compressor.flush(kind);
  }

  source.on('data', () => {
    if (!waiting) setImmediate(flushNow);
    waiting = true;
  });
}

/** Failures reach the reader of the last stream. */
function ignore(): void {}
