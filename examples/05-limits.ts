/** Limits in an Express app: for all routes together, for one route, and for logins that the app itself answers. */
import { createServer } from 'node:http';
import express from 'express';
import { gateway, toExpress } from 'innergate/express';
import { rateLimit, RedisStore } from 'innergate/rate-limiter';
import { Redis } from 'ioredis';
import { startUsers } from './services.js';
import { isProgram, listen, type Running } from './support.js';

const MINUTE = 60_000;

export async function start(): Promise<Running> {
  const users = await startUsers();
  const redis = await connectRedis(process.env.REDIS_URL);
  // All processes count together in Redis; without one each counts for itself.
  const shared = redis === null ? {} : { store: new RedisStore({ sendCommand: (...args) => redis.call(...args) }) };

  const app = express();
  const api = gateway({
    rateLimit: { windowMs: MINUTE, limit: 1_000, ...shared },
    routes: [{ path: '/api/users', target: users.url, rateLimit: { windowMs: MINUTE, limit: 5, ...shared } }],
  });
  app.use(api);

  // 3 wrong passwords per account, whatever the addresses they come from; whoever gets in has used nothing.
  const logins = rateLimit({
    name: 'logins',
    windowMs: 15 * MINUTE,
    limit: 3,
    key: { body: 'email' },
    skipSuccessfulRequests: true,
    ...shared,
  });
  app.post('/login', express.json(), toExpress(logins), (req, res) => {
    const { password } = req.body as { password?: string };
    res.status(password === 'engine' ? 200 : 401).json({ welcome: password === 'engine' });
  });

  const server = await listen(createServer(app));
  return {
    url: server.url,
    async close() {
      await api.close();
      await server.close();
      await logins.close();
      await Promise.all([users.close(), redis?.quit()]);
    },
  };
}

async function connectRedis(url: string | undefined): Promise<Redis | null> {
  if (url === undefined) return null;
  // Without a queue a call fails at once while Redis is away, and the limiter counts in this process.
  const redis = new Redis(url, { lazyConnect: true, enableOfflineQueue: false });
  await redis.connect();
  return redis;
}

if (isProgram(import.meta.filename)) console.log(`Express listens on ${(await start()).url}`);
