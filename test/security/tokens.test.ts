/** Forged, stale and odd tokens, as they stand on the wire. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import { exportJWK, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWT_ALGORITHMS, type JwtAlgorithm } from '../../src/auth/jwt/algorithms.js';
import { forge, KEYS, NOW, OTHER_RSA, part, SECRET, signRs256, tokenOf } from '../auth/jwt/support.js';
import { eventually } from '../support/eventually.js';
import { FakeClock } from '../support/fake-clock.js';
import { listen } from '../support/listen.js';
import { answerJson } from '../support/upstream.js';
import { expectRefused, get, observe, type Front } from './front.js';
import { expectLetIn, expectTurnedAway, guarded, MISSING, withToken } from './guarded.js';

const OTHER_SECRET = 'another secret of more than sixty-four bytes, which signs for nobody but itself';
const RSA_PUBLIC = KEYS.RS256.verifying as KeyObject;
const RSA_PRIVATE = KEYS.RS256.signing as KeyObject;
const PEM = RSA_PUBLIC.export({ type: 'spki', format: 'pem' }) as string;

let gateway: Front;

beforeAll(async () => {
  gateway = await guarded({
    ...Object.fromEntries(JWT_ALGORITHMS.map((name) => [`/by/${name}`, { jwt: keyFor(name) }])),
    '/secret': { jwt: { secret: SECRET } },
    '/hs256': { jwt: { secret: SECRET, algorithms: ['HS256'] } },
    '/rsa': { jwt: { publicKey: PEM, audience: false } },
    '/rs256': { jwt: { publicKey: PEM, algorithms: ['RS256'], audience: false } },
    '/named': {
      jwt: {
        keys: [
          { kid: 'one', secret: SECRET },
          { kid: 'two', secret: OTHER_SECRET },
        ],
      },
    },
    '/unnamed': { jwt: { keys: [{ secret: OTHER_SECRET }, { secret: SECRET }] } },
    '/by-claim': { jwt: { keys: [{ kid: 'one', secret: SECRET }], keyClaim: 'iss' } },
    '/claims': { jwt: { secret: SECRET, issuer: 'https://issuer.test', audience: 'shop' } },
    '/lenient': { jwt: { secret: SECRET, clockToleranceMs: 5_000 } },
    '/scoped': { jwt: { secret: SECRET }, scopes: ['orders:write', 'orders:admin'] },
    '/query': { jwt: { secret: SECRET, tokenFrom: [{ header: 'authorization' }, { query: 'access_token' }] } },
    '/optional': { jwt: { secret: SECRET }, mode: 'optional' },
  });
});

afterAll(() => gateway.close());

function keyFor(name: JwtAlgorithm) {
  const { verifying } = KEYS[name];
  return typeof verifying === 'string' ? { secret: verifying } : { publicKey: verifying, audience: false as const };
}

/** What a well-behaved issuer makes. */
function issued(algorithm: JwtAlgorithm, claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { signing } = KEYS[algorithm];
  return new SignJWT({ sub: 'u1', exp: NOW + 60, ...claims })
    .setProtectedHeader({ alg: algorithm })
    .sign(typeof signing === 'string' ? Buffer.from(signing) : signing);
}

/** The same token with another header in front. */
function withHeader(token: string, header: object): string {
  return `${part(header)}${token.slice(token.indexOf('.'))}`;
}

describe.each(JWT_ALGORITHMS)('a token that others have signed with %s', (algorithm) => {
  it('is let in, and the upstream is told whose it is', async () => {
    const { headers } = await expectLetIn(gateway, withToken(`/by/${algorithm}`, await issued(algorithm)));
    expect(headers['x-user-id']).toBe('u1');
  });

  it.each([0, 10])('is refused with one character of its signature changed, the one at %d', async (at) => {
    const token = await issued(algorithm);
    const index = token.lastIndexOf('.') + 1 + at;
    const other = token.charAt(index) === 'A' ? 'B' : 'A';
    const changed = `${token.slice(0, index)}${other}${token.slice(index + 1)}`;
    await expectTurnedAway(gateway, withToken(`/by/${algorithm}`, changed));
  });

  it('is refused with other claims under the same signature', async () => {
    const [header, , signature] = (await issued(algorithm)).split('.');
    const claims = part({ sub: 'admin', exp: NOW + 60 });
    await expectTurnedAway(gateway, withToken(`/by/${algorithm}`, `${header}.${claims}.${signature}`));
  });

  it('is refused under the name of every other algorithm for such keys', async () => {
    const token = await issued(algorithm);
    const others = JWT_ALGORITHMS.filter((name) => name !== algorithm && KEYS[name] === KEYS[algorithm]);
    for (const other of [...others, algorithm === 'ES256' ? 'EdDSA' : 'ES256'])
      await expectTurnedAway(gateway, withToken(`/by/${algorithm}`, withHeader(token, { alg: other })));
  });
});

describe('a token that nobody has signed', () => {
  it.each(['none', 'None', 'nOnE', 'NONE', 'none ', '', 'null', 'HS', 'HS1', 'ES256K', 'RSA1_5', 'dir', '__proto__'])(
    'is refused with the algorithm %j, whatever stands for its signature',
    async (alg) => {
      const claims = part({ sub: 'u1', exp: NOW + 60 });
      for (const signature of ['', forge({ alg }).split('.')[2]])
        for (const path of ['/secret', '/optional'])
          await expectTurnedAway(gateway, withToken(path, `${part({ alg })}.${claims}.${signature}`));
    },
  );

  it.each([null, 0, true, ['none'], ['HS256'], {}, { alg: 'HS256' }])(
    'is refused with %j for an algorithm',
    async (alg) => {
      await expectTurnedAway(gateway, withToken('/secret', forge({ alg })));
    },
  );

  it('is refused as an issuer of unsecured tokens writes it', async () => {
    const token = new UnsecuredJWT({ sub: 'u1', exp: NOW + 60 }).encode();
    await expectTurnedAway(gateway, withToken('/secret', token));
  });

  it.each(['HS256', 'RS256', 'ES256', 'EdDSA'] as const)('is refused with an empty signature for %s', async (name) => {
    const token = await issued(name);
    await expectTurnedAway(gateway, withToken(`/by/${name}`, token.slice(0, token.lastIndexOf('.') + 1)));
  });

  it.each([
    ['ES256', 64],
    ['ES384', 96],
    ['ES512', 132],
    ['EdDSA', 64],
    ['RS256', 256],
    ['HS256', 32],
  ] as const)('is refused with zeros for a signature of %s', async (name, bytes) => {
    const token = await issued(name);
    const zeros = Buffer.alloc(bytes).toString('base64url');
    await expectTurnedAway(gateway, withToken(`/by/${name}`, `${token.slice(0, token.lastIndexOf('.') + 1)}${zeros}`));
  });

  it.each([
    ['one part', () => part({ alg: 'HS256' })],
    ['two parts', () => tokenOf().split('.').slice(0, 2).join('.')],
    ['two parts and a dot', () => `${tokenOf().split('.').slice(0, 2).join('.')}.`],
    ['four parts', () => `${tokenOf()}.AAAA`],
    ['a dot behind it', () => `${tokenOf()}.`],
    ['a dot ahead of it', () => `.${tokenOf()}`],
    ['five parts, as if encrypted', () => 'e30.e30.e30.e30.e30'],
    ['dots alone', () => '..'],
    ['no header', () => `.${tokenOf().split('.').slice(1).join('.')}`],
    ['no claims', () => forge({ alg: 'HS256' }, '')],
    ['a header that is a list', () => forge(['HS256'])],
    ['a header that is no JSON', () => forge('alg=HS256')],
    ['claims that are a list', () => forge({ alg: 'HS256' }, [])],
    ['claims that are a text', () => forge({ alg: 'HS256' }, '"u1"')],
    ['claims that are no JSON', () => forge({ alg: 'HS256' }, 'sub=u1')],
    ['claims that are null', () => forge({ alg: 'HS256' }, null)],
    ['padding behind its parts', () => tokenOf().replaceAll('.', '=.')],
    ['base64 in the place of base64url', () => `${tokenOf().slice(0, -2)}+/`],
    ['a percent sign', () => `${tokenOf()}%00`],
  ])('is refused where it has %s', async (_what, make) => {
    await expectTurnedAway(gateway, withToken('/secret', make()));
  });
});

describe('a token that is signed with the wrong key', () => {
  const claims = { sub: 'admin', exp: NOW + 60 };

  it.each<[string, string | Buffer]>([
    ['as PEM', PEM],
    ['as PEM without its last line end', PEM.trimEnd()],
    ['as PEM with CR LF', PEM.replaceAll('\n', '\r\n')],
    ['as PEM of PKCS 1', RSA_PUBLIC.export({ type: 'pkcs1', format: 'pem' })],
    ['as DER', RSA_PUBLIC.export({ type: 'spki', format: 'der' })],
    ['as DER of PKCS 1', RSA_PUBLIC.export({ type: 'pkcs1', format: 'der' })],
    ['as the JWK', JSON.stringify(RSA_PUBLIC.export({ format: 'jwk' }))],
  ])('is refused where the public key is the secret of an HS256, %s', async (_form, key) => {
    const token = forge({ alg: 'HS256', typ: 'JWT' }, claims, key);
    for (const path of ['/rsa', '/rs256', '/by/PS256']) await expectTurnedAway(gateway, withToken(path, token));
  });

  it.each(['', '\0', 'secret', SECRET.slice(1), `${SECRET}\n`, Buffer.from(SECRET).toString('base64')])(
    'is refused with %j for a secret',
    async (secret) => {
      await expectTurnedAway(gateway, withToken('/secret', forge({ alg: 'HS256' }, claims, secret)));
    },
  );

  it('is refused where another key of the same kind has signed', async () => {
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(OTHER_RSA.signing as KeyObject);
    await expectTurnedAway(gateway, withToken('/rsa', token));
  });

  it.each(['RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const)(
    'is refused where the right key has signed with %s, and RS256 alone is allowed',
    async (name) => {
      const token = await issued(name);
      await expectTurnedAway(gateway, withToken('/rs256', token));
      await expectLetIn(gateway, withToken('/rsa', token));
    },
  );

  it.each(['HS384', 'HS512'] as const)(
    'is refused where the right secret has signed with %s, and HS256 alone is allowed',
    async (name) => {
      await expectTurnedAway(gateway, withToken('/hs256', await issued(name)));
    },
  );

  it('is refused where a key of one curve has signed with the hash of another', async () => {
    const input = `${part({ alg: 'ES384' })}.${part(claims)}`;
    const key = { key: KEYS.ES256.signing as KeyObject, dsaEncoding: 'ieee-p1363' as const };
    const token = `${input}.${sign('sha384', Buffer.from(input), key).toString('base64url')}`;
    await expectTurnedAway(gateway, withToken('/by/ES256', token));
  });
});

describe('a token that names a key', () => {
  const KIDS = [
    '../../../dev/null',
    '/dev/null',
    "x' UNION SELECT 'secret' --",
    '__proto__',
    'constructor',
    'ONE',
    'one\0',
    ' one',
    '0',
    'https://evil.test/key.pem',
    '| cat /etc/passwd',
  ];

  it.each(KIDS)('of no known name is refused: %j', async (kid) => {
    for (const secret of [SECRET, '', '\0'])
      await expectTurnedAway(gateway, withToken('/named', tokenOf({}, secret, { kid })));
  });

  it.each(KIDS)('that has no name here proves nothing by it, nor loses: %j', async (kid) => {
    await expectTurnedAway(gateway, withToken('/secret', tokenOf({}, '', { kid })));
    await expectLetIn(gateway, withToken('/secret', tokenOf({}, SECRET, { kid })));
  });

  it.each([null, 1, 0, true, '', ['one'], [], { one: 1 }, 'x'.repeat(257)])(
    'with %j, which is no name, is refused',
    async (kid) => {
      for (const path of ['/secret', '/named', '/unnamed'])
        await expectTurnedAway(gateway, withToken(path, tokenOf({}, SECRET, { kid })));
    },
  );

  it('of 10 KB is refused', async () => {
    const token = tokenOf({}, SECRET, { kid: 'k'.repeat(10_240) });
    for (const path of ['/secret', '/named']) await expectTurnedAway(gateway, withToken(path, token));
  });

  it('that exists, but is not the one that has signed, is refused', async () => {
    await expectLetIn(gateway, withToken('/named', tokenOf({}, SECRET, { kid: 'one' })));
    await expectTurnedAway(gateway, withToken('/named', tokenOf({}, SECRET, { kid: 'two' })));
  });

  it('that is missing passes by whichever of the keys has signed it, and by no other', async () => {
    for (const path of ['/secret', '/named', '/unnamed']) {
      await expectLetIn(gateway, withToken(path, tokenOf()));
      await expectTurnedAway(gateway, withToken(path, tokenOf({}, 'a secret of somebody else, of 45 bytes or so..')));
    }
  });

  it('in a claim is looked up there, and nowhere else', async () => {
    await expectLetIn(gateway, withToken('/by-claim', tokenOf({ iss: 'one' })));
    for (const iss of [undefined, 'two', '__proto__', 1, ['one']])
      await expectTurnedAway(gateway, withToken('/by-claim', tokenOf({ iss }, SECRET, { kid: 'one' })));
  });
});

describe('a token that brings its own key', () => {
  it.each(['jku', 'x5u', 'jwk', 'x5c', 'x5t', 'iss'])('is refused, and nothing is fetched for its %s', async (name) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'mine', alg: 'RS256', use: 'sig' };
    const evil = await listen(createServer((_request, response) => answerJson(response, 200, { keys: [jwk] })));
    const der = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const brought = { jwk, x5c: [der], jku: `${evil.url}/jwks`, x5u: `${evil.url}/key.pem`, x5t: 'AA' };
    const header = { alg: 'RS256', kid: 'mine', ...(name === 'iss' ? {} : { [name]: brought[name as 'jwk'] }) };
    const input = `${part(header)}.${part({ sub: 'admin', exp: NOW + 60, iss: evil.url })}`;
    try {
      for (const path of ['/rsa', '/rs256', '/named'])
        await expectTurnedAway(gateway, withToken(path, `${input}.${signRs256(input, privateKey)}`));
      expect(evil.accepted).toBe(0);
    } finally {
      await evil.close();
    }
  });

  it('passes by the known key all the same, and nothing is fetched', async () => {
    const evil = await listen(createServer());
    const input = `${part({ alg: 'RS256', jku: evil.url, x5u: evil.url })}.${part({ sub: 'u1', exp: NOW + 60 })}`;
    await expectLetIn(gateway, withToken('/rsa', `${input}.${signRs256(input, RSA_PRIVATE)}`));
    expect(evil.accepted).toBe(0);
    await evil.close();
  });
});

describe('a token that asks for more than is understood', () => {
  it.each<[string, object]>([
    ['an unknown crit', { crit: ['http://example.test/unknown'], 'http://example.test/unknown': true }],
    ['a crit of what is known', { crit: ['exp'] }],
    ['an empty crit', { crit: [] }],
    ['a crit that is a text', { crit: 'b64' }],
    ['a crit that is null', { crit: null }],
    ['b64: false', { b64: false }],
    ['b64: false, as it should be asked for', { b64: false, crit: ['b64'] }],
    ['b64 that is a text', { b64: 'false' }],
    ['compression', { zip: 'DEF' }],
    ['encryption', { enc: 'A128GCM' }],
    ['a token inside', { cty: 'JWT' }],
    ['another type', { typ: 'secevent+jwt' }],
  ])('is refused: %s', async (_what, header) => {
    await expectTurnedAway(gateway, withToken('/secret', tokenOf({}, SECRET, header)));
  });
});

describe('the time of a token', () => {
  it('ends with its exp, to the millisecond, and with the tolerance where there is one', async () => {
    await expectLetIn(gateway, withToken('/secret', tokenOf({ exp: NOW + 0.001 })));
    for (const exp of [NOW, NOW - 1, NOW - 3_600])
      await expectTurnedAway(gateway, withToken('/secret', tokenOf({ exp })));
    await expectLetIn(gateway, withToken('/lenient', tokenOf({ exp: NOW - 4.999 })));
    await expectTurnedAway(gateway, withToken('/lenient', tokenOf({ exp: NOW - 5 })));
  });

  it('begins with its nbf, and earlier by the tolerance where there is one', async () => {
    await expectLetIn(gateway, withToken('/secret', tokenOf({ nbf: NOW })));
    for (const nbf of [NOW + 1, NOW + 3_600]) await expectTurnedAway(gateway, withToken('/secret', tokenOf({ nbf })));
    await expectLetIn(gateway, withToken('/lenient', tokenOf({ nbf: NOW + 5 })));
    await expectTurnedAway(gateway, withToken('/lenient', tokenOf({ nbf: NOW + 5.001 })));
  });

  it.each(['', '"exp":"9999999999",', '"exp":-1,', '"exp":1e400,', '"exp":-1e400,', '"exp":null,', '"exp":true,'])(
    'is none where its claims have {%s...}',
    async (exp) => {
      const token = forge({ alg: 'HS256' }, `{${exp}"sub":"u1"}`);
      for (const path of ['/secret', '/lenient']) await expectTurnedAway(gateway, withToken(path, token));
    },
  );

  it.each(['"nbf":"0"', '"nbf":null', '"nbf":1e400', '"iat":"0"', '"iat":-1'])(
    'is none where its claims have {%s}',
    async (claim) => {
      const token = forge({ alg: 'HS256' }, `{"sub":"u1","exp":${NOW + 60},${claim}}`);
      await expectTurnedAway(gateway, withToken('/secret', token));
    },
  );

  it.each([0, 10_000])('ends for a token that has passed before, with %d tokens kept', async (cacheSize) => {
    const clock = new FakeClock();
    const other = await guarded({ '/': { jwt: { secret: SECRET, cacheSize } } }, { clock });
    const data = withToken('/', tokenOf({ nbf: NOW, exp: NOW + 2 }));
    try {
      await expectLetIn(other, data);
      clock.advance(1_999);
      await expectLetIn(other, data);
      clock.advance(1);
      await expectTurnedAway(other, data);
      clock.advanceWall(-1);
      await expectLetIn(other, data);
      clock.advanceWall(-2_000);
      await expectTurnedAway(other, data);
    } finally {
      await other.close();
    }
  });
});

describe('the claims of a token', () => {
  const iss = 'https://issuer.test';

  it.each<[string, object]>([
    ['our issuer and our audience', { iss, aud: 'shop' }],
    ['an audience of several, ours among them', { iss, aud: ['bank', 'shop'] }],
  ])('are accepted: %s', async (_what, claims) => {
    await expectLetIn(gateway, withToken('/claims', tokenOf({ ...claims })));
  });

  it.each<[string, object]>([
    ['no issuer', { aud: 'shop' }],
    ['another issuer', { iss: 'https://evil.test', aud: 'shop' }],
    ['an issuer with a slash more', { iss: `${iss}/`, aud: 'shop' }],
    ['an issuer in another case', { iss: 'https://ISSUER.test', aud: 'shop' }],
    ['issuers in a list', { iss: [iss], aud: 'shop' }],
    ['no audience', { iss }],
    ['another audience', { iss, aud: 'bank' }],
    ['audiences without ours', { iss, aud: ['bank', 'shop-admin'] }],
    ['an audience that begins like ours', { iss, aud: 'shop.evil.test' }],
    ['audiences in one text', { iss, aud: 'bank shop' }],
    ['an empty list of audiences', { iss, aud: [] }],
    ['an audience that is an object', { iss, aud: { shop: true } }],
    ['audiences in a list within the list', { iss, aud: [['shop']] }],
  ])('are refused: %s', async (_what, claims) => {
    await expectTurnedAway(gateway, withToken('/claims', tokenOf({ ...claims })));
  });

  it.each<[string, string]>([
    ['no subject', '{}'],
    ['an empty subject', '{"sub":""}'],
    ['a subject that is an object', '{"sub":{"id":"u1"}}'],
    ['a subject that only a prototype would have', '{"__proto__":{"sub":"admin"}}'],
    ['a subject of more than 255 characters', JSON.stringify({ sub: 'x'.repeat(256) })],
  ])('are refused where they name nobody: %s', async (_what, claims) => {
    const token = forge({ alg: 'HS256' }, `{"exp":${NOW + 60}${claims === '{}' ? '' : ','}${claims.slice(1)}`);
    await expectTurnedAway(gateway, withToken('/secret', token));
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'null', '0'])('may have %j for a name', async (sub) => {
    const { headers } = await expectLetIn(gateway, withToken('/secret', tokenOf({ sub, role: sub })));
    expect([headers['x-user-id'], headers['x-user-role']]).toEqual([sub, sub]);
  });

  it.each([{ scope: 'orders:write' }, { scope: 'openid  orders:admin' }, { scp: ['orders:write'] }])(
    'are enough with a scope of the route: %j',
    async (claims) => {
      await expectLetIn(gateway, withToken('/scoped', tokenOf(claims)));
    },
  );

  it.each([
    {},
    { scope: '' },
    { scope: 'orders:read' },
    { scope: 'orders:writer' },
    { scope: 'orders:write,orders:admin' },
    { scope: { 'orders:write': true } },
    { scope: ['orders:write orders:admin'] },
    { scope: '', scp: 'orders:write' },
  ])('are 403 without a scope of the route: %j', async (claims) => {
    await expectTurnedAway(gateway, withToken('/scoped', tokenOf(claims)), {
      status: 403,
      code: 'ERR_GATEWAY_SCOPE_INSUFFICIENT',
      challenge: 'Bearer realm="api", error="insufficient_scope", scope="orders:write orders:admin"',
    });
  });
});

describe('the Authorization field', () => {
  it.each(['bearer', 'BEARER', 'bEaReR', 'Bearer  ', 'Bearer    '])('has a token behind %j', async (scheme) => {
    await expectLetIn(gateway, get('/secret', `Authorization: ${scheme} ${tokenOf()}`));
  });

  it.each<[string, string]>([
    ['no token', 'Bearer'],
    ['a token behind a tab', `Bearer\t${tokenOf()}`],
    ['a token behind =', `Bearer=${tokenOf()}`],
    ['a token behind a colon', `Bearer: ${tokenOf()}`],
    ['a token behind a quote', `Bearer "${tokenOf()}"`],
    ['= behind the token', `Bearer ${tokenOf()}=`],
    ['== behind the token', `Bearer ${tokenOf()}==`],
    ['a space in the token', `Bearer ${tokenOf().replace('.', ' .')}`],
    ['something behind the token', `Bearer ${tokenOf()} x`],
    ['a tab in the token', `Bearer ${tokenOf().replace('.', '\t.')}`],
    ['two tokens', `Bearer ${tokenOf()}, Bearer ${tokenOf()}`],
    ['two tokens without a space', `Bearer ${tokenOf()},${tokenOf()}`],
    ['the scheme twice', `Bearer Bearer ${tokenOf()}`],
    ['a byte above ASCII', `Bearer ${tokenOf()}\xe9`],
    ['token=', `Bearer token="${tokenOf()}"`],
  ])('is refused with %s', async (_what, value) => {
    // Who has sent credentials that prove nothing does not pass for nobody either.
    for (const path of ['/secret', '/optional']) await expectTurnedAway(gateway, get(path, `Authorization: ${value}`));
  });

  it.each(['', 'Basic dTpw', 'Bearertoken', 'Bearers abc', 'Digest x', 'DPoP abc', 'e30.e30.AAAA'])(
    'of %j has no bearer token',
    async (value) => {
      await expectTurnedAway(gateway, get('/secret', `Authorization: ${value}`), MISSING);
    },
  );

  it.each<[string, string]>([
    ['a folded line', `Bearer ${tokenOf()}\r\n ${tokenOf()}`],
    ['a bare line feed', `Bearer ${tokenOf()}\n`],
    ['a bare carriage return', `Bearer a\r${tokenOf()}`],
    ['a NUL', `Bearer a\0${tokenOf()}`],
  ])('is 400 with %s', async (_what, value) => {
    await expectRefused(gateway, get('/secret', `Authorization: ${value}`));
  });

  it.each(['Authorization', 'AUTHORIZATION', 'authorization'])('called %s twice is 400', async (name) => {
    await expectRefused(gateway, get('/secret', `Authorization: Bearer ${tokenOf()}`, `${name}: Bearer ${tokenOf()}`));
  });

  it.each(['X-Authorization', 'Authorization_', 'Proxy-Authorization', 'Cookie', 'X-Original-Authorization'])(
    'is not called %s',
    async (name) => {
      await expectTurnedAway(gateway, get('/secret', `${name}: Bearer ${tokenOf()}`), MISSING);
    },
  );

  it('is needed for each request of a connection', async () => {
    const first = get('/secret', `Authorization: Bearer ${tokenOf({ sub: 'first' })}`);
    const { raw, arrived } = await observe(gateway, first + get('/secret'));
    expect(raw.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401']);
    expect(arrived.map(({ headers }) => headers['x-user-id'])).toEqual(['first']);
  });
});

describe('a token that is too long', () => {
  const long = (bytes: number): string => {
    const base = tokenOf({ pad: '' }).length;
    return tokenOf({ pad: 'p'.repeat(Math.floor(((bytes - base) * 3) / 4) - 2) });
  };

  it('is one of more than 8 KiB, be its signature good', async () => {
    const [fits, exceeds] = [long(8_190), long(8_210)];
    expect(fits.length).toBeLessThanOrEqual(8_192);
    expect(fits.length).toBeGreaterThan(8_150);
    expect(exceeds.length).toBeGreaterThan(8_192);
    await expectLetIn(gateway, withToken('/secret', fits));
    await expectTurnedAway(gateway, withToken('/secret', exceeds));
  });

  it.each([17_000, 100_000, 1_048_576])('and has %d bytes is 431', async (bytes) => {
    await expectRefused(gateway, withToken('/secret', 'a'.repeat(bytes)), { statuses: [431] });
  });

  it('is refused in a server that takes such fields', async () => {
    const server = { maxHeaderSize: 4_194_304 };
    const other = await guarded({ '/': { jwt: { secret: SECRET } } }, {}, { mounting: 'mounted', server });
    try {
      for (const token of [long(1_048_576), 'a.'.repeat(524_288), `e30.e30.${'A'.repeat(1_048_576)}`])
        await expectTurnedAway(other, withToken('/', token));
    } finally {
      await other.close();
    }
  });
});

describe('a token in the query', () => {
  async function lastLine(): Promise<string> {
    await eventually(() => (gateway.lines.at(-1) ?? '').includes('/alive'));
    return gateway.lines.at(-2) ?? '';
  }

  it('is none where nobody has asked for it there', async () => {
    await expectTurnedAway(gateway, get(`/secret?access_token=${tokenOf()}`), MISSING);
  });

  it('is let in where it has been asked for, and stands in no line of the log', async () => {
    const token = tokenOf();
    await expectLetIn(gateway, get(`/query?a=1&access_token=${token}`));
    const line = await lastLine();
    expect(JSON.parse(line)).toMatchObject({ status: 200, identity: 'u1' });
    expect(line).not.toContain(token.slice(0, 20));
  });

  it('is refused where it proves nothing, and stands in no line of the log', async () => {
    const token = tokenOf({}, OTHER_SECRET);
    const { raw } = await expectTurnedAway(gateway, get(`/query?access_token=${token}`));
    for (const text of [raw, await lastLine()]) expect(text).not.toContain(token.slice(0, 20));
  });

  it.each<[string, string]>([
    ['sent twice', `access_token=${tokenOf()}&access_token=${tokenOf()}`],
    ['empty', 'access_token='],
    ['without a value', 'access_token'],
    ['with a line end', `access_token=${tokenOf()}%0a`],
    ['with a space', `access_token=${tokenOf()}+`],
    ['with a NUL', `access_token=%00${tokenOf()}`],
    ['in a name that is encoded, and sent twice', `access_token=${tokenOf()}&%61ccess_token=x`],
  ])('is refused: %s', async (_what, query) => {
    await expectTurnedAway(gateway, get(`/query?${query}`));
  });

  it.each(['Access_Token', 'access-token', 'token', 'access_token[]', 'amp;access_token'])(
    'is none as %s',
    async (name) => {
      await expectTurnedAway(gateway, get(`/query?${name}=${tokenOf()}`), MISSING);
    },
  );

  it('does not make up for a bad one in the field', async () => {
    await expectTurnedAway(gateway, withToken(`/query?access_token=${tokenOf()}`, 'bad'));
  });
});
