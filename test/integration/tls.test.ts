import { createServer, request as httpsRequest, type RequestOptions, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { connect as tlsConnect, TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { serve } from '../../src/adapters/node/index.js';
import type { RouteConfig } from '../../src/gateway/index.js';
import { echo, type Echo } from '../support/upstream.js';
import { authority, hasOpenssl, type Authority } from './certificates.js';
import {
  failOnUncaught,
  problemOf,
  send,
  start,
  startGateway,
  startUpstream,
  type Answer,
  type RunningGateway,
} from './harness.js';

failOnUncaught();

interface TlsUpstream {
  readonly port: number;
  /** Server names that clients asked for, one for each connection; '' where there was none. */
  readonly names: readonly string[];
  /** Common names of client certificates, one for each request; '' where there was none. */
  readonly clients: readonly string[];
}

async function tlsUpstream(options: ServerOptions): Promise<TlsUpstream> {
  const names: string[] = [];
  const clients: string[] = [];
  const server = createServer(options, (request, response) => {
    clients.push(clientOf(request.socket));
    void echo(request, response);
  });
  server.on('secureConnection', (socket) => names.push(typeof socket.servername === 'string' ? socket.servername : ''));
  server.on('tlsClientError', () => undefined);
  const { port } = await start(server);
  return { port, names, clients };
}

/** Common name of the certificate that a client has shown and that was accepted. */
function clientOf(socket: Socket): string {
  return socket instanceof TLSSocket && socket.authorized ? String(socket.getPeerCertificate().subject.CN) : '';
}

function toUpstream(target: string, route: Partial<RouteConfig> = {}): Promise<RunningGateway> {
  return startGateway({ routes: [{ path: '/', target, ...route }] });
}

describe.skipIf(!hasOpenssl)('TLS', () => {
  const authorities: Authority[] = [];
  const make = (name: string): Authority => {
    const made = authority(name);
    authorities.push(made);
    return made;
  };
  afterAll(() => {
    for (const made of authorities) made.remove();
  });
  const ours = hasOpenssl ? make('innergate test') : ({} as Authority);
  const others = hasOpenssl ? make('another authority') : ({} as Authority);
  const localhost = hasOpenssl ? ours.issue('DNS:localhost', 'IP:127.0.0.1') : { cert: '', key: '' };

  describe('to an upstream', () => {
    it('is spoken where its authority is given in ca', async () => {
      const origin = await tlsUpstream(localhost);
      const running = await toUpstream(`https://localhost:${origin.port}`, { tls: { ca: ours.ca } });
      const answer = await send(running.url, { method: 'POST', body: 'secret' });
      expect(JSON.parse(answer.text)).toMatchObject({ method: 'POST', body: 'secret' });
      expect(origin.names).toEqual(['localhost']);
    });

    it('reuses its connections', async () => {
      const origin = await tlsUpstream(localhost);
      const running = await toUpstream(`https://localhost:${origin.port}`, { tls: { ca: [others.ca, ours.ca] } });
      for (let i = 0; i < 3; i++) expect((await send(running.url)).status).toBe(200);
      expect(origin.names).toHaveLength(1);
    });

    it('checks an address against the addresses in the certificate, and asks for no name', async () => {
      const origin = await tlsUpstream(localhost);
      const running = await toUpstream(`https://127.0.0.1:${origin.port}`, { tls: { ca: ours.ca } });
      expect((await send(running.url)).status).toBe(200);
      expect(origin.names).toEqual(['']);
    });

    const refused: [string, () => ServerOptions, () => RouteConfig['tls']][] = [
      ['a certificate of another name', () => ours.issue('DNS:other.test'), () => ({ ca: ours.ca })],
      ['a certificate of another authority', () => others.issue('DNS:localhost'), () => ({ ca: ours.ca })],
      ['a certificate of an authority that nobody gave', () => localhost, () => undefined],
      ['a name other than servername', () => localhost, () => ({ ca: ours.ca, servername: 'users.test' })],
    ];
    it.each(refused)('refuses %s with 502, and the upstream hears nothing', async (_what, certificate, tls) => {
      const origin = await tlsUpstream(certificate());
      const options = tls();
      const running = await toUpstream(
        `https://localhost:${origin.port}`,
        options === undefined ? {} : { tls: options },
      );
      const answer = await send(running.url, { method: 'POST', body: 'secret' });
      expect(problemOf(answer.text)).toEqual({ status: 502, code: 'ERR_GATEWAY_UPSTREAM_UNREACHABLE' });
      expect(answer.text).not.toMatch(/certificate|localhost|altname/i);
      expect(origin.clients).toEqual([]);
    });

    it('refuses an address that the certificate does not name', async () => {
      const origin = await tlsUpstream(ours.issue('DNS:localhost'));
      const running = await toUpstream(`https://127.0.0.1:${origin.port}`, { tls: { ca: ours.ca } });
      expect((await send(running.url)).status).toBe(502);
      expect(origin.clients).toEqual([]);
    });

    it('asks for servername and checks it where it is given', async () => {
      const origin = await tlsUpstream(ours.issue('DNS:users.test'));
      const running = await toUpstream(`https://127.0.0.1:${origin.port}`, {
        tls: { ca: ours.ca, servername: 'users.test' },
      });
      expect((await send(running.url)).status).toBe(200);
      expect(origin.names).toEqual(['users.test']);
    });

    it("never takes the server name from a client's Host", async () => {
      const origin = await tlsUpstream(localhost);
      const running = await toUpstream(`https://localhost:${origin.port}`, { tls: { ca: ours.ca } });
      const byAddress = await toUpstream(`https://127.0.0.1:${origin.port}`, { tls: { ca: ours.ca } });
      for (const { url } of [running, byAddress]) {
        const answer = await send(url, { headers: { host: 'evil.test' } });
        expect(answer.status).toBe(200);
        expect((JSON.parse(answer.text) as Echo).headers.host).toBe('evil.test');
      }
      expect(origin.names).toEqual(['localhost', '']);
    });

    it("does not accept a certificate for the client's Host in place of the target's", async () => {
      const origin = await tlsUpstream(ours.issue('DNS:evil.test'));
      const running = await toUpstream(`https://localhost:${origin.port}`, { tls: { ca: ours.ca } });
      expect((await send(running.url, { headers: { host: 'evil.test' } })).status).toBe(502);
    });

    it('shows the certificate of the gateway to an upstream that asks for one', async () => {
      const origin = await tlsUpstream({ ...localhost, ca: ours.ca, requestCert: true, rejectUnauthorized: true });
      const target = `https://localhost:${origin.port}`;
      const known = await toUpstream(target, { tls: { ca: ours.ca, ...ours.issue('DNS:gateway.test') } });
      expect((await send(known.url)).status).toBe(200);
      expect(origin.clients).toEqual(['leaf']);
      for (const tls of [{ ca: ours.ca }, { ca: ours.ca, ...others.issue('DNS:gateway.test') }]) {
        const stranger = await toUpstream(target, { tls });
        expect((await send(stranger.url)).status).toBe(502);
      }
      expect(origin.clients).toEqual(['leaf']);
    });

    it('does not lend the connections of a route with a certificate to a route without', async () => {
      const origin = await tlsUpstream({ ...localhost, ca: ours.ca, requestCert: true, rejectUnauthorized: false });
      const target = `https://localhost:${origin.port}`;
      const running = await startGateway({
        routes: [
          { path: '/known', target, tls: { ca: ours.ca, ...ours.issue('DNS:gateway.test') } },
          { path: '/unknown', target, tls: { ca: ours.ca } },
        ],
      });
      await send(`${running.url}/known`);
      await send(`${running.url}/unknown`);
      expect(origin.clients).toEqual(['leaf', '']);
    });

    it('is not spoken to a server of plain HTTP: 502', async () => {
      const origin = await startUpstream();
      const running = await toUpstream(`https://localhost:${origin.port}`, { tls: { ca: ours.ca } });
      expect((await send(running.url)).status).toBe(502);
    });

    it('is not found by a client of plain HTTP: 502', async () => {
      const origin = await tlsUpstream(localhost);
      const running = await toUpstream(`http://localhost:${origin.port}`);
      expect((await send(running.url)).status).toBe(502);
    });
  });

  describe('from a client', () => {
    function ask(url: string, options: RequestOptions): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const request = httpsRequest(url, { agent: false, ...options }, (response) => {
          const chunks: Buffer[] = [];
          response
            .on('data', (chunk: Buffer) => chunks.push(chunk))
            .on('end', () => {
              const { statusCode: status = 0, headers } = response;
              resolve({ status, headers, text: Buffer.concat(chunks).toString() });
            });
        });
        request.on('error', reject).end();
      });
    }

    it('is spoken by serve, which then knows that it is', async () => {
      const origin = await startUpstream();
      const running = await serve(
        { accessLog: false, routes: [{ path: '/', target: origin.url }] },
        { port: 0, tls: localhost, announce: false, signals: [] },
      );
      onTestFinished(() => running.close());
      expect(running.url).toMatch(/^https:\/\/localhost:\d+$/);
      const answer = await ask(running.url, { ca: ours.ca });
      expect(answer.status).toBe(200);
      expect((JSON.parse(answer.text) as Echo).headers).toMatchObject({ 'x-forwarded-proto': 'https' });
    });

    it('that speaks plain HTTP to it, or nonsense, or leaves in the handshake does no harm', async () => {
      const running = await serve(
        { accessLog: false, routes: [{ path: '/', respond: { body: 'x' } }] },
        { port: 0, host: '127.0.0.1', tls: localhost, announce: false, signals: [] },
      );
      onTestFinished(() => running.close());
      await expect(send(running.url.replace('https', 'http'))).rejects.toThrow();
      const leaving = tlsConnect({ port: Number(new URL(running.url).port), rejectUnauthorized: false });
      leaving.on('error', () => undefined);
      leaving.destroy();
      expect((await ask(running.url, { ca: ours.ca })).status).toBe(200);
    });
  });
});
