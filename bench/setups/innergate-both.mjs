/** innergate-plain and innergate-protected in one process: nothing else is between them. Not in the table. */
import { start as startPlain } from './innergate-plain.mjs';
import { start as startProtected } from './innergate-protected.mjs';

export async function start(options) {
  const { port: plainPort } = await startPlain(options);
  const { port: protectedPort } = await startProtected(options);
  return { port: plainPort, questions: { ports: () => ({ plainPort, protectedPort }) } };
}
