import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { connectionOf } from './connection.js';

/** How long a client that has said that it sends no more may get nothing before it counts as gone. */
const SILENCE_MS = 500;

/**
 * Lets clients that close their half of the connection after the request still have their answer. To tell them from clients that have left, which look the
 * same until something is sent, the gateway sends something: `100 Continue` before the head, and after it whatever the answer brings.
 */
export function serveHalfClosed(server: Server): void {
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  for (const event of ['connection', 'secureConnection']) {
    server.on(event, (socket: Socket) => {
      socket.on('end', () => {
        probe(socket);
      });
    });
  }
}

function probe(socket: Socket): void {
  const { response } = connectionOf(socket);
  if (response === null || response.writableEnded) return;
  if (!response.headersSent) {
    if (response.req.httpVersion === '1.1') response.writeContinue();
    else socket.destroy();
  }
  let written = socket.bytesWritten;
  const timer = setInterval(() => {
    const silent = socket.bytesWritten === written && socket.writableLength === 0;
    if (silent && response.headersSent && !response.writableEnded) socket.destroy();
    written = socket.bytesWritten;
  }, SILENCE_MS).unref();
  socket.once('close', () => {
    clearInterval(timer);
  });
}
