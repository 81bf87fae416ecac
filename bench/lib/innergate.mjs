import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/**
 * The built file behind a public name of the package, such as `innergate/node`, read from its own `exports`: what is
 * measured is what users import.
 * @param {string} subpath './node'
 * @returns {URL}
 */
export function builtFile(subpath) {
  const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  const file = firstMatch(exports?.[subpath]);
  if (file === undefined) throw new Error(`package.json exports no "${subpath}": nothing to measure yet`);
  const url = new URL(file, root);
  if (!existsSync(url)) throw new Error(`${file} does not exist: run npm run build first`);
  return url;
}

/** Follows the conditions that an `import` on Node follows. */
function firstMatch(target) {
  if (typeof target === 'string' || target === undefined) return target;
  for (const [condition, inner] of Object.entries(target)) {
    if (!['node', 'import', 'module-sync', 'default'].includes(condition)) continue;
    const file = firstMatch(inner);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** Starts a bare node:http server with the gateway on it. @param {object} config */
export async function startInnergate(config) {
  const { createServer } = await import('node:http');
  const { listen } = await import('./listen.mjs');
  const { gateway } = await import(builtFile('./node').href);
  return { port: await listen(createServer(gateway(config))) };
}
