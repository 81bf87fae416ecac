import { systemClock, type Clock } from '../core/clock.js';
import type { TargetOptions } from '../core/target-options.js';
import { ApiStatusError } from './api-client.js';
import type { KubernetesAccess } from './kubernetes-access.js';
import { ApiServerError, retryAfterMs, statusError } from './kubernetes-error.js';
import type { KubernetesSourceOptions } from './kubernetes-options.js';
import { listOf, membersOf } from './json-members.js';
import { mergeSlices, readSlice, type ServiceSlice } from './kubernetes-slice.js';

/** Slices per page of a list, as client-go asks for them. */
const PAGE = 500;
/** Slices of a service: of a hundred endpoints each, unless the cluster says otherwise. */
const MAX_SLICES = 10_000;
const MAX_PAGES = 100;
/** The server ends a watch after one to two times that: not all clients come back at once (client-go, reflector.go). */
const MIN_WATCH_SECONDS = 300;
/** A watch begins at most so often, whatever ends it. */
const MIN_WATCH_MS = 1_000;

/**
 * Follows the EndpointSlices of a service: lists them, then watches from the version of the list on.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export class EndpointSliceWatch {
  readonly #options: KubernetesSourceOptions;
  readonly #onTargets: (targets: TargetOptions[]) => void;
  readonly #onError: (error: Error) => void;
  readonly #clock: Clock;
  readonly #random: () => number;
  #slices = new Map<string, ServiceSlice>();
  /** What the slices are of: opaque, and never compared ("Resource versions"). `''` = they are to be listed. */
  #version = '';
  /** True where the version was gone, and no watch has worked since. */
  #wasGone = false;
  /** Events so far. */
  #heard = 0;

  constructor(
    options: KubernetesSourceOptions,
    onTargets: (targets: TargetOptions[]) => void,
    onError: (error: Error) => void,
  ) {
    this.#options = options;
    this.#onTargets = onTargets;
    this.#onError = onError;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  /** One watch, after a list where one is needed. Resolves with the ms to wait before the next. */
  async round(access: KubernetesAccess, signal: AbortSignal): Promise<number> {
    try {
      if (this.#version === '') await this.#list(access, signal);
      return await this.#watch(access, signal);
    } catch (error) {
      if (!(error instanceof ApiServerError)) throw error;
      // Too many requests say nothing of the version. After all else a list makes good whatever was missed.
      if (error.status !== 429) this.#version = '';
      if (error.status === 410 && !this.#wasGone) {
        this.#wasGone = true;
        return 0;
      }
      if (error.retryAfterMs === null || signal.aborted) throw error;
      this.#onError(error);
      return error.retryAfterMs + this.#jitter();
    }
  }

  /** Without a version: the most recent state, page by page, each of the same version ("Retrieving in chunks"). */
  async #list({ client, headers, path }: KubernetesAccess, signal: AbortSignal): Promise<void> {
    const { timeoutMs = 10_000 } = this.#options;
    const found = new Map<string, ServiceSlice>();
    let next = '';
    let version: unknown;
    let pages = 0;
    do {
      if (pages++ === MAX_PAGES) throw new Error(`the list has more than ${MAX_PAGES} pages`);
      const query = this.#query({ limit: `${PAGE}`, ...(next !== '' && { continue: next }) });
      const answer = await client.ask({ path: `${path}?${query}`, headers, timeoutMs, signal });
      if (answer.status !== 200) throw statusError(answer.status, retryAfterMs(answer.headers['retry-after']));
      const { kind, metadata, items } = membersOf(answer.json);
      if (kind !== 'EndpointSliceList') throw new Error('the answer is no EndpointSliceList');
      for (const item of listOf(items)) this.#put(found, item);
      ({ resourceVersion: version } = membersOf(metadata));
      next = nameIn(metadata, 'continue');
    } while (next !== '');
    this.#version = typeof version === 'string' ? version : '';
    if (this.#version === '') throw new Error('the list has no resourceVersion');
    this.#slices = found;
    this.#tell(signal);
  }

  async #watch({ client, headers, path }: KubernetesAccess, signal: AbortSignal): Promise<number> {
    const { timeoutMs = 10_000 } = this.#options;
    const startedAt = this.#clock.now();
    const seconds = Math.round(MIN_WATCH_SECONDS * (1 + this.#random()));
    const query = this.#query({
      watch: 'true',
      resourceVersion: this.#version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: `${seconds}`,
    });
    const request = { path: `${path}?${query}`, headers, timeoutMs, idleMs: seconds * 1_000 + timeoutMs, signal };
    const heardBefore = this.#heard;
    let isBroken = false;
    try {
      await client.stream(request, (event) => {
        this.#apply(event, signal);
      });
    } catch (error) {
      if (error instanceof ApiStatusError) throw statusError(error.status, retryAfterMs(error.retryAfter));
      // A watch that has brought news and breaks is one that has ended: if nobody is there, the next one tells.
      if (this.#heard === heardBefore || this.#version === '' || error instanceof ApiServerError) throw error;
      isBroken = true;
    }
    const lastedMs = this.#clock.now() - startedAt;
    if (this.#heard === heardBefore) {
      // A restored server that does not know the version waits in silence ("Unavailable resource versions").
      this.#version = '';
      if (lastedMs < MIN_WATCH_MS) throw new Error('the watch ended at once');
    }
    this.#wasGone = false;
    return Math.max(0, MIN_WATCH_MS - lastedMs) + (isBroken ? this.#jitter() : 0);
  }

  /** @throws where the event is none: what it would have said is lost, so that the slices are to be listed. */
  #apply(event: unknown, signal: AbortSignal): void {
    const { type, object } = membersOf(event);
    const { metadata, code, details } = membersOf(object);
    if (type === 'ERROR')
      throw statusError(typeof code === 'number' ? code : 500, retryAfterMs(membersOf(details).retryAfterSeconds));
    const version = nameIn(metadata, 'resourceVersion');
    // Until the event is understood.
    this.#version = '';
    if (version === '') throw new Error('the watch brought something that is no event');
    if (type === 'ADDED' || type === 'MODIFIED') this.#put(this.#slices, object);
    else if (type === 'DELETED') this.#slices.delete(nameIn(metadata, 'name'));
    else if (type !== 'BOOKMARK') throw new Error('the watch brought an event of an unknown type');
    this.#version = version;
    this.#heard++;
    this.#wasGone = false;
    if (type !== 'BOOKMARK') this.#tell(signal);
  }

  #put(slices: Map<string, ServiceSlice>, slice: unknown): void {
    const name = nameIn(membersOf(slice).metadata, 'name');
    if (name === '') throw new Error('a slice has no name');
    slices.set(name, readSlice(slice, this.#options));
    if (slices.size > MAX_SLICES) throw new Error(`there are more than ${MAX_SLICES} slices`);
  }

  #tell(signal: AbortSignal): void {
    if (signal.aborted) return;
    const { family, service, port } = this.#options;
    const slices = [...this.#slices.values()];
    const targets = mergeSlices(slices, family);
    // That nobody has the port is most likely a mistake in the options, and no reason to forget the last good set.
    if (targets.length > 0 || !slices.some(({ lacksPort }) => lacksPort)) this.#onTargets(targets);
    else this.#onError(new Error(`no endpoint of service ${service} has ${portText(port)}`));
  }

  #query(parameters: Readonly<Record<string, string>>): string {
    const labelSelector = `kubernetes.io/service-name=${this.#options.service}`;
    return new URLSearchParams({ labelSelector, ...parameters }).toString();
  }

  #jitter(): number {
    return this.#random() * (this.#options.backoffMs ?? 500);
  }
}

function portText(port: string | number | undefined): string {
  return port === undefined ? 'a TCP port' : `the port ${port}`;
}

/** `''` where there is none. */
function nameIn(metadata: unknown, member: string): string {
  const value = membersOf(metadata)[member];
  return typeof value === 'string' ? value : '';
}
