import { warnOnce } from './warn.js';

let isGuarded = false;

/**
 * Keeps the process alive where standard output or error cannot be written to, for a disk that is full or a reader that
 * has left: Node raises that as an error which nobody has caught. For whoever writes there by way of others.
 */
export function guardOutput(): void {
  if (isGuarded) return;
  isGuarded = true;
  for (const stream of [process.stdout, process.stderr]) stream.on('error', tellOutage);
}

function tellOutage({ message }: Error): void {
  warnOnce('ERR_GATEWAY_OUTPUT', `Standard output cannot be written to, and the process goes on: ${message}`);
}
