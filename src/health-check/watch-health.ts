import { createHash } from 'node:crypto';
import { systemClock, type Clock } from '../core/clock.js';
import { compileHook } from '../core/hook.js';
import { HealthChecker, type TargetHealthListener } from './health-checker.js';
import type { ActiveHealthOptions, HealthCheckerOptions } from './options.js';

interface SharedChecker {
  readonly checker: HealthChecker;
  watchers: number;
}

/** Of this process, by the clock that they go by. */
const checkers = new WeakMap<Clock, Map<string, SharedChecker>>();

const runHook = compileHook('A listener of health checks');

/**
 * Watches the health of a target. All who watch the same origin with equal options share one checker, whatever gateway
 * they are of, and it runs as long as somebody watches: a new config that begins to watch before the old one ends goes
 * on with what is known.
 *
 * @param listener Is told what is known before this returns, and then every change.
 * @returns What ends the watch.
 * @throws {ConfigError} when an option is wrong.
 *
 * @example
 * const unwatch = watchHealth('http://users:3001', { path: '/health' }, ({ healthy }) => {
 *   isInUse = healthy;
 * });
 */
export function watchHealth(
  url: string,
  options: ActiveHealthOptions,
  listener: TargetHealthListener,
  { clock = systemClock, random = Math.random }: Pick<HealthCheckerOptions, 'clock' | 'random'> = {},
): () => void {
  const byKey = checkers.get(clock) ?? new Map<string, SharedChecker>();
  checkers.set(clock, byKey);
  const key = sharingKey(url, options);
  const shared = byKey.get(key) ?? { checker: new HealthChecker({ ...options, url, clock, random }), watchers: 0 };
  byKey.set(key, shared);
  shared.watchers++;
  const { checker } = shared;
  const stop = checker.onChange(listener);
  checker.start();
  runHook(() => listener(checker.snapshot()));
  let isWatching = true;

  return function unwatch() {
    stop();
    if (!isWatching) return;
    isWatching = false;
    if (--shared.watchers > 0) return;
    checker.close();
    byKey.delete(key);
  };
}

/** A digest: the options have keys and credentials in them, and certificates make them long. */
function sharingKey(url: string, options: ActiveHealthOptions): string {
  const origin = URL.canParse(url) ? new URL(url).origin : url;
  return createHash('sha256')
    .update(textOf([origin, options]))
    .digest('base64');
}

/** The same text for equal values, whatever the order of their members; JSON has none for patterns and bytes. */
function textOf(value: unknown): string {
  if (value instanceof RegExp) return String(value);
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString('base64')}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const texts = members.map(([name, member]) => `${JSON.stringify(name)}:${textOf(member)}`);
  return `{${texts.sort().join()}}`;
}
