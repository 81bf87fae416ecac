import { describe, expect, it } from 'vitest';
import { bodyFormat, mediaType } from '../../src/core/media-type.js';

describe('mediaType', () => {
  it.each([
    ['application/json', 'application/json'],
    ['Application/JSON; charset=UTF-8', 'application/json'],
    [' text/html ;a=b', 'text/html'],
    [undefined, ''],
    ['', ''],
    [';', ''],
  ])('reads %j as %j', (field, type) => {
    expect(mediaType({ 'content-type': field })).toBe(type);
  });
});

describe('bodyFormat', () => {
  it.each([
    ['application/json', 'json'],
    ['application/vnd.api+json; charset=utf-8', 'json'],
    ['application/x-www-form-urlencoded', 'form'],
    ['multipart/form-data; boundary=x', null],
    ['application/jsonp', null],
    ['text/json', 'json'],
    ['text/x-json', 'json'],
    ['model/gltf+json', 'json'],
    ['application/vnd.a+b+json', 'json'],
    ['text/plain, application/x-www-form-urlencoded', 'form'],
    ['application/json, text/plain', 'json'],
  ])('takes %s for %s', (field, format) => {
    expect(bodyFormat({ 'content-type': field })).toBe(format);
  });

  it('takes nothing that is compressed', () => {
    expect(bodyFormat({ 'content-type': 'application/json', 'content-encoding': 'gzip' })).toBeNull();
  });
});
