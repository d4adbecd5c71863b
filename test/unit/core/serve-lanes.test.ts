/** Requests that are handed over to a back lane: what the client sees is what the front would have sent, byte for byte, whatever becomes of either end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import { createPool, type Pool, type PoolServer } from 'capriccio';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { fixture, soon, until } from './rig.ts';
import { app, ask, ended, quiet, received, socketTo } from './serve-rig.ts';

/** Where a request ran must not depend on what else this machine does. */
const calm = { ...quiet, [Symbol.for('capriccio.without')]: ['hunger'] };
const lanesApp = fixture('lanes/app.ts');
const everything = (lane: 'front' | 'back') => ({ port: 0, routes: { '/*': { lane } } });

let front: Pool;
let back: Pool;
beforeAll(async () => { [front, back] = await Promise.all([createPool({ cores: 1, ...calm }), createPool({ cores: 1, ...calm })]); });
afterAll(async () => {
  for (const ended of await Promise.allSettled([front, back].map((pool) => pool.close({ graceMs: 0 })))) {
    if (ended.status === 'rejected' && (ended.reason as { code?: unknown }).code !== 'CAP_ERR_TIMEOUT') throw ended.reason;   // a busy machine may take longer than close waits
  }
});

/** The same app twice: in front, and on back lanes. */
async function both(url: URL): Promise<[PoolServer, PoolServer]> {
  const servers = await Promise.all([front.serve(url, everything('front')), back.serve(url, everything('back'))]);
  onTestFinished(async () => { await Promise.all(servers.map((server) => server.close({ graceMs: 0 }))); });
  return servers as [PoolServer, PoolServer];
}
async function backServer(options = {}): Promise<PoolServer> {
  const server = await back.serve(lanesApp, { ...everything('back'), ...options });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  return server;
}

/** All that comes for bytes that are sent in pieces, until the server closes. */
async function exchange({ port }: PoolServer, pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => { text += chunk; }).on('error', () => { /* the bytes that came count */ });
  const closed = ended(socket);
  for (const [k, piece] of pieces.entries()) {
    if (k > 0) await delay(2);
    if (!socket.destroyed) socket.write(piece);
  }
  await soon(closed, 'the end of the connection');
  return text.replaceAll(/^Date: .*$/gm, 'Date: then');
}
const close = 'Connection: close\r\n';
const get = (path: string, headers = close, method = 'GET'): string => `${method} ${path} HTTP/1.1\r\nHost: here\r\n${headers}\r\n`;
const post = (path: string, body: string, headers = close): string => `POST ${path} HTTP/1.1\r\nHost: here\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const chunked = (path: string, chunks: readonly string[], trailers = ''): string[] => [`POST ${path} HTTP/1.1\r\nHost: here\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n${close}\r\n`, ...chunks.map(chunk), `0\r\n${trailers}\r\n`];

async function same(servers: readonly [PoolServer, PoolServer], pieces: readonly (string | Buffer)[]): Promise<string> {
  const [inFront, inBack] = await Promise.all(servers.map((server) => exchange(server, pieces)));
  assert.equal(inBack, inFront);
  return inBack as string;
}

describe('byte for byte as in front', () => {
  test.each(['fetch-app.ts', 'hono-app.ts', 'express-app.ts', 'fastify-app.ts', 'koa-app.ts', 'factory.ts', 'paths.ts', 'listener.ts'])('%s', async (name) => {
    const servers = await both(app(name));
    for (const text of [get('/'), get('/nothing/here'), get('/', close, 'HEAD'), get('/', close, 'OPTIONS'), get('/nested'), get('/throws'), post('/echo', 'grüße'), post('/echo', ''), post('/echo', 'x'.repeat(70_000)), 'GET / HTTP/1.0\r\n\r\n']) {
      assert.match(await same(servers, [text]), /^HTTP\/1\.1 [1-5]\d\d /);
    }
    await same(servers, chunked('/echo', ['one', 'two', 'three'], 'X-Trailer: 1\r\n'));
    await same(servers, [post('/echo', 'continued', `Expect: 100-continue\r\n${close}`)]);
    assert.ok(back.stats().lanes.back > 0);
  }, 30_000);

  test('answers of every kind', async () => {
    const servers = await both(lanesApp);
    for (const path of ['/early', '/trailers', '/cut', '/cut-at-once', '/lines?ms=2', '/raw', '/name', '/answers-early']) await same(servers, [get(path)]);
    const paths = await both(app('paths.ts'));
    for (const path of ['/big?blocks=60', '/throws-half', '/throws-late', '/sse', '/headers']) await same(paths, [get(path, `Cookie: a=1\r\nX-Twice: 1\r\nX-Twice: 2\r\n${close}`)]);
  }, 30_000);

  test('pipelined answers keep their order, whoever is ready first', async () => {
    const servers = await both(app('paths.ts'));
    const keep = 'Connection: keep-alive\r\n';
    const text = await same(servers, [get('/wait?ms=30', keep) + get('/', keep) + post('/echo', 'third', keep) + get('/wait?ms=5', keep) + get('/')]);
    assert.deepEqual([...text.matchAll(/waited|hello|third/g)].map(([word]) => word), ['waited', 'hello', 'third', 'waited', 'hello']);
  });

  test('connections that are kept alive serve one request after the other', async () => {
    const servers = await both(app('paths.ts'));
    for (const server of servers) {
      const socket = await socketTo(server);
      for (let k = 0; k < 20; k++) {
        const answer = received(socket, (text) => text.endsWith(`${k}!`));
        socket.write(post('/echo', `${k}!`, 'Connection: keep-alive\r\n'));
        assert.match(await answer, /Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n/);
        socket.removeAllListeners('data');
      }
    }
  });

  test('any request', async () => {
    const servers = await both(app('paths.ts'));
    const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/).filter((name) => !/^(?:connection|content-length|transfer-encoding|host|expect|upgrade|te|trailer|keep-alive|accept|proxy-connection)$/i.test(name));
    const value = fc.stringMatching(/^[!-~\u00A1-\u00FF]([ -~\u00A1-\u00FF]{0,20}[!-~\u00A1-\u00FF])?$/);
    const headers = fc.array(fc.tuple(token, value), { maxLength: 6 });
    const path = fc.constantFrom('/', '/echo', '/headers', '/count', '/name', '/a/b?c=d', '/%F0%9F%98%80');
    const body = fc.array(fc.string({ maxLength: 400 }), { maxLength: 4 });
    await fc.assert(fc.asyncProperty(fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH'), path, headers, body, fc.boolean(), async (method, target, given, chunks, isChunked) => {
      const lines = given.map(([name, text]) => `${name}: ${text}\r\n`).join('');
      const bytes = chunks.join('');
      const framing = method === 'GET' || method === 'HEAD' ? '' : isChunked ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${Buffer.byteLength(bytes)}\r\n`;
      const head = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: here\r\n${lines}${framing}${close}\r\n`, 'latin1');
      const rest = framing === '' ? [] : isChunked ? [...chunks.filter((text) => text !== '').map(chunk), '0\r\n\r\n'] : [bytes];
      await same(servers, [head, ...rest.filter((text) => text !== '')]);
    }), { numRuns: 40 });
  }, 60_000);
});

describe('bodies', () => {
  test('a large upload arrives whole, in pieces, and a slow reader holds its client back', async () => {
    const [, server] = await both(lanesApp);
    const body = Buffer.alloc(6 * 2 ** 20, 'abcdefghij');
    const { length, sum } = JSON.parse((await ask(`${server.url}/count`, { method: 'POST', body })).text) as { length: number; sum: number };
    let expected = 0;
    for (const byte of body) expected = (expected + byte) % 65_521;
    assert.deepEqual({ length, sum }, { length: body.length, sum: expected });
    assert.equal((await ask(`${server.url}/slow-reader`, { method: 'POST', body: body.subarray(0, 2 ** 20) })).text, String(2 ** 20));
  }, 20_000);
  test('trailers of a request that is sent in chunks', async () => {
    const text = await same(await both(lanesApp), chunked('/count', ['a'.repeat(100), 'b'.repeat(70_000), 'c'], 'X-Sum: 7\r\n'));
    assert.match(text, /"length":70101,.*"x-sum":"7"/);
  });
  test('more than may be gets 413, declared or not', async () => {
    const limited = { limits: { bodyBytes: 1000 } };
    const server = await backServer(limited);
    assert.equal((await ask(`${server.url}/count`, { method: 'POST', body: 'x'.repeat(1001) })).status, 413);
    assert.match(await exchange(server, chunked('/count', ['x'.repeat(600), 'x'.repeat(600)])), /^HTTP\/1\.1 413 /);
    assert.equal((await ask(`${server.url}/count`, { method: 'POST', body: 'x'.repeat(1000) })).status, 200);
  });
  test('a client that leaves in the middle of its upload ends its handler', async () => {
    const server = await backServer();
    const socket = await socketTo(server);
    socket.write(`POST /count HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(200_000)}`);
    await delay(50);
    socket.destroy();
    await until(async () => (await ask(`${server.url}/where`)).status === 200, 'the next answer');
  });
});

const notesOf = (pool: Pool) => pool.module<typeof import('../../fixtures/core/serve/notes.ts')>(app('notes.ts'));
const noted = async (pool: Pool, name: string): Promise<number> => (await notesOf(pool).read.with({ affinity: 'notes' })())[name] ?? 0;

describe('the two ends', () => {
  test('a client that leaves cancels the thread on the back lane', async () => {
    const server = await backServer();
    const before = await noted(back, 'aborted');
    const socket = await socketTo(server);
    socket.write(get('/hangs'));
    await until(async () => await noted(back, 'began') > before, 'the begin');
    socket.destroy();
    await until(async () => await noted(back, 'aborted') === before + 1 && await noted(back, 'cleaned') === before + 1, 'the cancellation');
  });
  test('and the source of an endless answer, which is held back before', async () => {
    const server = await backServer();
    const socket = await socketTo(server);
    socket.write(get('/endless'));
    await once(socket, 'readable');
    await delay(100);
    socket.destroy();
    await until(async () => await noted(back, 'endless closed') > 0, 'the end of the answer');
  });
  test('addresses, version and class of the socket are as in front', async () => {
    const servers = await both(lanesApp);
    const [a, b] = await Promise.all(servers.map(async ({ url }) => JSON.parse((await ask(`${url}/socket`)).text) as unknown[]));
    const port = servers.map(({ port: own }) => own);
    assert.deepEqual(a?.with(3, 0), b?.with(3, 0));                       // but for the port
    assert.equal(a?.[0], true);
    assert.deepEqual([a?.[3], b?.[3]], port);
  });
  test('a handler that reads its socket itself is not moved again, and somebody is told, once', async () => {
    const pool = await createPool({ cores: 1, ...calm });
    onTestFinished(() => pool.close({ graceMs: 0 }));
    const warnings: string[] = [];
    pool.on('warning', ({ message }) => { warnings.push(message); });
    const server = await pool.serve(lanesApp, everything('back'));
    await ask(`${server.url}/where`);
    for (let k = 0; k < 3; k++) assert.equal((await ask(`${server.url}/reads-socket`)).text, 'reads');
    await until(() => pool.stats().lanes.roots.some(({ name }) => name === 'GET /reads-socket'), 'the verdict');
    await server.close();
  });
  test('its lane dies: 502, and the next is served', async () => {
    const pool = await createPool({ cores: 1, ...calm });
    onTestFinished(() => pool.close({ graceMs: 0 }));
    const server = await pool.serve(lanesApp, { ...everything('back'), deadlineMs: 20_000 });
    assert.equal((await ask(`${server.url}/where`)).status, 200);
    const [died, ...others] = await Promise.all([ask(`${server.url}/exit`), ...Array.from({ length: 10 }, () => ask(`${server.url}/where`))]);
    assert.equal(died.status, 502);
    assert.equal(died.text, 'The worker that ran the request has died.\n');
    for (const { status } of others) assert.ok(status === 200 || status === 502);
    assert.equal((await ask(`${server.url}/where`)).status, 200);
    await server.close();
  });
  test('an app that does not load a second time is served in front, and somebody is told', async () => {
    const pool = await createPool({ cores: 1, ...calm });
    onTestFinished(() => pool.close({ graceMs: 0 }));
    const warnings: string[] = [];
    pool.on('warning', ({ message }) => { warnings.push(message); });
    const server = await pool.serve(fixture('lanes/loads-once.ts'), everything('back'));
    await until(async () => (await ask(`${server.url}/`)).text === 'front', 'an answer');
    for (let k = 0; k < 5; k++) assert.equal((await ask(`${server.url}/`)).text, 'front');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] as string, /no back lane .*does not load there: Error: only once/);
    await server.close();
  });
  test('a deadline that passes before it begins is 503', async () => {
    const pool = await createPool({ cores: 1, ...calm });
    onTestFinished(() => pool.close({ graceMs: 0 }));
    const server = await pool.serve(lanesApp, { port: 0, routes: { '/*': { lane: 'back', deadlineMs: 200 } } });
    await until(async () => (await ask(`${server.url}/where`)).status === 200, 'the lane');
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(`${server.url}/burn?ms=100`)));
    assert.ok(answers.some(({ status, headers }) => status === 503 && headers['retry-after'] !== undefined));
    assert.ok(answers.some(({ status }) => status === 200));
    assert.ok(answers.every(({ status }) => status === 200 || status === 503));
    await server.close();
  });
  test('a server that closes lets what was handed over end, and its connection close', async () => {
    const server = await back.serve(lanesApp, everything('back'));
    await ask(`${server.url}/where`);
    const socket = await socketTo(server);
    const answer = received(socket, (text) => text.includes('line 4'));
    socket.write(get('/lines?ms=20', 'Connection: keep-alive\r\n'));
    await delay(30);
    const closed = server.close();
    assert.match(await answer, /line 4/);
    await soon(ended(socket), 'the end of the connection');
    await soon(closed, 'the server');
  });
});

test('an answer that ends after its last bytes have left keeps its connection', async () => {
  const server = await backServer();
  const socket = await socketTo(server);
  for (let k = 0; k < 3; k++) {
    socket.write('GET /ends-late HTTP/1.1\r\nhost: x\r\n\r\n');
    const text = await received(socket, (soFar) => soFar.endsWith('late'));
    assert.match(text, /^HTTP\/1\.1 200 /);
    await delay(60);                                                     // its end has come from the lane
    assert.equal(socket.destroyed || socket.readableEnded, false);
  }
  socket.destroy();
});

test('many at once are answered, however long each of them takes among the others', async () => {
  const server = await backServer({ deadlineMs: 10_000 });
  for (let k = 0; k < 40; k++) await ask(`${server.url}/burn?ms=1`);
  const wave = await Promise.all(Array.from({ length: 30 }, () => ask(`${server.url}/lines?ms=5`)));   // 25 ms each, all of them at one time
  assert.deepEqual(wave.map(({ status }) => status), Array.from({ length: 30 }, () => 200));
  const again = await Promise.all(Array.from({ length: 30 }, () => ask(`${server.url}/lines?ms=5`)));
  assert.deepEqual(again.map(({ status }) => status), Array.from({ length: 30 }, () => 200));
});

test('a route whose requests wait in great numbers keeps no other from the lane', async () => {
  const others = ['/where', '/light', '/name', '/requests', '/early', '/trailers', '/raw', '/missing'];
  const server = await back.serve(lanesApp, { port: 0, deadlineMs: 60_000, routes: Object.fromEntries(['/burn', ...others].map((path) => [path, { lane: 'back' as const }])) });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  const order: string[] = [];
  const many = Array.from({ length: 60 }, () => ask(`${server.url}/burn?ms=10`).then(() => { order.push('many'); }));
  await until(() => order.length > 0, 'the first');
  await Promise.all(others.map((path) => ask(server.url + path).then(() => { order.push('other'); })));
  await Promise.all(many);
  assert.ok(order.lastIndexOf('other') < 40, `the last after ${order.lastIndexOf('other')} of ${order.length}`);
});

test('routes share the lanes by processor time, not by requests', async () => {
  const server = await back.serve(lanesApp, { port: 0, deadlineMs: 60_000, routes: { '/burn': { lane: 'back' }, '/burn-late': { lane: 'back' } } });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  const late = (ms: number) => ask(`${server.url}/burn-late?ms=${ms}`, { method: 'POST', body: 'x' });
  for (let k = 0; k < 4; k++) await Promise.all([ask(`${server.url}/burn?ms=1`), late(20)]);
  const order: string[] = [];
  await Promise.all([
    ...Array.from({ length: 40 }, () => late(20).then(() => { order.push('long'); })),
    ...Array.from({ length: 40 }, () => ask(`${server.url}/burn?ms=1`).then(() => { order.push('short'); })),
  ]);
  const before = order.slice(0, order.lastIndexOf('short')).filter((one) => one === 'long').length;
  assert.ok(before <= 10, `${before} of 40 long ones were answered before the last short one, where 2 or 3 take as long as all the short ones`);
}, 30_000);

test.each([['at once', '/burn'], ['after its body, in compiled code', '/burn-late'], ['after a file, in code that is not compiled', '/burn-in-closure'], ['between two files there', '/burn-between']])('what a lane computes %s is counted as its route\'s', async (_, path) => {
  const server = await backServer();
  const usedMs = (): number => back.graph().roots.reduce((sum, root) => sum + (root.name.endsWith(path) ? root.usedMs : 0), 0);
  const before = usedMs();
  for (let k = 0; k < 10; k++) assert.equal((await ask(`${server.url}${path}?ms=10`, { method: 'POST', body: 'x' })).status, 200);
  await until(() => usedMs() - before >= 100, `${path}: ${(usedMs() - before).toFixed(1)} of 100 ms`, 3000);
});

test('without lanes too, what is computed after a wait is counted as its route\'s', async () => {
  const pool = await createPool({ cores: 1, lanes: 'off', ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await pool.serve(lanesApp, { port: 0 });
  for (let k = 0; k < 20; k++) assert.equal((await ask(`${server.url}/burn-late?ms=10`, { method: 'POST', body: 'x' })).status, 200);
  const usedMs = (): number => pool.graph().roots.reduce((sum, root) => sum + (root.name.endsWith('/burn-late') ? root.usedMs : 0), 0);
  await until(() => usedMs() >= 170, '200 ms, but for what took long before anybody knew', 3000);
  await server.close();
});
