/** Only one piece: the router in a program that speaks no HTTP, the proxy in a server that has no gateway. */
import { createServer } from 'node:http';
import { proxy, Router } from 'innergate';
import { toNode } from 'innergate/node';
import { startUsers } from './services.js';
import { isProgram, listen, type Running } from './support.js';

const owners = new Router<string>()
  .add('/api/users', 'team identity')
  .add('/api/users/:id/invoices', 'team billing')
  .add({ path: '/api/users', host: '*.partner.example' }, 'team partners');

/** Who is to be woken at night for a path? */
export function ownerOf(path: string, host = ''): string | null {
  const found = owners.match({ path, host });
  return found?.kind === 'found' ? found.value : null;
}

export async function start(): Promise<Running> {
  const users = await startUsers();
  const forward = proxy({ target: users.url, versionHeader: true });
  const server = await listen(createServer(toNode(forward)));
  return {
    url: server.url,
    async close() {
      await server.close();
      await forward.close();
      await users.close();
    },
  };
}

if (isProgram(import.meta.filename)) {
  console.log(`/api/users/42/invoices belongs to ${String(ownerOf('/api/users/42/invoices'))}`);
  console.log(`the proxy listens on ${(await start()).url}`);
}
