/**
 * Three small services to stand behind a gateway. They know nothing of it, not even the prefix under which it offers
 * them.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen, type Running } from './support.js';

const USERS = [
  { id: 1, name: 'Ada' },
  { id: 2, name: 'Grace' },
];
const PRODUCTS = [
  { id: 1, name: 'Keyboard', price: 80 },
  { id: 2, name: 'Screen', price: 240 },
];
const STEPS = ['paid', 'packed', 'sent', 'delivered'];

export function startUsers(): Promise<Running> {
  return listen(
    createServer((req, res) => {
      if (req.method === 'POST' && req.url === '/validate') void validate(req, res);
      else answerFrom(USERS, req, res);
    }),
  );
}

export function startProducts(): Promise<Running> {
  return listen(createServer((req, res) => answerFrom(PRODUCTS, req, res)));
}

/** One of several instances; every answer says which one gave it. */
export function startOrders(instance: string): Promise<Running> {
  return listen(
    createServer((req, res) => {
      if (req.url === '/events') void sendEvents(res, instance);
      else if (req.method === 'POST') void createOrder(req, res, instance);
      else json(res, 200, { instance, orders: [{ id: 1, product: 2 }] });
    }),
  );
}

function answerFrom(list: readonly { id: number }[], { url }: IncomingMessage, res: ServerResponse): void {
  const found = url === '/' ? list : list.find(({ id }) => url === `/${id}`);
  json(res, found ? 200 : 404, found ?? { error: 'no such thing' });
}

/** Who has this password. A real service compares it with a hash. */
async function validate(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { email, password } = (await bodyOf(req)) as { email?: string; password?: string };
  const user = USERS.find(({ name }) => email === `${name.toLowerCase()}@example.test`);
  if (user === undefined || password !== 'engine') json(res, 401, { error: 'wrong e-mail or password' });
  else json(res, 200, { user: { ...user, scopes: user.name === 'Ada' ? ['orders:read'] : [] } });
}

async function createOrder(req: IncomingMessage, res: ServerResponse, instance: string): Promise<void> {
  const order = await bodyOf(req);
  json(res, 201, { instance, id: 2, ...order }, { location: '/2' });
}

async function bodyOf(req: IncomingMessage): Promise<object> {
  const chunks = (await req.toArray()) as Buffer[];
  return JSON.parse(Buffer.concat(chunks).toString()) as object;
}

/** Server-sent events, a moment apart. */
async function sendEvents(res: ServerResponse, instance: string): Promise<void> {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const step of STEPS) {
    res.write(`event: order\ndata: ${JSON.stringify({ instance, step })}\n\n`);
    await sleep(300);
  }
  res.end();
}

function json(res: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(`${JSON.stringify(value)}\n`);
}
