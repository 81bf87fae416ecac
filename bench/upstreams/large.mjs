/** The upstream of the memory check: `/<n>` answers with n megabytes, as fast as they are taken, and counts them. */
import { createServer } from 'node:http';
import { listen } from '../lib/listen.mjs';

const megabyte = 1024 * 1024;
const chunk = Buffer.alloc(64 * 1024, 'x');

export async function start() {
  let latest = { written: 0, res: null };
  const server = createServer((req, res) => {
    const total = Number(req.url.slice(1)) * megabyte;
    const answer = { written: 0, res };
    latest = answer;
    res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': total });
    const fill = () => {
      while (answer.written < total && !res.destroyed) {
        answer.written += chunk.length;
        if (!res.write(chunk)) return;
      }
      res.end();
    };
    res.on('drain', fill);
    fill();
  });
  return {
    port: await listen(server),
    questions: {
      /** What left this process for the latest answer, with what the kernel holds on the way. */
      taken: () => latest.written - (latest.res?.writableLength ?? 0),
    },
  };
}
