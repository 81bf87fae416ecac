import type { Socket } from 'node:net';

/** What is read and thrown away of a body that nobody wanted. */
export const LINGER_BYTES = 65_536;
const LINGER_MS = 1_000;

/**
 * Makes a socket close the polite way: it says that it is done, then reads a little of what still comes. A close on
 * unread bytes is a reset, and a reset takes the answer away from a client that has not read it yet (RFC 9112 9.6).
 */
export function lingerOnClose(socket: Socket): void {
  let started = false;
  socket.destroySoon = function lingerThenDestroy() {
    if (started) return;
    started = true;
    let left = LINGER_BYTES;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => {
      clearTimeout(timer);
    });
    socket.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) socket.destroy();
    });
    socket.once('end', () => socket.destroy());
    socket.end();
    socket.resume();
  };
}
