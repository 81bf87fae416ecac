/** The same options and requests, through the `cors` package and through this piece. */
import reference, { type CorsOptions as ReferenceOptions } from 'cors';
import { describe, expect, it } from 'vitest';
import type { HeaderMap } from '../../src/core/types.js';
import { cors, type CorsOptions } from '../../src/cors/index.js';
import { fakeContext } from '../support/request.js';

interface Request {
  readonly method: string;
  readonly headers: HeaderMap;
}

interface Answer {
  /** `null` = it was passed on. */
  readonly status: number | null;
  /** But for `vary`, and for `content-length`, which an answer with 204 must not have (RFC 9110 8.6). */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly vary: readonly string[];
}

const APP = 'https://app.example.com';

function answerOf(status: number | null, given: Readonly<Record<string, unknown>>): Answer {
  const { vary = '', 'content-length': _length, ...rest } = given;
  const fields = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { status, fields, vary: String(vary).toLowerCase().split(/, ?/).filter(Boolean).sort() };
}

function throughReference(options: ReferenceOptions, { method, headers }: Request): Answer {
  const fields: Record<string, unknown> = {};
  let passedOn = false;
  const res = {
    statusCode: 0,
    getHeader: (name: string) => fields[name.toLowerCase()],
    setHeader: (name: string, value: string) => (fields[name.toLowerCase()] = value),
    end: () => undefined,
  };
  reference(options)({ method, headers }, res, () => (passedOn = true));
  return answerOf(status(passedOn, res.statusCode), fields);
}

function throughOurs(options: CorsOptions, request: Request): Answer {
  const ctx = fakeContext(request);
  let passedOn = false;
  const response = cors(options)(ctx, () => {
    passedOn = true;
    return { status: 200, headers: {}, body: null };
  });
  if (response instanceof Promise) throw new TypeError('nothing here takes its time');
  ctx.completeAnswer(response.headers);
  return answerOf(status(passedOn, response.status), response.headers);
}

function status(passedOn: boolean, code: number): number | null {
  return passedOn ? null : code;
}

const OPTIONS = {
  text: { origin: APP },
  list: { origin: [APP, /^http:\/\/localhost:\d+$/] },
  RegExp: { origin: /^https:\/\/[a-z]+\.example\.com$/ },
  everybody: { origin: '*' },
  'everybody by name': { origin: true },
  'with credentials': { origin: [APP], credentials: true },
  'with lists': {
    origin: [APP],
    methods: ['GET', 'PUT'],
    allowedHeaders: ['X-A', 'X-B'],
    exposedHeaders: ['X-C', 'X-D'],
  },
  'with texts': { origin: [APP], methods: 'GET,PUT', allowedHeaders: 'X-A,X-B', exposedHeaders: 'X-C,X-D' },
  'with empty lists': { origin: [APP], allowedHeaders: [], exposedHeaders: [] },
  'with 200': { origin: [APP], optionsSuccessStatus: 200 },
  'passing on': { origin: [APP], preflightContinue: true },
} as const satisfies Record<string, CorsOptions>;

const ORIGINS = [
  APP,
  'http://localhost:3000',
  'https://evil.com',
  'https://evil-app.example.com',
  'http://app.example.com',
];

const REQUESTS: readonly Request[] = ORIGINS.flatMap((origin) => [
  { method: 'GET', headers: { origin } },
  { method: 'POST', headers: { origin, 'content-type': 'application/json' } },
  { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PUT' } },
  {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type,x-a' },
  },
]);

/** Where this piece means to differ; what is left is to be the same. */
function expected(theirs: Answer, options: CorsOptions, { method, headers }: Request): Answer {
  const fields = { ...theirs.fields };
  const isPreflight = method === 'OPTIONS';
  const isAllowed = options.origin === '*' || fields['access-control-allow-origin'] === headers.origin;
  // A preflight without a max-age is forgotten after 5 seconds.
  if (isPreflight) fields['access-control-max-age'] = '86400';
  // Theirs tells others everything but that they are let in, and by a text even who is.
  if (!isAllowed) for (const name of Object.keys(fields)) delete fields[name];
  // Theirs leaves caches in the dark for `*`, and on what a preflight asks for.
  const vary = isPreflight ? ['access-control-request-headers', 'access-control-request-method', 'origin'] : ['origin'];
  return { ...theirs, fields, vary };
}

describe('cors beside the cors package', () => {
  it.each(Object.entries(OPTIONS))('answers the same, but for what it means to do better: %s', (_name, options) => {
    for (const request of REQUESTS) {
      const theirs = throughReference({ ...options, maxAge: undefined } as ReferenceOptions, request);
      expect(throughOurs(options, request)).toEqual(expected(theirs, options, request));
    }
  });

  it('agrees on the same max-age without any correction, where the origin is allowed', () => {
    const options = { origin: [APP], maxAge: 600, credentials: true };
    const [, , bare, asking] = REQUESTS as [Request, Request, Request, Request];
    for (const request of [bare, asking])
      expect(throughOurs(options, request).fields).toEqual(throughReference(options, request).fields);
  });

  /** The differences that the table above corrects for, and those that it does not meet, one by one. */
  it.each<[string, ReferenceOptions & CorsOptions, Request, Partial<Answer>, Partial<Answer>]>([
    [
      'an OPTIONS that is no preflight goes on to the service',
      { origin: [APP] },
      { method: 'OPTIONS', headers: { origin: APP } },
      { status: 204 },
      { status: null },
    ],
    [
      'a preflight needs an origin',
      { origin: [APP] },
      { method: 'OPTIONS', headers: { 'access-control-request-method': 'PUT' } },
      { status: 204 },
      { status: null },
    ],
    [
      'credentials are not offered to other origins',
      { origin: [APP], credentials: true },
      { method: 'GET', headers: { origin: 'https://evil.com' } },
      { fields: { 'access-control-allow-credentials': 'true' } },
      { fields: {} },
    ],
    [
      'false is for nobody, where theirs does nothing at all',
      { origin: false },
      { method: 'OPTIONS', headers: { origin: APP, 'access-control-request-method': 'PUT' } },
      { status: null, vary: [] },
      { status: 204, fields: {} },
    ],
    [
      'no text but names is sent back',
      { origin: [APP] },
      {
        method: 'OPTIONS',
        headers: { origin: APP, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x a' },
      },
      { fields: expect.objectContaining({ 'access-control-allow-headers': 'x a' }) as Answer['fields'] },
      { fields: expect.not.objectContaining({ 'access-control-allow-headers': 'x a' }) as Answer['fields'] },
    ],
    [
      'a RegExp is not asked for the origin null',
      { origin: /^.*$/ },
      { method: 'GET', headers: { origin: 'null' } },
      { fields: { 'access-control-allow-origin': 'null' } },
      { fields: {} },
    ],
    [
      'a lone origin is told to itself only',
      { origin: APP },
      { method: 'GET', headers: {} },
      { fields: { 'access-control-allow-origin': APP } },
      { fields: {} },
    ],
  ])('differs: %s', (_name, options, request, theirs, ours) => {
    const [theirAnswer, ourAnswer] = [throughReference(options, request), throughOurs(options, request)];
    expect(theirAnswer).toEqual({ ...theirAnswer, ...theirs });
    expect(ourAnswer).toEqual({ ...ourAnswer, ...ours });
  });
});
