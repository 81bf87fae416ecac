/** Keys and tokens for the loads. Every process makes its own: so no key lies in a file, and none is a secret. */
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** What every token says of whom it is of and whom it is for. */
export const subject = 'user-42';
export const audience = 'items';

/** The key is a text, as most configurations have it. */
export function hs256() {
  const secret = randomBytes(32).toString('hex');
  const signatureOf = (text) => createHmac('sha256', secret).update(text).digest('base64url');
  return { key: { secret }, issue: (id) => signed('HS256', id, signatureOf) };
}

/** The key is a PEM. */
export function rs256() {
  const publicKeyEncoding = { type: 'spki', format: 'pem' };
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding });
  const signatureOf = (text) => sign('sha256', Buffer.from(text), privateKey).toString('base64url');
  return { key: { publicKey }, issue: (id) => signed('RS256', id, signatureOf) };
}

/** A token as an issuer of access tokens makes it, good for longer than any run. */
function signed(alg, id, signatureOf) {
  const now = Math.floor(Date.now() / 1e3);
  const claims = {
    iss: 'https://login.test',
    sub: subject,
    aud: audience,
    iat: now,
    exp: now + 86_400,
    jti: String(id),
    scope: 'items:read items:write',
    roles: ['editor'],
  };
  const text = [{ alg, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${signatureOf(text)}`;
}

/** The header field that carries a token. */
export const bearer = (token) => `Bearer ${token}`;
