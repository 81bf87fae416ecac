import { failureReason } from '../core/failure-reason.js';
import { show } from '../core/options.js';
import type { TargetEntry, TargetOptions } from '../core/target-options.js';
import type { EtcdPair } from './etcd-client.js';
import type { EtcdParse } from './etcd-options.js';
import { targetFault } from './target-fault.js';

interface Entry {
  readonly value: string;
  /** `null` = there is none in the value. */
  readonly target: TargetOptions | null;
}

/** The targets that stand in the keys of a prefix. */
export class EtcdTargets {
  readonly #parse: EtcdParse;
  #entries = new Map<string, Entry>();

  constructor(parse: EtcdParse = parseTarget) {
    this.#parse = parse;
  }

  list(): TargetOptions[] {
    const targets: TargetOptions[] = [];
    for (const { target } of this.#entries.values()) if (target !== null) targets.push(target);
    return targets;
  }

  /** Takes pairs in the place of all there were. @returns What is wrong with those that are left out. */
  replace(pairs: readonly EtcdPair[]): string[] {
    const before = this.#entries;
    this.#entries = new Map();
    return this.#put(pairs, before);
  }

  /** Takes what has changed. @returns What is wrong with those that are left out. */
  apply(pairs: readonly EtcdPair[]): string[] {
    return this.#put(pairs, this.#entries);
  }

  /** A value that is known already is neither read nor told again. */
  #put(pairs: readonly EtcdPair[], before: ReadonlyMap<string, Entry>): string[] {
    const faults: string[] = [];
    for (const { key, value } of pairs) {
      if (value === null) this.#entries.delete(key);
      else {
        const known = before.get(key);
        this.#entries.set(key, known?.value === value ? known : { value, target: this.#read(key, value, faults) });
      }
    }
    return faults;
  }

  #read(key: string, value: string, faults: string[]): TargetOptions | null {
    const name = Buffer.from(key, 'base64').toString();
    let fault: string | null;
    try {
      const entry = this.#parse(Buffer.from(value, 'base64').toString(), name);
      if (entry === null) return null;
      fault = targetFault(entry);
      if (fault === null) return typeof entry === 'string' ? { url: entry } : entry;
    } catch (error) {
      fault = failureReason(error);
    }
    faults.push(`${show(name)}: ${fault}`);
    return null;
  }
}

function parseTarget(value: string): TargetEntry {
  const text = value.trim();
  if (!text.startsWith('{')) return text;
  try {
    return JSON.parse(text) as TargetOptions;
  } catch {
    throw new Error('the value is no JSON');
  }
}
