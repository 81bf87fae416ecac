import { describe, expect, it } from 'vitest';
import { compileCompressible } from '../../src/compression/compressible.js';

describe('compileCompressible', () => {
  const isCompressible = compileCompressible(['Application/X-Protobuf', 'application/x-ndjson']);

  it.each([
    'text/html',
    'text/plain',
    'text/css',
    'text/javascript',
    'text/csv',
    'application/json',
    'application/problem+json',
    'application/ld+json',
    'application/vnd.api+json',
    'application/manifest+json',
    'application/javascript',
    'application/xml',
    'application/xhtml+xml',
    'application/atom+xml',
    'application/yaml',
    'application/wasm',
    'application/graphql',
    'image/svg+xml',
    'image/bmp',
    'image/x-icon',
    'font/ttf',
    'font/otf',
    'application/x-protobuf',
    'application/x-ndjson',
  ])('takes %s', (type) => {
    expect(isCompressible(type)).toBe(true);
  });

  it.each([
    '',
    'text',
    'text/event-stream',
    'text/x-ndjson',
    'application/grpc',
    'application/grpc+json',
    'application/grpc-web+json',
    'application/connect+json',
    'application/stream+json',
    'application/json-seq',
    'application/geo+json-seq',
    'application/jsonl',
    'multipart/x-mixed-replace',
    'multipart/form-data',
    'application/octet-stream',
    'application/zip',
    'application/gzip',
    'application/pdf',
    'image/png',
    'image/jpeg',
    'image/webp',
    'video/mp4',
    'audio/mpeg',
    'font/woff',
    'font/woff2',
    'application/constructor',
    '__proto__',
  ])('leaves %s', (type) => {
    expect(isCompressible(type)).toBe(false);
  });
});
