// Compiled by `npm run types`, never run: the middleware goes into a Nest application as it is.
import type { INestApplication, MiddlewareConsumer, NestModule } from '@nestjs/common';
import { gateway } from 'innergate/express';

const middleware = gateway({ routes: [{ path: '/api/users', target: 'http://users:3001' }] });

export class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(middleware).forRoutes('*');
    consumer.apply(middleware).exclude('health').forRoutes('{*path}');
  }
}

export function mount(app: INestApplication): void {
  app.use(middleware);
  app.use('/api', middleware);
}
