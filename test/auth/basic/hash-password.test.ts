import { scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from '../../../src/auth/basic/hash-password.js';
import { parsePasswordHash } from '../../../src/auth/basic/password-hash.js';

const cheap = { cost: 1_024, blockSize: 8, parallelization: 1 };
const SALT = 'c29tZSBzYWx0IGJ5dGVzIQ';
const HASH = 'A'.repeat(43);

describe('hashPassword', () => {
  it('gives a text that says how to try a password, with a salt of its own', async () => {
    const [first, second] = await Promise.all([hashPassword('secret', cheap), hashPassword('secret', cheap)]);
    expect(first).toMatch(/^\$scrypt\$ln=10,r=8,p=1\$[A-Za-z\d+/]{22}\$[A-Za-z\d+/]{43}$/);
    expect(first).not.toBe(second);
    expect(await verifyPassword('secret', first)).toBe(true);
    expect(await verifyPassword('secret', second)).toBe(true);
  });

  it('costs what OWASP asks for by default', async () => {
    const text = await hashPassword('secret');
    expect(text).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$/);
    expect(await verifyPassword('secret', text)).toBe(true);
  });

  it('is scrypt', async () => {
    const text = await hashPassword('p\u00e4ssword', cheap);
    const { salt, hash } = parsePasswordHash(text) ?? {};
    expect(hash).toEqual(scryptSync('p\u00e4ssword', salt ?? '', 32, { N: 1_024, r: 8, p: 1 }));
  });

  it.each([
    { cost: 1_000 },
    { cost: 512 },
    { cost: 2 ** 40 },
    { cost: Infinity },
    { cost: -1_024 },
    { blockSize: 7 },
    { blockSize: 8.5 },
    { parallelization: 0 },
    { parallelization: Number.NaN },
    { cost: 2 ** 17, blockSize: 8, parallelization: 3 },
  ])('refuses %o', async (options) => {
    await expect(hashPassword('secret', options)).rejects.toThrow(RangeError);
  });

  it.each([
    { cost: 1_024, parallelization: 256 },
    { cost: 1_024, blockSize: 2_048, parallelization: 1 },
  ])('writes what can be read, be it at the end of the ranges: %o', async (options) => {
    expect(parsePasswordHash(await hashPassword('secret', options))).toMatchObject(options);
  });

  it.each(['', 'secret\0', '\0'])('refuses the password %j', async (password) => {
    await expect(hashPassword(password, cheap)).rejects.toThrow(RangeError);
  });
});

describe('verifyPassword', () => {
  it('knows a hash that passlib has made', async () => {
    // passlib.hash.scrypt.using(rounds=10, salt=b'some salt bytes!').hash('password')
    const hash = scryptSync('password', 'some salt bytes!', 32, { N: 1_024, r: 8, p: 1 }).toString('base64');
    const text = `$scrypt$ln=10,r=8,p=1$${SALT}$${hash.replace('=', '')}`;
    expect(await verifyPassword('password', text)).toBe(true);
  });

  it.each(['Secret', 'secret ', '', 'secre', 'secret\0'])('is false for %j', async (password) => {
    expect(await verifyPassword(password, await hashPassword('secret', cheap))).toBe(false);
  });

  it.each([
    ['the password itself', 'secret'],
    ['nothing', ''],
    ['another algorithm', '$argon2id$v=19$m=65536,t=3,p=4$c29tZSBzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['10 GB', `$scrypt$ln=23,r=10,p=1$${SALT}$${HASH}`],
    ['all time', `$scrypt$ln=15,r=8,p=9999$${SALT}$${HASH}`],
    ['a cost that is no number', `$scrypt$ln=99,r=9999,p=9999$${SALT}$${HASH}`],
    ['hardly any work', `$scrypt$ln=1,r=8,p=1$${SALT}$${HASH}`],
    ['blocks that are too small', `$scrypt$ln=15,r=1,p=1$${SALT}$${HASH}`],
    ['no lane', `$scrypt$ln=15,r=8,p=0$${SALT}$${HASH}`],
    ['no salt', `$scrypt$ln=10,r=8,p=1$$${HASH}`],
    ['no hash', `$scrypt$ln=10,r=8,p=1$${SALT}$`],
    ['a hash of 3 bytes', `$scrypt$ln=10,r=8,p=1$${SALT}$AAAA`],
    ['a hash of 1 MB', `$scrypt$ln=10,r=8,p=1$${SALT}$${'A'.repeat(1_398_101)}`],
    ['a line more', `$scrypt$ln=10,r=8,p=1$${SALT}$${HASH}\n`],
  ])('refuses a hash text with %s, and shows nothing of it', async (_, text) => {
    await expect(verifyPassword('secret', text)).rejects.toThrow('not a password hash that hashPassword() makes');
  });
});
