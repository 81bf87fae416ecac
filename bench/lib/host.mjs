/**
 * The entry of every child process: starts one setup or upstream and answers questions about its own process.
 * argv: the URL of a module that exports `start(options)` -> `{ port, headers?, questions? }`, and the options
 * as JSON. `headers` are what its requests must carry besides those of all.
 */
const [, , moduleUrl, json] = process.argv;

process.on('SIGTERM', () => process.exit(0)); // an exit, not a kill: --cpu-prof writes its file, nginx is stopped
process.on('SIGINT', () => {}); // the parent decides
process.on('disconnect', () => process.exit(0)); // the parent is gone

function usage() {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, peakRss: process.resourceUsage().maxRSS * 1024 };
}

const memory = ({ gc }) => {
  if (gc) for (let pass = 0; pass < 4; pass++) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, live: heapUsed + external };
};

const said = (error) => (error instanceof Error ? error.message : String(error));

try {
  const { start } = await import(moduleUrl);
  const started = await start(JSON.parse(json));
  const questions = { usage, memory, ...started.questions };
  process.on('message', async ({ id, ask, ...rest }) => {
    try {
      process.send({ id, answer: await questions[ask](rest) });
    } catch (error) {
      process.send({ id, error: said(error) });
    }
  });
  process.send({ id: 0, answer: { port: started.port, headers: started.headers } });
} catch (error) {
  process.send({ id: 0, error: said(error) }, () => process.exit(1));
}
