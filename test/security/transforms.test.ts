/** Templates and header fields of rules, against those who would write more by them than they may. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/options.js';
import { createGateway } from '../../src/gateway/index.js';
import type { RequestTransform, ResponseTransform, TransformOptions } from '../../src/transforms/index.js';
import type { RawRequest } from '../support/raw-upstream.js';
import { get, MOUNTINGS, observe, type Front } from './front.js';
import { CLOSE, FORM_TYPE, JSON_TYPE, post, ruled, type Routes } from './ruled.js';

/** Texts that end a line, a path, a host or a string where somebody pastes them. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a line break': 'a\r\nX-Evil: 1',
  'two line breaks': 'a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
  'a line feed': 'a\nX-Evil: 1',
  'a carriage return': 'a\rX-Evil: 1',
  NUL: 'a\0X-Evil: 1',
  'line separators': 'a\u2028X-Evil: 1\u2029X-Evil: 1\u0085X-Evil: 1',
  // In Latin-1, which cuts off what is above a byte, these are CR LF.
  'letters that end in CR and LF': 'a\u010d\u010aX-Evil: 1',
  'an encoded line break': 'a%0d%0aX-Evil: 1',
  umlauts: 'äöü €',
  'half a character': 'a\ud800b',
  'a quote and braces': '"}],"role":"admin","x":["',
  'a parent': '..',
  parents: '../../admin',
  'an encoded parent': '%2e%2e/admin',
  'a twice encoded parent': '%252e%252e%252fadmin',
  'a host': '//evil.test/x',
  'a URL': 'http://evil.test/x',
  'a backslash': '..\\..\\admin',
  'a query and a fragment': 'x?role=admin#y',
  'a parameter': 'x&role=admin=1;role=admin',
  'path parameters': '..;x=/admin',
  'patterns of replace': "$&$1$`$'$$",
  'a template': '{identity.id}{env.PATH}{{',
  'the name of a prototype': '__proto__',
  '10 KB': 'x'.repeat(10_000),
};

/** Half of a surrogate pair has no bytes: it stands for U+FFFD. */
function onTheWire(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
}

const FIELD_RULES: RequestTransform[] = [
  { type: 'add-header', key: 'X-Set', value: '{query.q}' },
  {
    add: { headers: { 'x-added': 'a {query.q} b', 'x-claimed': '{identity.claims.name}' } },
    replace: { headers: { 'x-replaced': '{query.q}' } },
    append: { headers: { 'x-appended': '{query.q}', cookie: 'q={query.q}' } },
  },
];

const INJECTION: Routes = {
  '/fields': {
    request: FIELD_RULES,
    response: [
      { type: 'add-header', key: 'X-Back', value: '{query.q}' },
      { append: { headers: { 'set-cookie': 'q={query.q}', 'x-more': '{identity.claims.name}' } } },
    ],
  },
  '/query': { request: { add: { query: { copy: '{query.q}', claim: '{identity.claims.name}' } } } },
  '/segment': { request: { type: 'rewrite-path', value: '/in/{query.q}/end' } },
  '/part': { request: { type: 'rewrite-path', key: '^/part', value: '/in{query.q}' } },
  '/claim': { request: { type: 'rewrite-path', value: '/in/{identity.claims.name}/end' } },
  '/wire/:id': { request: { type: 'rewrite-path', value: '/in/{params.id}/end' } },
  '/rest/*': { request: { type: 'rewrite-path', value: '/{params.*}' } },
  '/body': { request: { add: { body: { copy: '{query.q}', claim: '{identity.claims.name}' } } } },
};

describe.each(MOUNTINGS)('a %s gateway with templates', (mounting) => {
  const claims = { name: '' };
  let gateway: Front;

  beforeAll(async () => {
    gateway = await ruled(INJECTION, { mounting }, claims);
  });
  afterAll(() => gateway.close());
  beforeEach(() => {
    claims.name = '';
  });

  describe.each(Object.entries(HOSTILE))('that are filled with %s', (_name, text) => {
    const q = `q=${onTheWire(text)}`;

    beforeEach(() => {
      claims.name = text;
    });

    it('writes no second field, and none of the response', async () => {
      const { response, arrived, raw } = await observe(gateway, get(`/fields?${q}`, 'X-Replaced: old', CLOSE));
      expect(response?.status).toBe(200);
      expect(arrived).toHaveLength(1);
      const [request] = arrived as [RawRequest];
      const names = request.rawHeaders.map(([name]) => name.toLowerCase());
      expect(names).not.toContain('x-evil');
      expect(new Set(names).size).toBe(names.length);
      expect(request.head).toMatch(/^[^\0\r]*(?:\r\n[^\0\r\n]+)*\r\n\r\n$/);
      expect(raw).not.toMatch(/^x-evil/im);
      expect(raw.match(/^HTTP\//gm)).toHaveLength(1);
      expect(response?.rawHeaders.map(([name]) => name.toLowerCase())).not.toContain('x-evil');
      // What cannot be sent does not leave what it was to replace.
      expect(request.headers['x-replaced']).not.toBe('old');
    });

    it('writes one parameter of a query', async () => {
      const { arrived } = await observe(gateway, get(`/query?${q}`, CLOSE));
      expect(arrived).toHaveLength(1);
      const copy = onTheWire(text);
      expect(arrived[0]?.url).toBe(`/query?${q}&copy=${copy}&claim=${copy}`);
    });

    it.each(['/segment', '/claim'])('writes one segment of a path, or none, below %s', async (path) => {
      const { response, arrived, bytes } = await observe(gateway, get(`${path}?${q}`, CLOSE));
      if (arrived.length === 0) {
        expect(response?.status).toBe(400);
        expect(bytes).toBe('');
        return;
      }
      const [wire = ''] = (arrived[0] as RawRequest).url.split('?');
      const [, segment = ''] = /^\/in\/([^/?#\\]+)\/end$/.exec(wire) ?? [];
      expect(decodeURIComponent(segment)).toBe(text.replace(/\p{Surrogate}/gu, '\ufffd'));
      // Nor where somebody decodes it once more than he should.
      expect(decodeURIComponent(segment).split(/[/\\]/)).not.toContain('..');
      expect(segment).not.toContain('%00');
    });

    it('writes no other host in front of a path', async () => {
      const { arrived } = await observe(gateway, get(`/part/x?${q}`, CLOSE));
      for (const { url, headers } of arrived) {
        expect(url).toMatch(/^\/in[^/]*\/x\?/);
        expect(headers.host).toBe('gateway.test');
      }
    });

    it('writes one text of JSON', async () => {
      const { arrived } = await observe(gateway, post(`/body?${q}`, '{"role":"user"}', JSON_TYPE, CLOSE));
      expect(JSON.parse(arrived[0]?.body.toString() ?? '')).toEqual({
        role: 'user',
        // JSON carries half a character as an escape, which a query cannot.
        copy: text.replace(/\p{Surrogate}/gu, '\ufffd'),
        claim: text,
      });
    });

    it('writes one value of a form', async () => {
      const { arrived } = await observe(gateway, post(`/body?${q}`, 'role=user', FORM_TYPE, CLOSE));
      const form = [...new URLSearchParams(arrived[0]?.body.toString())];
      const value = text.replace(/\p{Surrogate}/gu, '\ufffd');
      expect(form).toEqual([
        ['role', 'user'],
        ['copy', value],
        ['claim', value],
      ]);
    });
  });

  it('stands 100 KB in a field, a query, a path and a body', async () => {
    claims.name = 'x'.repeat(100_000);
    for (const path of ['/fields', '/query', '/claim']) {
      const { arrived } = await observe(gateway, get(path, CLOSE));
      expect(arrived).toHaveLength(1);
    }
    const { arrived } = await observe(gateway, post('/body', '{}', JSON_TYPE, CLOSE));
    expect(JSON.parse(arrived[0]?.body.toString() ?? '')).toEqual({ claim: claims.name });
  });

  const WIRE = ['%2e%2e', '..%2f..%2fadmin', '%2f%2fevil', '%5c..%5cadmin', '%00', '%0d%0aX-Evil:1', '..;x', '%252e'];

  it.each(WIRE)('takes a parameter %s to no other segment', async (id) => {
    const { arrived } = await observe(gateway, get(`/wire/${id}`, CLOSE));
    for (const { url } of arrived) {
      expect(url).toMatch(/^\/in\/[^/]+\/end$/);
      expect(decodeURIComponent(url).split('/')).not.toContain('..');
      expect(url).not.toMatch(/%00|\\|\.\./);
    }
  });

  it.each(['//evil.test/x', '/%2fevil.test', '/..%2fadmin', '/%2e%2e/admin', '/x//evil'])(
    'writes no host where all of a path %s is a parameter',
    async (rest) => {
      const { arrived } = await observe(gateway, get(`/rest${rest}`, CLOSE));
      for (const { url } of arrived) {
        expect(url).toMatch(/^\/[^/]/);
        expect(decodeURIComponent(url).split('/')).not.toContain('..');
      }
    },
  );
});

describe('fields that rules may not write', () => {
  const OF_REQUESTS = [
    'Connection',
    'Content-Length',
    'Expect',
    'Forwarded',
    'Host',
    'HTTP2-Settings',
    'Keep-Alive',
    'Proxy-Authenticate',
    'Proxy-Authorization',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Via',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
    'X-Forwarded-Proto',
    'X-Real-Ip',
    'X-Request-Id',
  ];

  function rulesFor(name: string): (RequestTransform & ResponseTransform)[] {
    return [
      { type: 'add-header', key: name, value: 'x' },
      { add: { headers: { [name]: 'x' } } },
      { replace: { headers: { [name]: 'x' } } },
      { append: { headers: { [name]: 'x' } } },
      { rename: { headers: { 'x-a': name } } },
    ];
  }

  function start(transforms: TransformOptions): void {
    createGateway({ routes: [{ path: '/', target: 'http://127.0.0.1:1', transforms }] });
  }

  it.each(OF_REQUESTS)('%s of a request is a fault at the start, with every verb', (name) => {
    for (const request of rulesFor(name))
      expect(() => start({ request }), JSON.stringify(request)).toThrow(ConfigError);
  });

  it.each(['X_Forwarded_For', 'x_real_ip', 'Transfer_Encoding', 'x_request_id'])(
    '%s, which some servers read as such a field, is one, too',
    (name) => {
      for (const request of rulesFor(name)) {
        expect(() => start({ request }), JSON.stringify(request)).toThrow(ConfigError);
      }
    },
  );

  it.each(['Connection', 'Content-Length', 'Keep-Alive', 'Trailer', 'Transfer-Encoding', 'Upgrade'])(
    '%s of an answer is one, too',
    (name) => {
      for (const response of rulesFor(name)) {
        expect(() => start({ response }), JSON.stringify(response)).toThrow(ConfigError);
      }
    },
  );
});

describe.each(MOUNTINGS)('a %s gateway whose rules touch fields', (mounting) => {
  let gateway: Front;

  beforeAll(async () => {
    gateway = await ruled(
      {
        '/rename': { request: { rename: { headers: { 'x-a': 'x-user-id' } } } },
        '/away': { request: { rename: { headers: { 'x-user-id': 'x-account' } } } },
        '/set': { request: { type: 'add-header', key: 'X-Tenant', value: 'acme' } },
        '/filled': { request: { type: 'add-header', key: 'X-Tenant', value: '{query.tenant}' } },
        '/removed': { request: { remove: { headers: ['x-debug'] } } },
      },
      { mounting },
    );
  });
  afterAll(() => gateway.close());

  async function arriving(target: string, ...fields: string[]): Promise<RawRequest> {
    const { arrived } = await observe(gateway, get(target, ...fields, CLOSE));
    expect(arrived).toHaveLength(1);
    return arrived[0] as RawRequest;
  }

  it.each(['X-User-Id', 'x_user_id', 'X-User_Id', 'X-USER-ID'])('lets no %s of the client through', async (name) => {
    for (const path of ['/rename', '/away', '/set', '/filled', '/removed']) {
      const { head, headers } = await arriving(path, `${name}: mallory`, 'X-Other: x');
      expect(head, path).not.toMatch(/mallory/);
      expect(headers['x-other']).toBe('x');
    }
  });

  it('renames to an identity field where the operator says so, and then that value is the only one', async () => {
    const { rawHeaders } = await arriving('/rename', 'X-A: from-a', 'X-User-Id: mallory', 'X_User_Id: mallory');
    const values = rawHeaders.filter(([name]) => /^x[-_]user[-_]id$/i.test(name)).map(([, value]) => value);
    expect(values).toEqual(['from-a']);
  });

  it('does not start where a rule would copy an identity that the client claims', async () => {
    const request = { add: { query: { who: '{headers.x-user-id}' } } };
    await expect(ruled({ '/read': { request } }, { mounting })).rejects.toThrow('{identity.id}');
  });

  it.each(['/set', '/filled?tenant=acme'])(
    'sends a field of its own from %s that the client nominated',
    async (path) => {
      for (const fields of [['Connection: x-tenant'], ['Connection: close, X-Tenant', 'X-Tenant: evil']]) {
        const { rawHeaders } = await arriving(path, ...fields);
        const values = rawHeaders.filter(([name]) => /^x[-_]tenant$/i.test(name)).map(([, value]) => value);
        expect(values).toEqual(['acme']);
      }
    },
  );

  it.each(['X-Tenant', 'x_tenant', 'X_TENANT'])('has no %s of the client beside its own', async (name) => {
    for (const path of ['/set', '/filled?tenant=acme']) {
      const { head } = await arriving(path, `${name}: evil`, `${name}: evil2`);
      expect(head).not.toMatch(/evil/);
    }
    const { head } = await arriving('/filled', `${name}: evil`);
    expect(head).not.toMatch(/tenant/i);
  });

  it('relays nothing of the connection behind a rule', async () => {
    const { headers } = await arriving(
      '/filled?tenant=acme',
      'TE: trailers',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic eA==',
      'Trailer: X-T',
    );
    for (const name of ['te', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'trailer'])
      expect(headers).not.toHaveProperty(name);
  });

  it.each(['X-Debug', 'x_debug'])('removes %s in every spelling', async (name) => {
    expect((await arriving('/removed', `${name}: 1`)).head).not.toMatch(/debug/i);
  });
});
