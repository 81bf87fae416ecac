/** Keeps the event loop from everything else. */
export function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
