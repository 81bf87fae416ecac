import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { etcdSource } from '../../src/discovery/etcd.js';
import type { EtcdSourceOptions } from '../../src/discovery/etcd-options.js';
import { startEtcd, type EtcdServer } from '../support/etcd-server.js';
import { eventually } from '../support/eventually.js';
import { listenTo, type Heard } from '../support/heard.js';
import { isInstalled } from '../support/installed.js';
import { cuttable, type Cuttable } from '../support/cuttable.js';

const PREFIX = '/services/users/';
const A = 'http://10.0.0.1:3000';
const B = 'http://10.0.0.2:3000';
const C = 'http://10.0.0.3:3000';

describe.skipIf(!isInstalled('etcd'))('etcdSource over a server', () => {
  let server: EtcdServer;
  let line: Cuttable;
  let heard: Heard;

  beforeAll(async () => {
    server = await startEtcd();
  }, 30_000);

  beforeEach(async () => {
    line = await cuttable(server.url);
  });

  afterEach(async () => {
    heard.stop();
    await line.close();
  });

  afterAll(() => server.stop());

  function listen(prefix: string, options: Partial<EtcdSourceOptions> = {}): void {
    heard = listenTo(etcdSource({ endpoints: line.url, prefix, backoffMs: 20, maxBackoffMs: 100, ...options }));
  }

  function becomes(...urls: readonly string[]): Promise<void> {
    return eventually(() => expect(heard.urls).toEqual(urls), { withinMs: 10_000 });
  }

  it('tells what is there, what comes, what changes and what goes', async () => {
    const prefix = '/life/';
    await server.put(`${prefix}a`, A);
    listen(prefix);
    await becomes(A);
    await server.put(`${prefix}b`, JSON.stringify({ url: B, weight: 3, zone: 'eu' }));
    await becomes(A, B);
    expect(heard.targets).toContainEqual({ url: B, weight: 3, zone: 'eu' });
    await server.put(`${prefix}a`, C);
    await becomes(B, C);
    await server.remove(`${prefix}b`);
    await becomes(C);
    expect(heard.errors).toEqual([]);
  });

  it('tells an empty set of a prefix without keys, and nothing of other prefixes', async () => {
    await server.put('/empty', A);
    await server.put('/empty0', A);
    listen('/empty/');
    await becomes();
    await server.put('/empty0', B);
    await server.put('/empty/a', B);
    await becomes(B);
    expect(heard.sets).toEqual([[], [B]]);
  });

  it('reads a prefix that is not ASCII', async () => {
    await server.put('/Ünïcode/🚀/a', A);
    await server.put('/Ünïcode/🚁', B);
    listen('/Ünïcode/🚀');
    await becomes(A);
  });

  it('lets a target go when its lease ends', async () => {
    const prefix = '/lease/';
    await server.put(`${prefix}a`, A);
    await server.put(`${prefix}b`, B, 1);
    listen(prefix);
    await becomes(A, B);
    await becomes(A);
    expect(heard.errors).toEqual([]);
  });

  it('hears what happens after a restart of the server', async () => {
    const prefix = '/restart/';
    await server.put(`${prefix}a`, A);
    listen(prefix);
    await becomes(A);
    await server.kill();
    await eventually(() => expect(heard.errors.length).toBeGreaterThan(0));
    await server.start();
    await server.put(`${prefix}b`, B);
    await becomes(A, B);
    await server.remove(`${prefix}a`);
    await becomes(B);
    for (const error of heard.errors) expect(error.startsWith(`${line.url}: `)).toBe(true);
  }, 60_000);

  it('hears what happened while it was cut off, be it compacted', async () => {
    const prefix = '/compaction/';
    await server.put(`${prefix}a`, A);
    await server.put(`${prefix}b`, B);
    listen(prefix);
    await becomes(A, B);
    line.cut();
    await eventually(() => expect(heard.errors.length).toBeGreaterThan(0));
    await server.remove(`${prefix}a`);
    await server.put(`${prefix}c`, C);
    await server.compact();
    line.mend();
    await becomes(B, C);
    await server.remove(`${prefix}b`);
    await becomes(C);
  });

  it('goes on while the store is compacted', async () => {
    const prefix = '/compacted/';
    listen(prefix);
    await becomes();
    await server.put(`${prefix}a`, A);
    await server.compact();
    await server.put(`${prefix}b`, B);
    await becomes(A, B);
    expect(heard.errors).toEqual([]);
  });

  it('hears of every change of a burst', async () => {
    const prefix = '/burst/';
    listen(prefix);
    await becomes();
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          await server.put(`${prefix}${index}`, `http://10.0.1.${index}:${3000 + round}`);
          if (index % 2 === 1 || round < 4) await server.remove(`${prefix}${index}`);
        }),
      );
    }
    await becomes(...Array.from({ length: 20 }, (_, index) => `http://10.0.1.${index * 2}:3004`).sort());
    expect(heard.errors).toEqual([]);
  }, 30_000);

  it('watches 1,000 keys', async () => {
    const prefix = '/many/';
    const urls = Array.from({ length: 1_000 }, (_, index) => `http://10.1.${index >> 8}.${index & 255}:3000`);
    for (let start = 0; start < 1_000; start += 50)
      await Promise.all(
        urls.slice(start, start + 50).map((url, index) => server.put(`${prefix}${start + index}`, url)),
      );
    listen(prefix);
    await becomes(...urls.toSorted());
    await server.remove(`${prefix}500`);
    await becomes(...urls.toSpliced(500, 1).sort());
    expect(heard.sets).toHaveLength(2);
  }, 60_000);

  it('takes the next member when one does not answer', async () => {
    const prefix = '/members/';
    await server.put(`${prefix}a`, A);
    line.cut();
    listen(prefix, { endpoints: [line.url, server.url] });
    await becomes(A);
    expect(heard.errors).toHaveLength(1);
  });

  it('takes a server that stopped without a word for dead after a time', async () => {
    const prefix = '/paused/';
    await server.put(`${prefix}a`, A);
    listen(prefix, { idleMs: 100, timeoutMs: 100 });
    await becomes(A);
    server.pause();
    try {
      await eventually(() => expect(heard.errors).toContain(`${line.url}: it was silent for 100 ms`));
    } finally {
      server.resume();
    }
    await server.put(`${prefix}a`, B);
    await becomes(B);
  });

  it('is not misled by a store that begins anew with the same ids', async () => {
    const prefix = '/wiped/';
    await server.put(`${prefix}a`, A);
    listen(prefix);
    await becomes(A);
    await server.kill();
    await server.wipe();
    await server.start();
    await becomes();
    await server.put(`${prefix}b`, B);
    await becomes(B);
  }, 60_000);

  it('shows its name and password, and gets a new token when the old one ends', async () => {
    await server.put(`${PREFIX}a`, A);
    await server.enableAuth('s3cret-pw');
    try {
      listen(PREFIX);
      await eventually(() => expect(heard.errors.join()).toContain('user name is empty'));
      heard.stop();
      listen(PREFIX, { username: 'root', password: 'wrong-pw' });
      await eventually(() => expect(heard.errors.join()).toContain('authentication failed'));
      expect(heard.errors.join()).not.toContain('wrong-pw');
      expect(heard.sets).toEqual([]);
      heard.stop();
      listen(PREFIX, { username: 'root', password: 's3cret-pw' });
      await becomes(A);
      // Simple tokens live in the memory of the server.
      await server.kill();
      await server.start();
      await eventually(() => expect(heard.sets.length).toBeGreaterThan(1), { withinMs: 10_000 });
      await server.login('s3cret-pw');
      await server.put(`${PREFIX}b`, B);
      await becomes(A, B);
      expect(heard.errors.join()).not.toContain('s3cret-pw');
    } finally {
      await server.disableAuth();
    }
  }, 60_000);
});
