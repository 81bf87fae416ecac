import { createHash } from 'node:crypto';

/** Sends a command as it stands, and resolves with its reply. */
export type SendRedisCommand = (...args: [command: string, ...args: string[]]) => Promise<unknown>;

/** A Lua program that Redis runs as one step. */
export class RedisScript {
  readonly #sendCommand: SendRedisCommand;
  readonly #text: string;
  readonly #sha1: string;

  constructor(sendCommand: SendRedisCommand, text: string) {
    this.#sendCommand = sendCommand;
    this.#text = text;
    this.#sha1 = createHash('sha1').update(text).digest('hex');
  }

  /** A server that has not seen the script, or has forgotten it in a restart, gets its text once. */
  async run(keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const call = [`${keys.length}`, ...keys, ...args];
    try {
      return await this.#sendCommand('EVALSHA', this.#sha1, ...call);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return this.#sendCommand('EVAL', this.#text, ...call);
    }
  }
}
