/** Bodies that are small on the wire and nowhere else. */
import * as zlib from 'node:zlib';

/** One megabyte of gzip becomes a gigabyte of zeros. */
const ZEROS = Buffer.alloc(64 * 1_048_576);
export const BOMBS: Readonly<Record<string, Buffer>> = {
  gzip: Buffer.concat(Array<Buffer>(16).fill(zlib.gzipSync(ZEROS))),
  deflate: zlib.deflateSync(ZEROS),
  br: zlib.brotliCompressSync(ZEROS, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 2 } }),
};

/** What `work` takes at its peak beyond what is there before. */
export async function memoryOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const sample = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
  await work();
  clearInterval(sample);
  return Math.max(peak, process.memoryUsage().rss) - before;
}
