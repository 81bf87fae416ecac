import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen.js';

/** A line to a server that can be cut while both ends live. */
export interface Cuttable {
  readonly url: string;
  /** Resets every connection, and each that comes. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** @param url Of a server on 127.0.0.1. */
export async function cuttable(url: string): Promise<Cuttable> {
  const { port } = new URL(url);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(port), '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', ignore);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const listening = await listen(server);
  return {
    url: listening.url,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    mend() {
      isCut = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await listening.close();
    },
  };
}

function ignore(): void {}
