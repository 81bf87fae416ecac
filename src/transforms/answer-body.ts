import { buffer } from 'node:stream/consumers';
import { contentCodings, createEncoders, type ContentCoding } from '../core/content-coding.js';
import type { Context } from '../core/context.js';
import { DecodeError } from '../core/decoded-body.js';
import { GatewayError } from '../core/errors.js';
import type { Body, GatewayResponse, MaybePromise } from '../core/types.js';
import type { BodyEdit } from './body-edit.js';
import { markChanged } from '../core/changed-body.js';
import type { Step } from './in-turn.js';
import { readBody } from './read-body.js';

/** Answers without a body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Replaces the body of an answer, in the codings that it came in. One that cannot be read is a failure of the service:
 * what a rule takes away must not get through because it was not found.
 */
export function compileAnswerBody(edit: BodyEdit, maxBodyBytes: number): Step<GatewayResponse> {
  function editAnswerBody(response: GatewayResponse, ctx: Context): MaybePromise<GatewayResponse> {
    const { status, headers, body } = response;
    if (status < 200 || BODILESS.has(status) || !edit.fits(headers)) return response;
    if (ctx.request.method === 'HEAD') {
      // What it says of a body is not true of the one that a GET has.
      markChanged(headers);
      return response;
    }
    if (body === null) return response;
    if (status === 206) throw unreadable('is a part, which nobody asked for');
    const codings = contentCodings(headers);
    if (codings === null) throw unreadable('has a content coding that this Node cannot undo');
    return replace(response, body, codings, ctx);
  }

  async function replace(
    response: GatewayResponse,
    body: Body,
    codings: readonly ContentCoding[],
    ctx: Context,
  ): Promise<GatewayResponse> {
    const { headers } = response;
    try {
      const bytes = await readBody(body, codings, maxBodyBytes);
      const changed = bytes.length === 0 ? bytes : await edit.apply(bytes, headers, ctx);
      response.body = await encoded(Buffer.from(changed), codings);
    } catch (error) {
      throw error instanceof DecodeError ? failure(error) : error;
    }
    markChanged(headers);
    headers['content-length'] = String(response.body.length);
    return response;
  }

  function failure(error: DecodeError): GatewayError {
    if (error.kind === 'broken') return unreadable(`cannot be read: ${error.message}`, error);
    const message = `the answer is larger than maxBodyBytes of its transforms, ${maxBodyBytes}`;
    return new GatewayError('ERR_GATEWAY_UPSTREAM_TOO_LARGE', message);
  }

  return editAnswerBody;
}

function unreadable(what: string, cause?: Error): GatewayError {
  return new GatewayError('ERR_GATEWAY_UPSTREAM_PROTOCOL', `the answer ${what}`, { cause });
}

async function encoded(bytes: Uint8Array, codings: readonly ContentCoding[]): Promise<Uint8Array> {
  let result = bytes;
  for (const encoder of createEncoders(codings)) {
    encoder.end(result);
    result = await buffer(encoder);
  }
  return result;
}
