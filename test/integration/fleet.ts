/** Servers in processes of their own, and clients that never stop asking. */
import { fork, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.js';
import { send, times } from './harness.js';

/** A machine that is busy may take its time. */
export const PATIENT = { withinMs: 20_000 };

/** A server of `fixtures/fleet-member.ts`, which keeps its port whenever it starts again. */
export class Member {
  readonly #script: string;
  /** Below those that the kernel gives to clients, or one of them could have it while nobody listens there. */
  #port = 0;
  #child: ChildProcess | null = null;

  /** @param script The fixture, as a program. */
  constructor(script: string) {
    this.#script = script;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What it answers with. */
  get name(): string {
    return String(this.#child?.pid);
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    if (this.#port !== 0) expect(await this.#listens()).toBe(true);
    else
      do this.#port = randomInt(20_000, 30_000);
      while (!(await this.#listens()));
  }

  /** Whether the port was free. */
  async #listens(): Promise<boolean> {
    const child = fork(this.#script, {
      env: { ...process.env, PORT: String(this.#port) },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    return Promise.race([once(child, 'message').then(() => true), once(child, 'exit').then(() => false)]);
  }

  /** From now on it answers so. */
  async answer({ delayMs = 0, status = 200 }: { delayMs?: number; status?: number }): Promise<void> {
    expect(await send(`${this.url}/control?delayMs=${delayMs}&status=${status}`)).toMatchObject({ status: 200 });
  }

  /** Resolves when the process is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  async restart(): Promise<void> {
    await this.end('SIGTERM');
    await this.start();
  }
}

/** Three of them, which end with the test. */
export function startFleet(script: string): Promise<[Member, Member, Member]> {
  return times(3, async () => {
    const member = new Member(script);
    onTestFinished(() => member.end('SIGKILL'));
    await member.start();
    return member;
  }) as Promise<[Member, Member, Member]>;
}

/** Requests that began after a moment, and how often each server has answered one. */
export class Tally {
  total = 0;
  readonly #byName = new Map<string, number>();

  get names(): string[] {
    return [...this.#byName.keys()].sort();
  }

  add(name: string): void {
    this.total++;
    this.#byName.set(name, (this.#byName.get(name) ?? 0) + 1);
  }

  /** From 0 to 1. */
  shareOf(name: string): number {
    return (this.#byName.get(name) ?? 0) / this.total;
  }

  /** Resolves when so many of them have been answered. */
  async reaches(total: number): Promise<void> {
    await eventually(() => this.total >= total, PATIENT);
  }
}

/** Clients that each send a GET as soon as the one before is answered, over a connection that they keep. */
export class Load {
  /** How many were answered with 200. */
  answered = 0;
  /** What the others got. */
  readonly failed: string[] = [];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #clients: Promise<unknown>;
  #tally = new Tally();
  #stopped = false;

  constructor(url: string, clients = 32) {
    this.#clients = times(clients, (client) => this.#keepAsking(url, client));
    onTestFinished(() => this.stop());
  }

  /** Counts the requests that begin from now on. */
  count(): Tally {
    return (this.#tally = new Tally());
  }

  /** Resolves when every request has been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#clients;
    this.#agent.destroy();
  }

  async #keepAsking(url: string, client: number): Promise<void> {
    for (let request = 0; !this.#stopped; request++) {
      const tally = this.#tally;
      try {
        const headers = { 'x-user': `${client}-${request % 50}` };
        const { status, text } = await send(url, { agent: this.#agent, headers });
        if (status === 200) {
          this.answered++;
          tally.add(text);
        } else {
          this.failed.push(`${status} ${text}`);
        }
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        this.failed.push(code ?? message);
        // Whoever fails at once is not to fail a million times.
        await sleep(10);
      }
    }
  }
}
