/** HTTP/1.1 framing as a lenient peer reads it: it takes what it gets, so that tests see what was really sent. */
import type { ByteQueue } from './byte-queue.js';

export type RawHeader = readonly [name: string, value: string];

/** Lower-case names; repeated fields are joined with `, `. */
export type HeaderTexts = Readonly<Record<string, string>>;

export interface RawHead {
  readonly startLine: string;
  readonly rawHeaders: readonly RawHeader[];
  readonly headers: HeaderTexts;
  /** Start line and fields, with CR LF for every line end. */
  readonly text: string;
}

export interface RawBody {
  readonly body: Buffer;
  readonly trailers: readonly RawHeader[];
  /** False where the connection ended first, or where the framing was nonsense. */
  readonly complete: boolean;
}

export const NO_BODY: RawBody = { body: Buffer.alloc(0), trailers: [], complete: true };

/** The next head; `null` where the bytes end before it does. Empty lines ahead of it are skipped. */
export async function readHead(queue: ByteQueue): Promise<RawHead | null> {
  let startLine = await queue.line();
  while (startLine === '') startLine = await queue.line();
  if (startLine === null) return null;
  const fields = await readFields(queue);
  if (fields === null) return null;
  const rawHeaders = fields.map(parseField);
  const text = [startLine, ...fields, '', ''].join('\r\n');
  return { startLine, rawHeaders, headers: headerTexts(rawHeaders), text };
}

export async function readChunked(queue: ByteQueue): Promise<RawBody> {
  const chunks: Buffer[] = [];
  for (;;) {
    const sizeLine = await queue.line();
    const size = Number.parseInt(sizeLine ?? '', 16);
    if (Number.isNaN(size)) return { body: Buffer.concat(chunks), trailers: [], complete: false };
    if (size === 0) break;
    const chunk = await queue.bytes(size);
    chunks.push(chunk);
    const end = chunk.length === size ? await queue.line() : null;
    if (end === null) return { body: Buffer.concat(chunks), trailers: [], complete: false };
  }
  const trailers = await readFields(queue);
  return { body: Buffer.concat(chunks), trailers: (trailers ?? []).map(parseField), complete: trailers !== null };
}

export async function readLength(queue: ByteQueue, length: number): Promise<RawBody> {
  const body = await queue.bytes(length);
  return { body, trailers: [], complete: body.length === length };
}

/** Lines up to an empty one; `null` where the bytes end before it. */
async function readFields(queue: ByteQueue): Promise<string[] | null> {
  const lines: string[] = [];
  for (;;) {
    const line = await queue.line();
    if (line === null) return null;
    if (line === '') return lines;
    lines.push(line);
  }
}

function parseField(line: string): RawHeader {
  const colon = line.indexOf(':');
  return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
}

function headerTexts(rawHeaders: readonly RawHeader[]): HeaderTexts {
  const texts = Object.create(null) as Record<string, string>;
  for (const [rawName, value] of rawHeaders) {
    const name = rawName.trim().toLowerCase();
    texts[name] = texts[name] === undefined ? value : `${texts[name]}, ${value}`;
  }
  return texts;
}
