import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { formatPasswordHash, isFairCost, parsePasswordHash, type PasswordHash } from './password-hash.js';

/** What a guess costs (RFC 7914 2); `cost * blockSize * parallelization` is 2097152 at most. */
export interface HashPasswordOptions {
  /** N, for time and memory: a power of two, from 1024 on. @default 32768 */
  cost?: number;
  /** r; memory is 128 * `cost` * `blockSize` bytes. From 8 on. @default 8 */
  blockSize?: number;
  /** p, for time alone. From 1 on. @default 3 */
  parallelization?: number;
}

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/**
 * Hashes a password for `basic()` or a login of your own, with a salt of its own, to a text such as
 * `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`. Of the costs that OWASP holds for equal, the default is one that takes 32 MiB:
 * a gateway checks passwords beside its other work.
 *
 * @throws {RangeError} when the password is empty or holds a NUL, or a cost is out of its range.
 *
 * @example
 * const passwordHash = await hashPassword('correct horse battery staple');
 * await verifyPassword('correct horse battery staple', passwordHash); // true
 */
export async function hashPassword(
  password: string,
  { cost = 2 ** 15, blockSize = 8, parallelization = 3 }: HashPasswordOptions = {},
): Promise<string> {
  if (password === '' || password.includes('\0')) throw new RangeError('a password is not empty and holds no NUL');
  if (!isFairCost(cost, blockSize, parallelization))
    throw new RangeError('scrypt: cost, blockSize or parallelization is out of its range');
  const blank = { cost, blockSize, parallelization, salt: randomBytes(16), hash: Buffer.alloc(32) };
  return formatPasswordHash({ ...blank, hash: await hashLike(blank, password) });
}

/**
 * True where a password is the one that was hashed. It takes its time in the thread pool, some 0.2 s: bound how many
 * logins run at a time.
 *
 * @throws {TypeError} when the hash is no text that {@link hashPassword} makes.
 */
export async function verifyPassword(password: string, passwordHash: string): Promise<boolean> {
  const known = parsePasswordHash(passwordHash);
  if (known === null) throw new TypeError('not a password hash that hashPassword() makes');
  // scrypt fills a short password up with NULs, so it tells no difference.
  return !password.includes('\0') && matchesPassword(known, password);
}

/** True where a password is the one that was hashed, in a time that tells nothing of it. */
export async function matchesPassword(known: PasswordHash, password: string): Promise<boolean> {
  return timingSafeEqual(await hashLike(known, password), known.hash);
}

function hashLike({ cost, blockSize, parallelization, salt, hash }: PasswordHash, password: string): Promise<Buffer> {
  // What OpenSSL counts: `cost` blocks and two to work on, and one for each lane.
  const maxmem = 128 * blockSize * (cost + 2 + parallelization);
  return derive(password, salt, hash.length, { cost, blockSize, parallelization, maxmem });
}
