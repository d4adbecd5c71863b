import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { afterEach, describe, test } from 'vitest';
import { loadApp, type HostedApp } from '../../../packages/core/src/http/app-shape.ts';

const started: Server[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => { server.close(resolve); });
  }
});

async function host(app: HostedApp): Promise<string> {
  const server = createServer(app.listener);
  if (app.upgrade !== undefined) server.on('upgrade', app.upgrade);
  server.listen(0, '127.0.0.1');
  started.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(exported: unknown): Promise<{ url: string; app: HostedApp; errors: unknown[] }> {
  const errors: unknown[] = [];
  const app = await loadApp(exported, { onError: (error) => errors.push(error) });
  return { url: await host(app), app, errors };
}

const echo = async (request: Request): Promise<Response> => new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);

describe('the shapes of an app', () => {
  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    let body = '';
    req.on('data', (chunk) => { body += String(chunk); }).on('end', () => { res.end(`${req.method} ${req.url} ${body}`); });
  };
  const cases: [string, HostedApp['kind'], () => unknown][] = [
    ['an object with fetch', 'fetch', () => ({ fetch: echo })],
    ['an instance whose class has fetch, with its this', 'fetch', () => new (class { #echo = echo; fetch(request: Request) { return this.#echo(request); } })()],
    ['a fetch function', 'fetch', () => echo],
    ['a Hono app', 'fetch', () => new Hono().all('*', async (c) => c.text(`${c.req.method} ${c.req.path} ${await c.req.text()}`))],
    ['a Fastify instance', 'fastify', () => {
      const app = fastify();
      app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_req, body, done) => { done(null, body); });
      app.all('*', (req, reply) => { reply.send(`${req.method} ${req.url} ${String(req.body ?? '')}`); });
      return app;
    }],
    ['a listener', 'listener', () => listener],
    ['an async listener', 'listener', () => async (req: IncomingMessage, res: ServerResponse) => { listener(req, res); }],
    ['an Express app', 'listener', () => express().use(express.text()).use((req, res) => { res.send(`${req.method} ${req.url} ${typeof req.body === 'string' ? req.body : ''}`); })],
    ['a Koa app', 'koa', () => new Koa().use(async (ctx) => {
      let body = '';
      for await (const chunk of ctx.req) body += String(chunk);
      ctx.body = `${ctx.method} ${ctx.url} ${body}`;
    })],
    ['an http.Server', 'server', () => createServer(listener)],
    ['a Nest-like app', 'listener', () => ({ getHttpAdapter: () => ({ getInstance: () => listener }), async init() { /* routes */ }, async close() { /* hooks */ } })],
    ['the namespace of a module', 'listener', () => import('../../fixtures/app-shape/listener-app.ts')],
    ['CommonJS compiled from a module', 'listener', () => ({ __esModule: true, default: listener })],
  ];
  const made = cases.flatMap(([name, kind, make]): typeof cases => [
    [name, kind, make],
    [`a factory of ${name}`, kind, () => () => make()],
    [`an async factory of ${name}`, kind, () => async () => make()],
    [`a promise of ${name}`, kind, async () => make()],
  ]).filter(([name]) => !/(factory|promise) of (the namespace|CommonJS)/.test(name));
  test.each(made)('%s', async (name, kind, make) => {
    const { url, app, errors } = await serve(name === 'the namespace of a module' ? await make() : make());
    assert.equal(app.kind, kind);
    assert.equal(await (await fetch(`${url}/a`)).text(), 'GET /a ');
    assert.equal(await (await fetch(`${url}/b`, { method: 'POST', body: 'body', headers: { 'content-type': 'text/plain' } })).text(), 'POST /b body');
    assert.deepEqual(errors, []);
    await app.close();
  });

  test('new Request(request) works in a fetch app', async () => {
    const { url } = await serve({ fetch: (request: Request) => echo(new Request(request)) });
    assert.equal(await (await fetch(`${url}/copy`, { method: 'PUT', body: 'x' })).text(), 'PUT /copy x');
  });

  test('no signal handlers are installed', async () => {
    const before = ['SIGTERM', 'SIGINT'].map((signal) => process.listenerCount(signal));
    await serve({ fetch: echo });
    assert.deepEqual(['SIGTERM', 'SIGINT'].map((signal) => process.listenerCount(signal)), before);
  });
});

describe('close', () => {
  test('ends a Fastify instance by its hooks', async () => {
    const app = fastify();
    let closed = false;
    app.addHook('onClose', async () => { closed = true; });
    const hosted = await loadApp(app);
    await hosted.close();
    assert.equal(closed, true);
  });

  test('ends a Nest app, and a server that listens by itself', async () => {
    const ended: string[] = [];
    const nest = await loadApp({ getHttpAdapter: () => ({ getInstance: () => express() }), async init() { ended.push('init'); }, async close() { ended.push('closed'); } });
    await nest.close();
    assert.deepEqual(ended, ['init', 'closed']);
    const server = createServer((_req, res) => { res.end(); }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const hosted = await loadApp(server);
    await hosted.close();
    assert.equal(server.listening, false);
    await hosted.close();
  });
});

describe('upgrades', () => {
  const answer = (_req: unknown, socket: Socket, head: Buffer): void => { socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\nhead ${head.length}`); };
  async function upgrade(url: string): Promise<string> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nabc');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text;
  }

  test('reach the upgrade listeners of a Fastify instance and of an http.Server', async () => {
    const app = fastify();
    app.server.on('upgrade', answer);
    const server = createServer((_req, res) => { res.end(); }).on('upgrade', answer);
    for (const one of [app, server]) assert.match(await upgrade((await serve(one)).url), /101[^]*head 3$/);
  });

  test('are absent where nobody listens for them', async () => {
    for (const one of [fastify(), createServer((_req, res) => { res.end(); }), { fetch: echo }, express()]) assert.equal((await loadApp(one)).upgrade, undefined);
  });

  test('that throw cost their socket, not the process', async () => {
    const listeners = [(): void => { throw new Error('no upgrade'); }, async (): Promise<void> => { throw new Error('no upgrade'); }];
    for (const listener of listeners) {
      const { url, errors } = await serve(createServer((_req, res) => { res.end(); }).on('upgrade', listener));
      assert.equal(await upgrade(url), '');
      assert.match(String(errors[0]), /no upgrade/);
    }
  });
});

describe('errors of an app', () => {
  const fail = (): never => { throw new Error('broken'); };
  test.each([
    ['a listener that throws', (_req: IncomingMessage, res: ServerResponse) => { res.setHeader('set-cookie', 'a=b'); fail(); }],
    ['a listener that rejects', async (_req: IncomingMessage, _res: ServerResponse) => { await Promise.resolve(); fail(); }],
    ['a listener that rejects with nothing', async (_req: IncomingMessage, _res: ServerResponse) => { throw undefined; }],
    ['a server with a listener that rejects', createServer(async () => { await Promise.resolve(); fail(); })],
    ['a fetch handler that throws', { fetch: () => fail() }],
    ['a fetch handler that rejects', { fetch: async () => fail() }],
    ['a fetch handler that returns no Response', { fetch: () => 'text' }],
    ['a fetch handler that returns a promise of nothing', { fetch: async () => undefined }],
  ])('%s answers 500, is reported once, and the server lives', async (_name, exported) => {
    const { url, errors } = await serve(exported);
    for (const path of ['/', '/again']) {
      const response = await fetch(url + path);
      assert.equal(response.status, 500);
      assert.equal(response.headers.get('set-cookie'), null);
      assert.equal(await response.text(), 'Internal Server Error\n');
    }
    assert.equal(errors.length, 2);
  });

  test('after the header has gone the connection is cut, and the answers before it arrive', async () => {
    const { url, errors } = await serve((req: IncomingMessage, res: ServerResponse) => {
      if (req.url === '/slow') return void setTimeout(() => { res.end('slow'); }, 20);
      res.writeHead(200, { 'content-length': 10 });
      res.write('half');
      fail();
    });
    await assert.rejects(async () => (await fetch(url)).text());
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => { /* cut */ });
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n');
    let text = '';
    socket.on('data', (chunk) => { text += String(chunk); });
    await new Promise((resolve) => { socket.on('close', resolve); });
    assert.match(text, /slow/);
    assert.equal(errors.length, 2);
  });

  test('an error after the answer is reported only', async () => {
    const { url, errors } = await serve((_req: IncomingMessage, res: ServerResponse) => {
      res.end('done');
      fail();
    });
    assert.equal(await (await fetch(url)).text(), 'done');
    assert.equal(errors.length, 1);
  });

  test('without a callback they become a process warning', async () => {
    const url = await host(await loadApp((_req: IncomingMessage, _res: ServerResponse) => fail()));
    const { emitWarning } = process;
    const warnings: unknown[][] = [];
    process.emitWarning = (...args: unknown[]) => { warnings.push(args); };
    try {
      await fetch(`${url}/path`);
    } finally {
      process.emitWarning = emitWarning;
    }
    assert.equal(warnings.length, 1);
    assert.equal(warnings[0]![0], 'GET /path failed: broken');
    assert.equal((warnings[0]![1] as { type: string }).type, 'CapriccioRequestError');
  });

  test('errors of its start pass through', async () => {
    await assert.rejects(loadApp(() => fail()), /broken/);
    const app = fastify();
    app.register(async () => fail());
    await assert.rejects(loadApp(app), /broken/);
  });
});

describe('what is not an app', () => {
  class App { fetch(): Response { return new Response(); } }
  test.each([
    ['undefined', undefined, /default export is undefined; is `export default` missing/],
    ['null', null, /default export is null/],
    ['a module without default', () => import('../../fixtures/app-shape/no-default.ts'), /no default export \(it exports handler, port\)/],
    ['a string', 'app', /a string \(app\)/],
    ['a number', 3000, /a number \(3000\)/],
    ['an object', { port: 3000, routes: [] }, /an object of class Object with the keys port, routes/],
    ['an array', [() => 1], /an array with the keys 0/],
    ['a class', App, /the class App, not an instance of it/],
    ['a generator', function* generator() { yield 1; }, /a factory that returned an object of class Generator without keys/],
    ['a factory of nothing', () => undefined, /a factory that returned undefined/],
    ['a factory of a factory', () => () => (_req: unknown, _res: unknown) => undefined, /a factory that returned a function of 0 parameters/],
    ['a promise of a number', Promise.resolve(7), /a promise of a number \(7\)/],
    ['a server without listener', createServer(), /a server without a request listener/],
  ])('%s', async (name, exported, message) => {
    const value = name.startsWith('a module') ? await (exported as () => Promise<unknown>)() : exported;
    await assert.rejects(loadApp(value), (error: Error & { code: string }) => {
      assert.equal(error.code, 'CAP_ERR_MODULE');
      assert.match(error.message, message);
      assert.match(error.message, /Accepted: an object with a fetch\(request\) method/);
      return true;
    });
  });
});
