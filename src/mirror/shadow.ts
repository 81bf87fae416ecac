import { Readable } from 'node:stream';
import { bodyBytes } from '../core/body-bytes.js';
import { isStream } from '../core/buffer-body.js';
import { systemClock } from '../core/clock.js';
import type { Context } from '../core/context.js';
import type { MirrorOptions } from './options.js';
import { ShadowCopy, type CopySettings } from './shadow-copy.js';

/** What has become of the copies so far. */
export interface MirrorStats {
  /** Copies that have been sent. */
  readonly sent: number;
  /** Those of them that got no answer, or one of 500 and up, or none in time. */
  readonly failed: number;
  /** Copies that were given up before: too many at the same time, a body too long or broken off. */
  readonly dropped: number;
  /** Copies that are on their way now. */
  readonly inFlight: number;
}

/** Makes copies of requests and sends them, as many at a time as may be. */
export class Shadow {
  readonly #settings: CopySettings;
  readonly #maxInFlight: number;
  readonly #copies = new Set<ShadowCopy>();
  readonly #counts = { sent: 0, failed: 0, dropped: 0 };
  #isClosed = false;

  constructor(options: MirrorOptions) {
    const { to, maxBodyBytes = 65_536, maxInFlight = 100, timeoutMs = 5_000, clock = systemClock } = options;
    this.#maxInFlight = maxInFlight;
    this.#settings = {
      to,
      maxBodyBytes,
      timeoutMs,
      clock,
      onSent: () => {
        this.#counts.sent++;
      },
      onEnd: (copy, result) => {
        this.#copies.delete(copy);
        if (result !== 'succeeded') this.#counts[result]++;
      },
    };
  }

  stats(): MirrorStats {
    return { ...this.#counts, inFlight: this.#copies.size };
  }

  /** A copy of what goes upstream at this moment, to be started; `null` where there is to be none. */
  copy(ctx: Context): ShadowCopy | null {
    if (this.#isClosed) return null;
    if (this.#copies.size >= this.#maxInFlight || !canBeCopied(ctx, this.#settings.maxBodyBytes)) {
      this.#counts.dropped++;
      return null;
    }
    const copy = new ShadowCopy(ctx, this.#settings);
    this.#copies.add(copy);
    copy.gather(ctx);
    return copy;
  }

  /** Ends every copy, and makes no more. */
  close(): void {
    this.#isClosed = true;
    for (const copy of this.#copies) copy.stop(new Error('the mirror was closed'));
  }
}

/** As far as can be told before the body comes: nothing of it has been read, and it says no length over the cap. */
function canBeCopied({ request, drafted }: Context, maxBytes: number): boolean {
  const { body, headers } = drafted ?? request;
  if (!isStream(body)) return (bodyBytes(body) ?? 0) <= maxBytes;
  if (body instanceof Readable && body.readableDidRead) return false;
  // What the client said of its own body says nothing of one that took its place.
  return body !== request.body || !(Number(headers['content-length']) > maxBytes);
}
