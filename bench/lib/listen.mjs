/**
 * Listens on a free port of the loopback and resolves to that port. Every Node setup comes through here, so that all
 * of them keep idle clients equally long.
 * @param {import('node:http').Server} server
 * @returns {Promise<number>}
 */
export function listen(server) {
  server.keepAliveTimeout = 65_000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', 4096, () => resolve(server.address().port));
  });
}
