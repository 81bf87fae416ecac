// Compiled by `npm run types`, never run: the listener goes into every server of Node as it is.
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { createGateway, requestId, type Gateway } from 'innergate';
import { gateway, toNode } from 'innergate/node';

const listener = gateway({ routes: [{ path: '/api/users', target: 'http://users:3001' }] });

http.createServer(listener);
http.createServer({ keepAliveTimeout: 1000 }, listener);
http.createServer().on('request', listener);
https.createServer({ key: '', cert: '' }, listener);
http2.createServer(listener);
http2.createSecureServer({ key: '', cert: '', allowHTTP1: true }, listener);

// One piece alone.
http.createServer(toNode(requestId()));
http2.createServer(toNode(requestId()));

http.createServer(gateway(createGateway({ routes: [] })));
const owned: Gateway = listener.gateway;

export async function scoped(): Promise<void> {
  await using shortLived = createGateway({ routes: [] });
  await shortLived.close({ timeoutMs: 1000 });
  await owned.close();
}
