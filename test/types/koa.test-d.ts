// Compiled by `npm run types`, never run: the middleware goes into Koa as it is, whatever its state and context hold.
import Koa from 'koa';
import { createGateway, requestId } from 'innergate';
import { gateway, toKoa } from 'innergate/koa';

const middleware = gateway({ routes: [{ path: '/api/users', target: 'http://users:3001' }] });

new Koa().use(middleware);
new Koa().use(gateway(createGateway({ routes: [] })));
new Koa<{ user: string }, { started: number }>().use(middleware);

// One piece alone.
new Koa().use(toKoa(requestId()));

// It asks nothing of the app: what the app was, it stays.
export const app: Koa = new Koa().use(middleware).use(toKoa(requestId()));
export const typed: Koa<{ user: string }> = new Koa<{ user: string }>().use(middleware);
