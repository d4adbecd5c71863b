/** Servers of a pool, from outside: every shape of app, placed and reusePort, threads of requests, clients that leave, workers that die. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool, type PoolServer } from 'capriccio';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { poolFor, rejection, soon, until } from './rig.ts';
import { PATIENCE_MS, app, ask, isRefused, quiet, received, serverFor, socketTo, type Answer } from './serve-rig.ts';

let pool: Pool;
let server: PoolServer;
const lost: string[] = [];
beforeAll(async () => {
  pool = await createPool({ cores: 2, ...quiet });
  pool.on('lost', ({ reason }) => { lost.push(reason); });
  server = await pool.serve(app('paths.ts'), { port: 0, deadlineMs: PATIENCE_MS });
});
afterAll(async () => {
  assert.deepEqual(lost, []);
  await pool.close({ graceMs: 0 });
});

describe('an app may be', () => {
  test.each([
    ['an object with fetch', 'fetch-app.ts', 'fetch', 'Internal Server Error\n'], ['a Hono app', 'hono-app.ts', 'hono', 'hono says sorry'], ['a Fastify instance', 'fastify-app.ts', 'fastify', /thrown by a handler/],
    ['an Express app', 'express-app.ts', 'express', 'express says sorry'], ['a Koa app', 'koa-app.ts', 'koa', 'Internal Server Error'], ['a factory', 'factory.ts', 'fetch', 'Internal Server Error\n'],
  ])('%s', async (_, name, greeting, sorry) => {
    const own = await serverFor(pool, name);
    const many = await Promise.all(Array.from({ length: 10 }, () => ask(`${own.url}/`)));
    for (const { status, text } of many) { assert.equal(status, 200); assert.equal(text, greeting); }
    const echo = await ask(`${own.url}/echo`, { method: 'POST', body: 'grüße', headers: { 'content-type': 'text/plain' } });
    assert.deepEqual([echo.status, echo.text, echo.headers['x-method']], [200, 'grüße', 'POST']);
    assert.equal((await ask(`${own.url}/nested`)).text, '42');
    const failed = await ask(`${own.url}/throws`);
    assert.equal(failed.status, 500);
    if (typeof sorry === 'string') assert.equal(failed.text, sorry);
    else assert.match(failed.text, sorry);
    assert.equal((await ask(`${own.url}/`)).text, greeting);
  });
  test('a (req, res) listener', async () => { assert.equal((await ask(server.url)).text, 'hello'); });
  test('an http.Server', async () => { assert.equal((await ask((await serverFor(pool, 'upgrades.ts')).url)).text, 'plain'); });
  test('a fetch app that streams', async () => { assert.equal((await ask(`${(await serverFor(pool, 'fetch-app.ts')).url}/stream`)).text, 'part 0\npart 1\npart 2\n'); });
});

describe('what cannot be served is refused', () => {
  test.each([['not-there.ts', /not-there\.ts/], ['no-default.ts', /default export.*named/], ['a-class.ts', /class App/], ['notes.ts', /default export/]])('%s', async (name, says) => {
    const error = await rejection(pool.serve(app(name), { port: 0 }));
    assert.equal(error.code, 'CAP_ERR_MODULE');
    assert.match(error.message, says);
  });
  test('an app that throws while it loads: with its own error', async () => {
    const error = await rejection(pool.serve(app('throws-at-load.ts'), { port: 0 }));
    assert.equal(error.message, 'no database');
    assert.equal(error.code, 'E_DATABASE');
  });
  test.each([['at once', 'port 4790'], ['by options', 'port 4790'], ['on a path', '/tmp/capriccio-listens.sock']])('an app that listens itself, %s, and no worker dies of it', async (how, place) => {
    const before = pool.stats().lost;
    const error = await rejection(pool.serve(new URL(`?how=${encodeURIComponent(how)}`, app('listens.ts')), { port: 0 }));
    assert.equal(error.code, 'CAP_ERR_MODULE');
    assert.ok(error.message.includes(`the app listens itself, on ${place}: every worker loads it, and the pool listens for all of them.`), error.message);
    assert.equal(pool.stats().lost, before);
  });
  test('but not one that takes a free port beside', async () => {
    const served = await pool.serve(new URL('?how=on+a+free+port', app('listens.ts')), { port: 0 });
    assert.equal((await ask(served.url)).text, 'answered');
    await served.close();
  });

  test('an app that exits while it loads', async () => {
    const own = await poolFor({ cores: 1, ...quiet });
    assert.equal((await rejection(own.serve(app('exits-at-load.ts'), { port: 0 }))).code, 'CAP_ERR_WORKER_LOST');
    await until(() => own.health().status === 'ok', 'a pool that is whole');
    assert.equal((await ask((await serverFor(own, 'listener.ts')).url)).text, 'hello');
  });
  test.each(['placed', 'reusePort'] as const)('a port that is in use (%s), by its number', async (accept) => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => { other.close(); });
    const { port } = other.address() as AddressInfo;
    const error = await rejection(pool.serve(app('listener.ts'), { port, accept }));
    assert.equal(error.code, 'CAP_ERR_OPTION');
    assert.match(error.message, new RegExp(`${port}.*in use`));
    assert.equal((await ask((await serverFor(pool, 'listener.ts')).url)).text, 'hello');
  });
  test('a host that is not of this machine', async () => {
    assert.equal((await rejection(pool.serve(app('listener.ts'), { port: 0, host: '203.0.113.7' }))).code, 'CAP_ERR_OPTION');
  });
});

test('port 0 is a free port; url and port say which', async () => {
  const other = await serverFor(pool, 'listener.ts');
  assert.ok(other.port > 0 && other.port !== server.port);
  assert.equal(other.url, `http://127.0.0.1:${other.port}`);
  assert.equal((await ask(other.url)).text, 'hello');
  assert.equal((await ask(`${server.url}/nowhere`)).status, 404);
});

describe.each(['placed', 'reusePort'] as const)('%s', (accept) => {
  test('connections go to all workers', async () => {
    const own = await serverFor(pool, 'paths.ts', { accept });
    const seen = new Set<string>();
    for (let k = 0; k < 60 && seen.size < 2; k++) for (const { text } of await Promise.all(Array.from({ length: 8 }, () => ask(`${own.url}/where`)))) seen.add(text);
    assert.equal(seen.size, 2);
  });
  test('requests of one connection stay on one worker', async () => {
    const own = await serverFor(pool, 'paths.ts', { accept });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => { agent.destroy(); });
    const answers: Answer[] = [];
    for (let k = 0; k < 5; k++) answers.push(await ask(`${own.url}/where`, { agent }));
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    assert.equal(answers[0]!.headers.connection, 'keep-alive');
  });
  test('a worker that dies is replaced, and serves again', async () => {
    const other = await poolFor({ cores: 2, ...quiet });
    const own = await serverFor(other, 'paths.ts', { accept });
    for (let k = 0; k < 2; k++) {
      await rejection(ask(`${own.url}/exit`));
      await until(() => other.stats().lost === k + 1 && other.health().status === 'ok', 'a pool that is whole');
    }
    const ids = new Set<string>();
    await until(async () => {
      for (const answer of await Promise.allSettled(Array.from({ length: 8 }, () => ask(`${own.url}/where`)))) if (answer.status === 'fulfilled') ids.add(answer.value.text);
      return ids.size >= 2;
    }, 'both workers serving');
    await rejection(ask(`${own.url}/throws-from-timer`));
    await until(() => other.stats().lost === 3 && other.health().status === 'ok', 'a pool that is whole');
    await until(async () => (await ask(own.url).catch(() => undefined))?.status === 200, 'an answer');
  });
  test('many requests at once, each with its own answer', async () => {
    const own = await serverFor(pool, 'paths.ts', { accept });
    const answers = await Promise.all(Array.from({ length: 200 }, (_, k) => ask(`${own.url}/echo`, { method: 'POST', body: `body ${k}` })));
    answers.forEach(({ text }, k) => { assert.equal(text, `body ${k}`); });
  });
  test('closes', async () => {
    const own = await (pool.serve(app('paths.ts'), { port: 0, accept }));
    assert.equal((await ask(own.url)).text, 'hello');
    await own.close();
    await isRefused(own);
  });
});

test('one stalled worker holds up none of 40 new connections', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-stall-'));
  onTestFinished(() => { rmSync(folder, { recursive: true }); });
  const end = join(folder, 'end');
  const stall = await socketTo(server);
  stall.write(`GET /burn-until?file=${encodeURIComponent(end)} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const ended = received(stall, (text) => text.includes('burnt'));
  await soon(once(stall, 'data'), 'the headers');
  await delay(50);                                                     // one that has been in a turn for less is no stalled one yet
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(server.url)));   // none would come from a worker that stalls until it is told
  assert.deepEqual(answers.map(({ text }) => text), Array.from({ length: 40 }, () => 'hello'));
  writeFileSync(end, '');
  assert.match(await ended, /burnt/);
});

describe('requests are threads', () => {
  test('with a name, and calls into the pool', async () => {
    const own = await serverFor(pool, 'paths.ts', { routes: { 'GET /name': { tickets: 2 } } });
    assert.match((await ask(`${own.url}/name`)).text, /GET \/name/);
    assert.equal((await ask(`${own.url}/nested`)).text, '42');
    assert.deepEqual(JSON.parse((await ask(`${own.url}/nested-many`)).text), Array.from({ length: 20 }, (_, k) => k * 2));
  });
  test('a handler that throws answers 500, later too; its worker goes on', async () => {
    const { port } = server;
    for (const path of ['/throws', '/throws-late']) {
      const { status, text } = await ask(`http://127.0.0.1:${port}${path}`);
      assert.deepEqual([status, text], [500, 'Internal Server Error\n']);
    }
    const half = await rejection(ask(`${server.url}/throws-half`));
    assert.equal(half.code, 'ECONNRESET');
    assert.equal((await ask(server.url)).text, 'hello');
  });
  test('a request that cannot begin before its deadline is refused with 503 and Retry-After; one that has begun goes on', async () => {
    const own = await serverFor(pool, 'paths.ts', { deadlineMs: 100 });
    const socket = await socketTo(own);
    const count = 12;
    socket.write('GET /burn?ms=60 HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(count));
    const text = await received(socket, (all) => (all.match(/HTTP\/1/g) ?? []).length === count && /\n$|burnt$/.test(all));
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.equal(statuses.length, count);
    assert.equal(statuses[0], '200');
    assert.equal(statuses.at(-1), '503');
    assert.match(text, /retry-after: \d+/i);
    assert.equal((await ask(`${own.url}/wait?ms=300`)).text, 'waited');
  });
  test('onDeadline cancel stops one that has begun', async () => {
    const own = await serverFor(pool, 'paths.ts', { routes: { 'GET /hangs': { deadlineMs: 100, onDeadline: 'cancel' } } });
    assert.equal((await ask(`${own.url}/hangs`)).status, 503);
    await until(async () => (await notesOf(pool))['aborted CAP_ERR_DEADLINE'] === 1, 'the cancellation');
  });
});

const notesOf = (of: Pool): Promise<Record<string, number>> => of.module<typeof import('../../fixtures/core/serve/notes.ts')>(app('notes.ts')).read.with({ affinity: 'notes' })();

describe('a client that leaves', () => {
  test('cancels the thread of its request: its wait ends, its signal aborts, its clean-up runs', async () => {
    const other = await poolFor({ cores: 2, ...quiet });
    const own = await serverFor(other, 'paths.ts');
    const socket = await socketTo(own);
    socket.write('GET /hangs HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(async () => (await notesOf(other))['began'] === 1, 'the request having begun');
    socket.destroy();
    await until(async () => (await notesOf(other))['cleaned'] === 1, 'the clean-up');
    assert.equal((await notesOf(other))['aborted CAP_ERR_CANCELLED'], 1);
    assert.equal((await ask(own.url)).text, 'hello');
    await until(() => other.stats().workers.every(({ threads, connections }) => threads === 0 && connections === 0), 'nothing being left');
  });
  test('cancels what it has called, on other cores too', async () => {
    const other = await poolFor({ cores: 2, ...quiet });
    const own = await serverFor(other, 'paths.ts');
    const socket = await socketTo(own);
    socket.write('GET /hangs-with-children HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(async () => (await notesOf(other))['began'] === 1, 'the request having begun');
    await delay(50);
    socket.destroy();
    await until(async () => Object.keys(await notesOf(other)).some((name) => name.startsWith('children')), 'the clean-up');
    assert.equal((await notesOf(other))['children 6 6'], 1, JSON.stringify(await notesOf(other)));
  });
  test('with several requests in flight cancels each', async () => {
    const other = await poolFor({ cores: 1, ...quiet });
    const own = await serverFor(other, 'paths.ts');
    const socket = await socketTo(own);
    socket.write('GET /hangs HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(3));
    await until(async () => (await notesOf(other))['began'] === 3, 'the requests having begun');
    socket.destroy();
    await until(async () => (await notesOf(other))['cleaned'] === 3, 'the clean-up of all');
    await until(() => other.stats().workers.every(({ threads }) => threads === 0), 'no thread being left');
  });
  test('in the middle of a stream of events', async () => {
    const other = await poolFor({ cores: 1, ...quiet });
    const own = await serverFor(other, 'paths.ts');
    const socket = await socketTo(own);
    socket.write('GET /sse-endless HTTP/1.1\r\nhost: x\r\n\r\n');
    await received(socket, (text) => text.includes('data: 3'));
    socket.destroy();
    await until(() => other.stats().workers.every(({ threads }) => threads === 0), 'no thread being left');
  });
  test('in the middle of its body', async () => {
    const socket = await socketTo(server);
    socket.write('POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
    await delay(20);
    socket.destroy();
    await until(() => pool.stats().workers.every(({ threads }) => threads === 0), 'no thread being left');
    assert.equal((await ask(server.url)).text, 'hello');
  });
  test.each(['off', 'auto'] as const)('while its request is ready to go on, with lanes: %s', async (lanes) => {
    const other = await createPool({ cores: 1, lanes, ...quiet });
    onTestFinished(() => other.close({ graceMs: 0 }));
    const server = await other.serve(app('waits-and-burns.ts'), { port: 0, ...lanes === 'auto' ? { routes: { '/*': { lane: 'back' as const } } } : {} });
    const sockets = await Promise.all(Array.from({ length: 24 }, () => socketTo(server)));
    const first = Promise.race(sockets.map((socket) => received(socket, (text) => text.endsWith('done'))));
    for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await first;
    for (const socket of sockets) socket.destroy();
    await until(() => other.stats().workers.every(({ threads, connections }) => threads === 0 && connections === 0), 'no thread being left');
    assert.equal((await ask(server.url)).text, 'done');
  });
});
