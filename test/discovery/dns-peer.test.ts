import { expect, it, vi } from 'vitest';
import { dnsSource } from '../../src/discovery/index.js';

vi.mock('../../src/core/load-peer.js', () => ({ loadPeer: () => null }));

it('says at once which package SRV records need, and needs none for addresses', () => {
  expect(() => dnsSource({ name: '_http._tcp.users.internal' })).toThrow('npm install dns-packet');
  expect(dnsSource({ name: 'users.internal', port: 80 }).name).toBe('dns');
});
