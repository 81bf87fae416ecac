import { expect, it } from 'vitest';
import { loadPeer } from '../../src/core/load-peer.js';

it('loads a package that is there', () => {
  expect(loadPeer('@opentelemetry/api')).toHaveProperty('trace');
});

it('gives null for one that is not', () => {
  expect(loadPeer('a-package-that-nobody-has')).toBeNull();
});
