/** innergate-plain and what is compared with it, in one process: nothing else is between them. Not in the table. */
export async function start({ names, ...options }) {
  const started = {};
  for (const name of ['innergate-plain', ...names]) {
    const setup = await import(`./${name}.mjs`);
    started[name] = await setup.start(options);
  }
  return { ...started['innergate-plain'], questions: { started: () => started } };
}
