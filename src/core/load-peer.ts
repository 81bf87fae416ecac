import { createRequire } from 'node:module';

/** An optional package that the user has installed beside this one; `null` where it is not there. */
export function loadPeer(name: string): unknown {
  const require = createRequire(import.meta.url);
  let path: string;
  try {
    path = require.resolve(name);
  } catch {
    return null;
  }
  // What is there and cannot be loaded is a fault that nobody should have to guess.
  return require(path) as unknown;
}
