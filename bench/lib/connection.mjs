import { connect } from 'node:net';

/** One keep-alive connection of the load generator: bytes out, answers counted by their own framing. */
export class Connection {
  #socket;
  #pending = null;
  #waiting = null;

  /** @param {number} port @param {Buffer} request @param {number} length how long a right answer is */
  static open(port, request, length) {
    return new Promise((resolve, reject) => {
      const connection = new Connection(request, length);
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      connection.#socket = socket;
      socket.once('connect', () => resolve(connection));
      socket.on('data', (chunk) => connection.#read(chunk));
      socket.on('error', reject);
      socket.on('error', (error) => connection.#answer(error.message));
      socket.on('close', () => connection.#answer('the connection was closed'));
    });
  }

  constructor(request, length) {
    this.request = request;
    this.length = length;
  }

  /** Sends the request; `done` gets `null` after a right answer, and else what was wrong. */
  send(done) {
    this.#waiting = done;
    this.#socket.write(this.request);
  }

  close() {
    this.#waiting = null;
    this.#socket.destroy();
  }

  get closed() {
    return this.#socket.destroyed;
  }

  #read(chunk) {
    const bytes = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
    const answer = parseAnswer(bytes);
    this.#pending = answer === null ? bytes : null;
    if (answer === null) return;
    if (answer.status !== '200') this.#answer(`status ${answer.status}`);
    else if (answer.length !== this.length) this.#answer(`${answer.length} bytes, not ${this.length}`);
    else if (answer.end !== bytes.length) this.#answer('bytes after the end of the answer');
    else this.#answer(null);
  }

  #answer(problem) {
    const done = this.#waiting;
    this.#waiting = null;
    done?.(problem);
  }
}

/** @param {Buffer} bytes @returns {{ status: string, length: number, end: number } | null} null: not all there yet */
export function parseAnswer(bytes) {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return null;
  const head = bytes.latin1Slice(0, headEnd);
  const status = head.slice(9, 12);
  const start = headEnd + 4;
  const declared = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (declared !== null) {
    const length = Number(declared[1]);
    return start + length <= bytes.length ? { status, length, end: start + length } : null;
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return parseChunks(bytes, start, status);
  return { status, length: 0, end: start };
}

function parseChunks(bytes, start, status) {
  for (let at = start, length = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const size = parseInt(bytes.latin1Slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (Number.isNaN(size)) return { status: 'bad chunk', length, end };
    if (end > bytes.length) return null;
    if (size === 0) return { status, length, end };
    length += size;
    at = end;
  }
}
