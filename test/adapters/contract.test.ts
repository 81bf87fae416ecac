import { createRequire } from 'node:module';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:net';
import express5 from 'express';
import express4 from 'express4';
import Koa from 'koa';
import * as express from '../../src/adapters/express.js';
import * as koa from '../../src/adapters/koa.js';
import * as node from '../../src/adapters/node/index.js';
import type { Gateway } from '../../src/gateway/index.js';
import { adapterContract, PSK_SERVER, type MountedServer } from '../contract/adapter.js';
import { listen } from '../support/listen.js';

/** Koa 2 has no types of its own here; what the test uses is the same in both. */
const Koa2 = createRequire(import.meta.url)('koa2') as typeof Koa;

async function running(server: Server, gateway: Pick<Gateway, 'close'>): Promise<MountedServer> {
  const { port, close } = await listen(server);
  return {
    port,
    async close() {
      await close();
      await gateway.close({ timeoutMs: 0 });
    },
  };
}

adapterContract('node:http', (config) => {
  const listener = node.gateway(config);
  return running(createServer(listener), listener);
});

adapterContract('serve()', async (config) => {
  const { server, close } = await node.serve(config, {
    port: 0,
    host: '127.0.0.1',
    signals: [],
    announce: false,
    drainTimeoutMs: 0,
  });
  return { port: (server.address() as { port: number }).port, close };
});

adapterContract(
  'node:https',
  (config) => {
    const listener = node.gateway(config);
    return running(createTlsServer(PSK_SERVER, listener), listener);
  },
  { protocol: 'https' },
);

adapterContract(
  'serve() with tls',
  async (config) => {
    const options = { port: 0, host: '127.0.0.1', signals: [], announce: false, drainTimeoutMs: 0 } as const;
    const { server, close } = await node.serve(config, { ...options, tls: PSK_SERVER });
    return { port: (server.address() as { port: number }).port, close };
  },
  { protocol: 'https' },
);

adapterContract(
  'node:http2 with its compatibility layer',
  (config) => {
    const listener = node.gateway(config);
    return running(createHttp2Server(listener), listener);
  },
  { protocol: 'http2' },
);

adapterContract(
  'Express 5',
  (config, { app: last }) => {
    const middleware = express.gateway(config);
    const app = express5();
    app.use(middleware).use(last);
    return running(createServer(app), middleware);
  },
  { passesOn: true },
);

adapterContract(
  'Express 4',
  (config, { app: last }) => {
    const middleware = express.gateway(config);
    const app = express4();
    app.use(middleware).use(last);
    return running(createServer(app as RequestListener), middleware);
  },
  { passesOn: true },
);

for (const [name, Host] of [
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
] as const) {
  adapterContract(
    name,
    (config, { app: last }) => {
      const middleware = koa.gateway(config);
      const app = new Host();
      app.silent = true;
      app.use(middleware).use((ctx) => {
        ctx.respond = false;
        last(ctx.req, ctx.res);
      });
      return running(createServer(app.callback() as RequestListener), middleware);
    },
    { passesOn: true },
  );
}

adapterContract(
  'a connect-like host',
  (config, { app: last }) => {
    const listener = node.gateway(config);
    const app = (req: IncomingMessage, res: ServerResponse): void => {
      listener(req, res, (error) => {
        if (error === undefined) last(req, res);
        else res.writeHead(500).end();
      });
    };
    return running(createServer(app), listener);
  },
  { passesOn: true },
);
