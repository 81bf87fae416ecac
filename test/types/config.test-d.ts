// Compiled by `npm run types`, never run: mistakes that the compiler must find.
import { compose, createGateway, type Middleware } from 'innergate';

createGateway({ routes: [{ path: '/api/users', target: 'http://users:3001' }] });
createGateway({ routes: [{ path: '/api/users', target: ['http://users-1:3001', 'http://users-2:3001'] }] });

// @ts-expect-error -- a misspelt option
createGateway({ routes: [{ path: '/api/users', taget: 'http://users:3001' }] });

// @ts-expect-error -- a path is a text
createGateway({ routes: [{ path: /users/, target: 'http://users:3001' }] });

// @ts-expect-error -- without routes there is no gateway
createGateway({});

const passesOn: Middleware = (ctx, next) => next(ctx);
compose([passesOn], () => ({ status: 204, headers: {}, body: null }));

// @ts-expect-error -- the answer of next is dropped
export const forgets: Middleware = (ctx, next) => {
  void next(ctx);
};
