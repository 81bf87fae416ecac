/** What a guess costs (RFC 7914 2), and what it must give. */
export interface PasswordHash {
  /** N: time and memory. A power of two. */
  readonly cost: number;
  /** r: memory is 128 * `cost` * `blockSize` bytes. */
  readonly blockSize: number;
  /** p: time alone. */
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** `ln` is the binary logarithm of the cost; salts are 8 to 64 bytes long, hashes 16 to 64. */
const PASSWORD_HASH = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$([A-Za-z\d+/]{11,86})\$([A-Za-z\d+/]{22,86})$/;

/** Twice what OWASP asks for, and 256 MiB at most: no text from a database can ask for all the time and memory. */
const MAX_WORK = 2 ** 21;

/** True where a guess costs something, and not too much. */
export function isFairCost(cost: number, blockSize: number, parallelization: number): boolean {
  return (
    Number.isInteger(Math.log2(cost)) &&
    cost >= 2 ** 10 &&
    Number.isInteger(blockSize) &&
    blockSize >= 8 &&
    Number.isInteger(parallelization) &&
    parallelization >= 1 &&
    cost * blockSize * parallelization <= MAX_WORK
  );
}

/** Reads `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`, as passlib writes it, too; `null` where the text is another one. */
export function parsePasswordHash(text: string): PasswordHash | null {
  const [, ln, r, p, salt = '', hash = ''] = PASSWORD_HASH.exec(text) ?? [];
  const [cost, blockSize, parallelization] = [2 ** Number(ln), Number(r), Number(p)];
  if (!isFairCost(cost, blockSize, parallelization)) return null;
  return { cost, blockSize, parallelization, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

/** The text that {@link parsePasswordHash} reads. */
export function formatPasswordHash({ cost, blockSize, parallelization, salt, hash }: PasswordHash): string {
  return `$scrypt$ln=${Math.log2(cost)},r=${blockSize},p=${parallelization}$${unpadded(salt)}$${unpadded(hash)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
