import { createRequire } from 'node:module';

/** In CommonJS there is a file name, in ESM a URL. */
const here = typeof __filename === 'string' ? __filename : import.meta.url;

/** An optional package that the user has installed beside this one; `null` where it is not there. */
export function loadPeer(name: string): unknown {
  try {
    return createRequire(here)(name) as unknown;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}
