import type { Attempt, AttemptObserver } from './attempt.js';
import { systemClock, type Clock } from './clock.js';
import type { Destination } from './destination.js';
import { makeDraft, type Draft } from './draft.js';
import type { RefusalCode } from './errors.js';
import { headerMap, mergedList } from './headers.js';
import { compileHook } from './hook.js';
import { workLater } from './late-work.js';
import type { TraceContext } from './trace-context.js';
import type { UpstreamFields } from './upstream-fields.js';
import type { GatewayRequest, GatewayResponse, HeaderMap, Identity, RouteMatch } from './types.js';

/** No parameters: shared, so that a route without any costs no object. */
export const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze(Object.create(null) as Record<string, string>);

/** How an exchange ended. */
export interface Outcome {
  /** What the client got; 499 when it left before it got all of it. */
  readonly status: number;
  /** The answer was cut short: the client left, or the upstream failed after the head. */
  readonly aborted: boolean;
  /** The gateway has passed the request on: its host answers, and whatever comes of it is not the gateway's. */
  readonly passedOn?: true;
  /** Bytes of the body of the request, as far as they are known. */
  readonly bytesIn?: number | undefined;
  /** Bytes of the body of the answer that were handed to the connection, as far as they are known. */
  readonly bytesOut?: number | undefined;
}

/** Work for an exchange that can be stopped. */
export interface Cancellable {
  onCancel(reason: Error): void;
}

export type FinishListener = (ctx: Context, outcome: Outcome) => void;

export interface ContextOptions {
  /** @default systemClock */
  clock?: Clock;
  /** Sends a 1xx answer ahead of the final one; the adapter gives it where the connection can carry it. */
  inform?: ((status: number, headers: HeaderMap) => void) | null;
}

/**
 * One exchange, from the request to the last byte of the answer.
 *
 * A fixed shape: every slot is set in the constructor, and each is written by the one piece that its comment names.
 */
export class Context {
  readonly request: GatewayRequest;
  readonly clock: Clock;
  /** Monotonic milliseconds, see {@link Clock.now}. */
  readonly startedAt: number;
  /** When the exchange was over; `NaN` until then. */
  finishedAt = Number.NaN;
  /** Sends a 1xx answer ahead of the final one, where the connection can carry it. */
  readonly inform: ((status: number, headers: HeaderMap) => void) | null;
  /** Written by `requestId()`. */
  requestId = '';
  /** Written by the router. */
  route: RouteMatch | null = null;
  /** Written by the router. */
  params: Readonly<Record<string, string>> = NO_PARAMS;
  /** Written by authentication. */
  identity: Identity | null = null;
  /** Origin of the upstream that was asked last; written by the proxy. */
  target: string | null = null;
  /** Where the next attempt goes; `null` = to the proxy's own target. Written by whatever balances. */
  destination: Destination | null = null;
  /** Where earlier attempts went; written by whatever balances. */
  triedDestinations: Destination[] | null = null;
  /** Which side of a split of traffic the request is on; written by `splitTraffic()`. */
  variant: string | null = null;
  /** Which version of an API the request is for; written by `apiVersions()`. */
  apiVersion: string | null = null;
  /** Which tenant the request is of; written by `tenants()`. */
  tenant: string | null = null;
  /** How often an upstream was asked; written by the proxy. */
  attempt = 0;
  /** The call of an upstream that was made last; written by the proxy. */
  lastAttempt: Attempt | null = null;
  /** Who sees each call of an upstream; filled by {@link observeAttempts}, told by the proxy. */
  attemptObservers: AttemptObserver[] | null = null;
  /** Place of the exchange in a trace; written by `tracing()`. */
  trace: TraceContext | null = null;
  /** What a cache made of the request, in a word such as `hit`; written by whatever caches. */
  cache: string | null = null;
  /** When the whole exchange must be over, see {@link Clock.now}; written by the proxy. */
  deadline = Infinity;
  /** Code of the gateway's own answer; written by `refuse`. */
  refusal: RefusalCode | null = null;
  /** That answer, as long as no other has taken its place; written by `refuse`. */
  ownAnswer: GatewayResponse | null = null;
  /** Why it was refused, for the log, never for the client; written by `refuse`. */
  reason: string | null = null;
  /** What a piece in dry run would have refused with; written by that piece. */
  dryRefusal: RefusalCode | null = null;
  /**
   * Header fields that every answer of this exchange carries, be it an upstream's, a refusal or the host's own. A piece
   * that knows a field before there is an answer puts it here and stays a plain tail call; whoever writes the answer
   * calls {@link completeAnswer}. Made on first use by {@link setAnswerHeader}.
   */
  answerHeaders: HeaderMap | null = null;
  /** Fields of the request upstream in which the client has no say; a draft has them too. See {@link setUpstreamFields}. */
  upstreamFields: UpstreamFields | null = null;
  /** What went wrong, for the log, never for the client; written by the error boundary, the proxy and `retry`. */
  error: unknown = null;

  #state: Record<string, unknown> | null = null;
  #draft: Draft | null = null;
  #withheld: readonly string[] | null = null;
  #finishListeners: FinishListener[] | null = null;
  #lateListeners: FinishListener[] | null = null;
  #cancellable: Cancellable | null = null;
  #abortController: AbortController | null = null;
  #aborted: Error | null = null;
  #outcome: Outcome | null = null;

  constructor(request: GatewayRequest, { clock = systemClock, inform = null }: ContextOptions = {}) {
    this.request = request;
    this.clock = clock;
    this.inform = inform;
    this.startedAt = clock.now();
  }

  /** A place for the application's own values; the gateway never reads it. */
  get state(): Record<string, unknown> {
    return (this.#state ??= Object.create(null) as Record<string, unknown>);
  }

  /** The copy of the request that goes upstream, made on first use by {@link makeDraft}. */
  draft(): Draft {
    return (this.#draft ??= makeDraft(this.request, this.upstreamFields));
  }

  /** The draft if a piece has asked for one: readers that change nothing look here. */
  get drafted(): Draft | null {
    return this.#draft;
  }

  /** Gives every answer of this exchange a header field; `undefined` takes it from all. @param name Lower case. */
  setAnswerHeader(name: string, value: string | string[] | undefined): void {
    (this.answerHeaders ??= headerMap())[name] = value;
  }

  /** The same for several fields, by lower-case name. */
  setAnswerHeaders(fields: Readonly<HeaderMap>): void {
    Object.assign((this.answerHeaders ??= headerMap()), fields);
  }

  /** Adds fields of the request to `Vary` of every answer of this exchange, beside those that are there. */
  addVary(fields: string): void {
    const given = (this.answerHeaders ??= headerMap());
    given.vary = given.vary === undefined ? fields : mergedList(given.vary, fields);
  }

  /** Takes fields from every answer of this exchange, but for those that it is given here. @param names Lower case. */
  withholdAnswerHeaders(names: readonly string[]): void {
    this.#withheld = this.#withheld === null ? names : [...this.#withheld, ...names];
  }

  /** Gives an answer the fields of {@link answerHeaders}. They win, but for `Vary`, where the answer's own stay too. */
  completeAnswer(headers: HeaderMap): void {
    if (this.#withheld !== null) for (const name of this.#withheld) if (name in headers) headers[name] = undefined;
    if (this.answerHeaders === null) return;
    const { vary } = headers;
    Object.assign(headers, this.answerHeaders);
    if (vary !== undefined && headers.vary !== undefined) headers.vary = mergedList(vary, headers.vary);
  }

  /**
   * Gives the request upstream these fields in the place of the client's, in whatever spelling. Where nothing else is
   * changed it costs no draft.
   */
  setUpstreamFields(given: UpstreamFields): void {
    this.upstreamFields = this.upstreamFields === null ? given : this.upstreamFields.with(given);
    if (this.#draft !== null) given.writeOver(this.#draft.headers);
  }

  /** From now on `observer` sees each call of an upstream for this exchange. It must not throw. */
  observeAttempts(observer: AttemptObserver): void {
    (this.attemptObservers ??= []).push(observer);
  }

  /** Calls `listener` once, when the answer is fully sent or the client has left. After that, at once. */
  onFinish(listener: FinishListener): void {
    if (this.#outcome === null) (this.#finishListeners ??= []).push(listener);
    else listener(this, this.#outcome);
  }

  /**
   * Calls `listener` within 10 ms after that, in a row with those of other exchanges, which takes half of the time: for
   * what nobody waits for, such as a log. At once, where the answer was cut short: more may still go wrong with it.
   */
  afterFinish(listener: FinishListener): void {
    if (this.#outcome === null) (this.#lateListeners ??= []).push(listener);
    else listener(this, this.#outcome);
  }

  /** Ends the exchange; called once by the owner of the connection. A second call does nothing. */
  finish(outcome: Outcome): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.finishedAt = this.clock.now();
    this.#tell(this.#finishListeners, outcome);
    if (this.#lateListeners === null) return;
    const tellLate = (): void => this.#tell(this.#lateListeners, outcome);
    if (outcome.aborted) tellLate();
    else workLater(tellLate);
  }

  #tell(listeners: readonly FinishListener[] | null, outcome: Outcome): void {
    if (listeners === null) return;
    for (const listener of listeners) runListener(listener, this, outcome);
  }

  /**
   * Names the one thing that must stop at once when the client leaves, such as the upstream call in flight; `null` when
   * it is over. Cheaper than {@link signal}, which is for everybody else.
   */
  setCancellable(cancellable: Cancellable | null): void {
    this.#cancellable = cancellable;
    if (this.#aborted !== null) cancellable?.onCancel(this.#aborted);
  }

  /** Cancels what runs for this exchange; called by the owner of the connection when the client has left. */
  abort(reason: Error): void {
    if (this.#aborted !== null) return;
    this.#aborted = reason;
    this.#cancellable?.onCancel(reason);
    this.#abortController?.abort(reason);
  }

  /** Why the exchange was cancelled, or `null`. */
  get aborted(): Error | null {
    return this.#aborted;
  }

  /** Aborted when the client leaves; made on first use. */
  get signal(): AbortSignal {
    if (this.#abortController === null) {
      this.#abortController = new AbortController();
      if (this.#aborted !== null) this.#abortController.abort(this.#aborted);
    }
    return this.#abortController.signal;
  }
}

/** A listener that fails takes neither the others along nor the process. */
const runListener = compileHook<[ctx: Context, outcome: Outcome]>('A listener of onFinish');
