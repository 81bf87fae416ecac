import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connectionOf } from './connection.js';

/** How often a client that has said that it sends no more is asked whether it still reads. */
const PROBE_MS = 250;

/**
 * Lets clients that close their half of the connection after the request still have their answer. To tell them from
 * clients that have left, which look the same until something is sent, the gateway sends something: `100 Continue`
 * before the head, and after it whatever the answer brings.
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
  let written = -1;
  const timer = setInterval(ask, PROBE_MS).unref();
  socket.once('close', () => {
    clearInterval(timer);
  });
  ask();

  function ask(): void {
    const { headersSent, writableEnded, req } = response as ServerResponse;
    if (writableEnded) return;
    // A client that is gone answers with a reset, which the next write meets.
    if (!headersSent && req.httpVersion === '1.1') response?.writeContinue();
    else if (socket.bytesWritten === written && socket.writableLength === 0) socket.destroy();
    written = socket.bytesWritten;
  }
}
