import { contentCodings, isCoding, type ContentCoding } from '../core/content-coding.js';
import type { Context } from '../core/context.js';
import { DecodeError } from '../core/decoded-body.js';
import { GatewayError, isGatewayError } from '../core/errors.js';
import { refuse } from '../core/refuse.js';
import type { Body, GatewayResponse, MaybePromise } from '../core/types.js';
import type { BodyEdit } from './body-edit.js';
import { markChanged } from '../core/changed-body.js';
import { readBody } from './read-body.js';

const KNOWN_CODINGS = ['gzip', 'deflate', 'br', 'zstd'].filter(isCoding).join(', ');

/** Replaces the body that goes upstream; refuses one that cannot be read. */
export function compileRequestBody(
  edit: BodyEdit,
  maxBodyBytes: number,
): (ctx: Context) => MaybePromise<GatewayResponse | undefined> {
  function editRequestBody(ctx: Context): MaybePromise<GatewayResponse | undefined> {
    const { headers, body } = ctx.drafted ?? ctx.request;
    if (body === null || !edit.fits(headers)) return undefined;
    const codings = contentCodings(headers);
    if (codings === null) return refuseCoding(ctx);
    // What the client said of its own body says nothing of one that took its place.
    const isTooLong = body === ctx.request.body && Number(headers['content-length']) > maxBodyBytes;
    if (isTooLong && codings.length === 0) return refuseBody(ctx, 'too-large', '');
    return replace(ctx, body, codings);
  }

  async function replace(
    ctx: Context,
    body: Body,
    codings: readonly ContentCoding[],
  ): Promise<GatewayResponse | undefined> {
    const draft = ctx.draft();
    try {
      draft.body = await readBody(body, codings, maxBodyBytes).catch(failRead);
      if (codings.length > 0) draft.headers['content-encoding'] = undefined;
      if (draft.body.length === 0) return undefined;
      const changed = await edit.apply(draft.body, draft.headers, ctx);
      draft.body = typeof changed === 'string' ? Buffer.from(changed) : changed;
      markChanged(draft.headers);
      return undefined;
    } catch (error) {
      if (error instanceof DecodeError) return refuseBody(ctx, error.kind, error.message);
      throw error;
    }
  }

  function refuseBody(ctx: Context, kind: DecodeError['kind'], message: string): GatewayResponse {
    return kind === 'too-large'
      ? refuse(ctx, 'ERR_GATEWAY_BODY_TOO_LARGE', { detail: `The body is larger than ${maxBodyBytes} bytes.` })
      : refuse(ctx, 'ERR_GATEWAY_BODY_MALFORMED', { detail: `T${message.slice(1)}.` });
  }

  return editRequestBody;
}

/** RFC 9110 15.5.16: the client is told which codings would do. */
function refuseCoding(ctx: Context): GatewayResponse {
  return refuse(ctx, 'ERR_GATEWAY_MEDIA_TYPE_UNSUPPORTED', {
    detail: 'The body has a content coding that is not known here.',
    headers: { 'accept-encoding': KNOWN_CODINGS },
  });
}

function failRead(error: unknown): never {
  if (error instanceof DecodeError || isGatewayError(error)) throw error;
  const message = 'the client left before its request was complete';
  throw new GatewayError('ERR_GATEWAY_CLIENT_CLOSED', message, { cause: error });
}
