import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { compileJsonSchema } from '../../src/validation/json-schema.js';

const missing = vi.hoisted(() => new Set<string>());

vi.mock('../../src/core/load-peer.js', async (importOriginal) => {
  const { loadPeer } = await importOriginal<typeof import('../../src/core/load-peer.js')>();
  return { loadPeer: (name: string) => (missing.has(name) ? null : loadPeer(name)) };
});

const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);

beforeEach(() => {
  warnings.mockClear();
});

afterEach(() => {
  missing.clear();
});

describe('compileJsonSchema', () => {
  it.each([
    ['2020-12, which nothing need say', undefined],
    ['2020-12', 'https://json-schema.org/draft/2020-12/schema'],
    ['2020-12 with a fragment', 'https://json-schema.org/draft/2020-12/schema#'],
  ])('knows draft %s', ($schema, uri) => {
    const schema = { ...(uri && { $schema: uri }), prefixItems: [{ type: 'string' }], unevaluatedItems: false };
    const validate = compileJsonSchema(schema, { coerce: false, allErrors: true });
    expect([validate(['a']), validate([1]), validate(['a', 1])]).toEqual([true, false, false]);
    expect($schema).toContain('2020-12');
  });

  it('knows draft 2019-09', () => {
    const $schema = 'https://json-schema.org/draft/2019-09/schema';
    const validate = compileJsonSchema(
      { $schema, items: [{ type: 'string' }], unevaluatedItems: false },
      { coerce: false, allErrors: true },
    );
    expect([validate(['a']), validate([1]), validate(['a', 1])]).toEqual([true, false, false]);
  });

  it('knows draft-07', () => {
    const $schema = 'http://json-schema.org/draft-07/schema#';
    const validate = compileJsonSchema(
      { $schema, items: [{ type: 'string' }], additionalItems: false },
      { coerce: false, allErrors: true },
    );
    expect([validate(['a']), validate([1]), validate(['a', 1])]).toEqual([true, false, false]);
  });

  it('lets a schema have words of its own, and refer to itself by its name', () => {
    const node = { $ref: 'https://shop.example/tree' };
    const schema = { $id: node.$ref, 'x-note': 'a tree', type: 'object', properties: { left: node, right: node } };
    const validate = compileJsonSchema(schema, { coerce: false, allErrors: true });
    expect([validate({ left: { right: {} } }), validate({ left: { right: 1 } })]).toEqual([true, false]);
    expect(compileJsonSchema({ ...schema, type: 'array' }, { coerce: false, allErrors: true })([])).toBe(true);
  });

  it('takes the schema of schemas, and others after it', () => {
    const validate = compileJsonSchema(
      { $ref: 'https://json-schema.org/draft/2020-12/schema' },
      { coerce: false, allErrors: true },
    );
    expect([validate({ type: 'string' }), validate({ type: 'strin' })]).toEqual([true, false]);
    expect(compileJsonSchema({ type: 'string' }, { coerce: false, allErrors: true })('a')).toBe(true);
  });

  it('compiles a schema once', () => {
    const schema = { type: 'string' };
    expect(compileJsonSchema(schema, { coerce: false, allErrors: true })).toBe(
      compileJsonSchema(schema, { coerce: false, allErrors: true }),
    );
    expect(compileJsonSchema(schema, { coerce: true, allErrors: true })).not.toBe(
      compileJsonSchema(schema, { coerce: false, allErrors: true }),
    );
  });

  it('never reads $data', () => {
    const validate = compileJsonSchema(
      { properties: { b: { const: { $data: '1/a' } } } },
      { coerce: false, allErrors: true },
    );
    expect(validate({ a: 1, b: 1 })).toBe(false);
    expect(validate({ a: 1, b: { $data: '1/a' } })).toBe(true);
  });

  it('checks formats', () => {
    const validate = compileJsonSchema({ format: 'ipv4' }, { coerce: false, allErrors: true });
    expect([validate('192.0.2.1'), validate('192.0.2.256')]).toEqual([true, false]);
    expect(warnings).not.toHaveBeenCalled();
  });

  it('says once which formats it does not know', () => {
    const schema = { properties: { a: { format: 'shoe-size' } } };
    expect(compileJsonSchema(schema, { coerce: false, allErrors: true })({ a: 'x' })).toBe(true);
    compileJsonSchema(schema, { coerce: false, allErrors: true });
    expect(warnings.mock.calls.map(([message]) => message)).toEqual([expect.stringContaining('"shoe-size"')]);
  });
});

describe('compileJsonSchema without its packages', () => {
  beforeEach(() => {
    vi.resetModules();
  });

  it('says what to install', async () => {
    missing.add('ajv/dist/2020.js');
    const { validation } = await import('../../src/validation/index.js');
    expect(() => validation({ body: {} })).toThrow(/body: cannot be used: .*npm install ajv$/);
  });

  it('says that formats are not checked', async () => {
    missing.add('ajv-formats');
    const fresh = await import('../../src/validation/json-schema.js');
    expect(fresh.compileJsonSchema({ format: 'ipv4' }, { coerce: false, allErrors: true })('no address')).toBe(true);
    expect(warnings.mock.calls.map(([message]) => message)).toEqual([
      expect.stringContaining('npm install ajv-formats'),
    ]);
  });

  it('loads neither for a validator of another kind', async () => {
    missing.add('ajv/dist/2020.js');
    const { validation } = await import('../../src/validation/index.js');
    const { z } = await import('zod');
    expect(validation({ body: z.string() })).toBeTypeOf('function');
  });
});
