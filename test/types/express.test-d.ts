// Compiled by `npm run types`, never run: the middleware goes into Express 4, Express 5 and connect as it is.
import type connect from 'connect';
import express5 from 'express';
import express4 from 'express4';
import { createGateway, requestId } from 'innergate';
import { gateway, toExpress } from 'innergate/express';

const middleware = gateway({ routes: [{ path: '/api/users', target: 'http://users:3001' }] });

const five = express5();
five.use(middleware);
five.use('/api', middleware);
five.all('/api/{*rest}', middleware);
five.use(express5.Router().use(middleware));

const four = express4();
four.use(middleware);
four.use('/api', middleware);
four.all('/api/*', middleware);
four.use(express4.Router().use(middleware));

declare const app: connect.Server;
app.use(middleware);
app.use('/api', middleware);

// One piece alone.
five.use(toExpress(requestId()));
four.use(toExpress(requestId()));
app.use(toExpress(requestId()));

// The same middleware from a gateway that already exists, and back to it.
five.use(gateway(createGateway({ routes: [] })));
const closed: Promise<void> = middleware.gateway.close({ timeoutMs: 5000 });
export { closed };
