import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^innergate$/, replacement: source('index.ts') },
      { find: /^innergate\/(express|koa)$/, replacement: source('adapters/$1.ts') },
      { find: /^innergate\/node$/, replacement: source('adapters/node/index.ts') },
      { find: /^innergate\/([a-z-]+)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 15_000,
    // Of many thousands some race real processes, sockets and collections of garbage. On a machine that others slow down
    // one may lose, and is asked once more and named; what is wrong fails twice.
    retry: process.env.CI === undefined ? 0 : 1,
    // Many tests wait for processes and sockets.
    maxWorkers: availableParallelism() + 1,
    coverage: { include: ['src/**'], reporter: ['text-summary', 'lcovonly'] },
  },
});
