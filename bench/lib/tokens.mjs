import { createPublicKey, createSecretKey } from 'node:crypto';
import { expressjwt } from 'express-jwt';
import jsonwebtoken from 'jsonwebtoken';
import { audience, bearer, hs256, rs256, subject } from './credentials.mjs';
import { builtFile } from './innergate.mjs';

const { jwt } = await import(builtFile('./auth').href);
const { Context } = await import(builtFile('./core').href);

const library = { name: 'jsonwebtoken with a KeyObject', package: 'jsonwebtoken', open: openJsonWebToken };
const contenders = [
  { name: 'innergate jwt', open: openInnergate },
  library,
  { name: 'express-jwt', package: 'express-jwt', open: openExpressJwt },
];

/**
 * Of distinct tokens there are twice as many as innergate keeps, and they come in turn: it never knows one. To sign
 * 20,000 with RS256 takes a quarter of a minute, so there both are a tenth.
 */
const CACHE_SIZE = 10_000;

/** `passes`: the share of tokens that must be good, or the figures are worth nothing. */
export const tokenLoads = [
  { name: 'HS256, one token again and again', prepare: () => tokensOf(hs256(), 1) },
  {
    name: 'HS256, distinct tokens',
    prepare: () => tokensOf(hs256(), 2 * CACHE_SIZE),
    promise: { to: library.name, limit: 1.3 },
  },
  { name: 'RS256, one token again and again', prepare: () => tokensOf(rs256(), 1) },
  {
    name: 'RS256, distinct tokens',
    prepare: () => tokensOf(rs256(), CACHE_SIZE / 5),
    cacheSize: CACHE_SIZE / 10,
  },
].map((load) => ({ cacheSize: CACHE_SIZE, ...load, contenders, passes: 1 }));

/** `rules` are options that all contenders know by the same names. */
function tokensOf({ key, issue }, count) {
  const rules = { algorithms: ['secret' in key ? 'HS256' : 'RS256'], audience };
  return { key, rules, tokens: Array.from({ length: count }, (_, id) => issue(id)) };
}

/** From the header field to the identity; the context is one and the same, with another field for every call. */
function openInnergate({ key, rules, tokens, cacheSize }) {
  const strategy = jwt({ ...key, ...rules, cacheSize });
  const fields = tokens.map(bearer);
  const headers = { authorization: '' };
  const ctx = new Context({ headers });
  let at = 0; // a run goes on where the one before ended, or short ones would have the same few tokens
  return {
    async run(count) {
      let passed = 0;
      for (let i = 0; i < count; i++) {
        headers.authorization = fields[at];
        const result = strategy.authenticate(ctx);
        const identity = result instanceof Promise ? await result : result;
        if (identity?.id === subject) passed++;
        if (++at === fields.length) at = 0;
      }
      return passed;
    },
    close: () => strategy.close(),
  };
}

/** The signature and the claims alone: it gets the token without a header field around it. */
function openJsonWebToken({ key: { secret, publicKey }, rules, tokens }) {
  const key = secret === undefined ? createPublicKey(publicKey) : createSecretKey(secret, 'utf8');
  let at = 0;
  return {
    run(count) {
      let passed = 0;
      for (let i = 0; i < count; i++) {
        if (jsonwebtoken.verify(tokens[at], key, rules).sub === subject) passed++;
        if (++at === tokens.length) at = 0;
      }
      return passed;
    },
    close() {},
  };
}

/** With the text of the key, as its users write it. */
function openExpressJwt({ key: { secret, publicKey }, rules, tokens }) {
  const verify = expressjwt({ secret: secret ?? publicKey, ...rules });
  const fields = tokens.map(bearer);
  const headers = { authorization: '' };
  const req = { method: 'GET', headers, auth: undefined };
  const res = {};
  let at = 0;
  return {
    async run(count) {
      let passed = 0;
      for (let i = 0; i < count; i++) {
        headers.authorization = fields[at];
        const error = await new Promise((next) => verify(req, res, next));
        if (error === undefined && req.auth.sub === subject) passed++;
        if (++at === fields.length) at = 0;
      }
      return passed;
    },
    close() {},
  };
}
