// The programs that the consumer projects run. `names` is { specifier: [exported name, ...] }.

/** Prints what each entry exports at run time. */
export function listNames(specifiers) {
  return `
    const names = {};
    for (const specifier of ${JSON.stringify(specifiers)}) names[specifier] = Object.keys(await import(specifier)).sort();
    console.log(JSON.stringify(names));
  `;
}

export function esmProgram(names) {
  return `
    import { strict as assert } from 'node:assert';
    import { once } from 'node:events';
    import { createServer } from 'node:http';
    import { createRequire } from 'node:module';
    import { gateway } from 'innergate/node';
    ${importLines(names, (name, alias) => `${name} as ${alias}`)}
    for (const value of [${aliases(names)}]) assert.notEqual(value, undefined);

    import * as whole from 'innergate';
    import { Context, GatewayError } from 'innergate/core';
    assert.equal(whole.Context, Context, 'the entries share their classes');
    const other = createRequire(import.meta.url)('innergate');
    assert.ok(other.isGatewayError(new GatewayError('ERR_GATEWAY_INTERNAL', 'x')), 'errors are known across ESM and CommonJS');
    ${serve}
    await serve();
  `;
}

export function cjsProgram(names) {
  return `
    const { strict: assert } = require('node:assert');
    const { once } = require('node:events');
    const { createServer } = require('node:http');
    const { gateway } = require('innergate/node');
    for (const [specifier, names] of Object.entries(${JSON.stringify(names)})) {
      assert.deepEqual(Object.keys(require(specifier)).sort(), names, specifier);
    }
    assert.equal(require('innergate').Context, require('innergate/core').Context, 'the entries share their classes');
    ${serve}
    serve();
  `;
}

/** The same source is compiled as .mts, as .cts and as classic CommonJS. `names` are those of the declaration files. */
export function typedProgram(names) {
  return `
    import { strict as assert } from 'node:assert';
    import { once } from 'node:events';
    import { createServer } from 'node:http';
    import type { AddressInfo } from 'node:net';
    import { gateway } from 'innergate/node';
    ${importLines(names, (name, alias) => `${name} as ${alias}`)}
    export { ${aliases(names)} };
    ${serve.replaceAll('/*: AddressInfo*/', 'as AddressInfo')}
    void serve();
  `;
}

/** A real upstream, the gateway before it, one request through both; then everything closes and the process ends. */
const serve = `
    async function serve() {
      const upstream = createServer((request, response) => {
        response.setHeader('content-type', 'text/plain').end('upstream saw ' + request.method + ' ' + request.url);
      }).listen(0, '127.0.0.1');
      await once(upstream, 'listening');
      const target = 'http://127.0.0.1:' + (upstream.address() /*: AddressInfo*/).port;

      const listener = gateway({ routes: [{ path: '/api', target }] });
      const server = createServer(listener).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const origin = 'http://127.0.0.1:' + (server.address() /*: AddressInfo*/).port;

      const answer = await fetch(origin + '/api/users/42?a=b', { headers: { connection: 'close' } });
      assert.equal(answer.status, 200);
      assert.equal(await answer.text(), 'upstream saw GET /users/42?a=b');
      const missing = await fetch(origin + '/nowhere', { headers: { connection: 'close' } });
      assert.equal(missing.status, 404);
      await missing.text();

      await listener.gateway.close();
      server.close();
      upstream.close();
    }
`;

function importLines(names, write) {
  return Object.entries(names)
    .map(
      ([specifier, list], index) =>
        `import { ${list.map((name) => written(name, index, write)).join(', ')} } from '${specifier}';`,
    )
    .join('\n    ');
}

function written(name, index, write) {
  const bare = name.replace(/^type /, '');
  return name === bare ? write(bare, `${bare}_${index}`) : `type ${write(bare, `${bare}_${index}`)}`;
}

function aliases(names) {
  return Object.values(names)
    .flatMap((list, index) => list.map((name) => `${name}_${index}`))
    .join(', ');
}
