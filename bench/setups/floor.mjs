/**
 * The floor: the cheapest honest proxy on Node. `undici` reads the answer straight into `res`; it streams, respects
 * back-pressure and stops when the client has left, and does nothing else.
 */
import { createServer } from 'node:http';
import { Pool } from 'undici';
import { listen } from '../lib/listen.mjs';

class Exchange {
  #res;
  #waiting = false;
  constructor(res) {
    this.#res = res;
  }
  onRequestStart() {}
  onResponseStart(controller, status, headers) {
    const forwarded = []; // a flat list is the cheapest form that writeHead takes
    for (const name in headers) {
      if (name === 'connection' || name === 'keep-alive' || name === 'transfer-encoding') continue;
      forwarded.push(name, headers[name]);
    }
    this.#res.writeHead(status, forwarded);
  }
  onResponseData(controller, chunk) {
    if (this.#res.write(chunk)) return;
    controller.pause();
    this.#waitFor(controller);
  }
  onResponseEnd() {
    this.#res.end();
  }
  onResponseError(controller, error) {
    const res = this.#res;
    if (res.headersSent) res.destroy(error);
    else res.writeHead(502).end();
  }
  #waitFor(controller) {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#res.on('drain', () => controller.resume());
    this.#res.on('close', () => controller.abort(new Error('the client has left')));
  }
}

export async function start({ upstream }) {
  const pool = new Pool(upstream, { connections: 128, pipelining: 1 });
  const server = createServer(function proxy(req, res) {
    const { method, url, rawHeaders } = req;
    const headers = [];
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i].toLowerCase();
      if (name !== 'connection' && name !== 'host') headers.push(name, rawHeaders[i + 1]);
    }
    const body = method === 'GET' || method === 'HEAD' ? null : req;
    pool.dispatch({ method, path: url, headers, body }, new Exchange(res));
  });
  return { port: await listen(server) };
}
