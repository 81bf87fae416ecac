/** Gateways with rules, and requests with bodies. */
import type { TransformOptions } from '../../src/transforms/index.js';
import { fakeIdentity, fakeStrategy } from '../auth/fake-strategy.js';
import { front, lines, type Front } from './front.js';

export type Routes = Readonly<Record<string, TransformOptions>>;

/** A route for each path, and `/alive` without rules. Who calls is whoever `claims` says. */
export function ruled(routes: Routes, options: Parameters<typeof front>[1] = {}, claims: object = {}): Promise<Front> {
  const anybody = fakeStrategy(() => fakeIdentity({ claims: claims as Record<string, unknown> }));
  return front(
    (target) => ({
      defaults: { stripPrefix: false },
      routes: [
        { path: '/alive', target },
        ...Object.entries(routes).map(([path, transforms]) => ({
          ...{ path, target, transforms },
          auth: { strategies: [anybody] },
        })),
      ],
    }),
    options,
  );
}

export function post(target: string, body: string | Uint8Array, ...fields: readonly string[]): Buffer {
  const bytes = Buffer.from(body);
  const head = lines(`POST ${target} HTTP/1.1`, 'Host: gateway.test', `Content-Length: ${bytes.length}`, ...fields, '');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}

export function chunked(target: string, body: string | Uint8Array, ...fields: readonly string[]): Buffer {
  const bytes = Buffer.from(body);
  const head = lines(`POST ${target} HTTP/1.1`, 'Host: gateway.test', 'Transfer-Encoding: chunked', ...fields, '');
  const chunk = [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
  return Buffer.concat([Buffer.from(head, 'latin1'), ...(bytes.length === 0 ? [] : chunk), Buffer.from('0\r\n\r\n')]);
}

export const JSON_TYPE = 'Content-Type: application/json';
export const FORM_TYPE = 'Content-Type: application/x-www-form-urlencoded';
export const CLOSE = 'Connection: close';
