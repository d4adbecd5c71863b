/** HTTP through a server of a pool is what node:http would do: pipelining, uploads, upgrades, events, limits; and how it closes. On workers and, with cores: 0, in this thread. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool, type PoolServer } from 'capriccio';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { fixture, poolFor, rejection, soon, until } from './rig.ts';
import { answersIn, app, ask, ended, isRefused, quiet, received, serverFor, socketTo } from './serve-rig.ts';

describe.each([2, 0])('cores: %i', (cores) => {
  let pool: Pool;
  let server: PoolServer;
  const lost: string[] = [];
  beforeAll(async () => {
    pool = await createPool({ cores, ...quiet });
    pool.on('lost', ({ reason }) => { lost.push(reason); });
    server = await pool.serve(app('paths.ts'), { port: 0 });
  });
  afterAll(async () => {
    assert.deepEqual(lost, []);
    await pool.close({ graceMs: 0 });
  });

  describe('HTTP passes as it is', () => {
    test('pipelined requests in one write are answered right and in order', async () => {
      const socket = await socketTo(server);
      const paths = Array.from({ length: 40 }, (_, k) => (k % 5 === 0 ? `/wait?ms=${20 - (k % 20)}` : k % 7 === 0 ? '/nowhere' : k % 3 === 0 ? '/throws-late' : '/'));
      socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join(''));
      const expected = paths.map((path) => (path.startsWith('/wait') ? '200 waited' : path === '/' ? '200 hello' : path === '/nowhere' ? '404 nothing here' : '500 Internal Server Error\n'));
      const text = await received(socket, (all) => answersIn(all).length === 40);
      assert.deepEqual(answersIn(text), expected);
    });
    test('a pipelined upload between others', async () => {
      const socket = await socketTo(server);
      socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\nPOST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12345GET /where HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      const answers = answersIn(await received(socket, () => false));
      assert.equal(answers.length, 3);
      assert.deepEqual(answers.slice(0, 2), ['200 hello', '200 12345']);
    });
    test('HEAD has the headers and no body', async () => {
      const socket = await socketTo(server);
      socket.write('HEAD / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      const text = await received(socket, () => false);
      assert.equal((text.match(/hello/g) ?? []).length, 1);
      assert.equal((text.match(/HTTP\/1\.1 200/g) ?? []).length, 2);
    });
    test('headers, cookies, status', async () => {
      const { status, headers, text } = await ask(`${server.url}/headers`, { headers: { 'x-mine': 'yes' } });
      assert.equal(status, 201);
      assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
      assert.equal((JSON.parse(text) as Record<string, string>)['x-mine'], 'yes');
    });
    test('a big upload and a big download', async () => {
      const body = Buffer.alloc(20 * 2 ** 20, 'y');
      assert.equal((await ask(`${server.url}/count`, { method: 'POST', body })).text, String(body.length));
      assert.equal((await ask(`${server.url}/big?blocks=320`)).text.length, 320 * 65_536);
    });
    test('a chunked upload, and 100-continue', async () => {
      assert.equal((await ask(`${server.url}/echo`, { method: 'POST', body: 'chunks', headers: { 'transfer-encoding': 'chunked' } })).text, 'chunks');
      const socket = await socketTo(server);
      socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n');
      await soon(once(socket, 'data'), '100');
      const rest = received(socket, () => false);
      socket.write('body');
      assert.match(await rest, /200[^]*body$/);
    });
    test('events as they come', async () => {
      const socket = await socketTo(server);
      const came: number[] = [];
      socket.on('data', (chunk: Buffer) => { if (/data: \d/.test(chunk.toString())) came.push(performance.now()); });
      socket.write('GET /sse HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n');
      const text = await received(socket, () => false);
      assert.match(text, /text\/event-stream[^]*data: 0[^]*data: 1[^]*data: 2/);
      assert.ok(came.length >= 2, 'they came all together');
    });
    test('an upgrade, both ways', async () => {
      const own = await serverFor(pool, 'upgrades.ts');
      const socket = await socketTo(own);
      socket.write('GET /chat HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: shout\r\n\r\nfirst ');
      socket.once('data', () => { socket.write('second'); });
      const text = await received(socket, (all) => all.includes('SECOND'));
      assert.match(text, /^HTTP\/1\.1 101 [^]*upgrade: shout[^]*FIRST SECOND$/i);
    });
    test('an upgrade that nobody takes is an ordinary request', async () => {
      const socket = await socketTo(server);
      socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, close\r\nupgrade: shout\r\n\r\n');
      assert.match(await received(socket, () => false), /200|400|426|501/);
    });
    test('what is no HTTP gets 400', async () => {
      const socket = await socketTo(server);
      socket.write('hello\r\n\r\n');
      assert.match(await received(socket, () => false), /^HTTP\/1\.1 400/);
    });
  });

  describe('limits', () => {
    test('bodyBytes: a larger body gets 413, declared or not; one that fits passes', async () => {
      const own = await serverFor(pool, 'paths.ts', { limits: { bodyBytes: 1000 } });
      assert.equal((await ask(`${own.url}/count`, { method: 'POST', body: 'x'.repeat(1000) })).text, '1000');
      const socket = await socketTo(own);
      socket.write(`POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n${'x'.repeat(1001)}`);
      assert.match(await received(socket, () => false), /^HTTP\/1\.1 413 /);
      const chunked = await socketTo(own);
      chunked.write('POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
      for (let k = 0; k < 30; k++) chunked.write(`64\r\n${'x'.repeat(100)}\r\n`);
      chunked.write('0\r\n\r\n');
      assert.match(await received(chunked, () => false), /^HTTP\/1\.1 413 /);
      assert.equal((await ask(`${own.url}/count`, { method: 'POST', body: 'x'.repeat(999), headers: { 'transfer-encoding': 'chunked' } })).text, '999');
      assert.equal((await ask(own.url)).text, 'hello');
    });
    test('headersMs: a client that does not finish its headers is dropped', async () => {
      const own = await serverFor(pool, 'paths.ts', { limits: { headersMs: 100 } });
      const socket = await socketTo(own);
      socket.write('GET / HTTP/1.1\r\nhost:');
      assert.match(await received(socket, () => false), /^HTTP\/1\.1 408 /);
    });
    test('bodyMs: nor one that does not finish its body', async () => {
      const own = await serverFor(pool, 'paths.ts', { limits: { bodyMs: 100 } });
      const socket = await socketTo(own);
      socket.write('POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf');
      assert.match(await received(socket, () => false), /^HTTP\/1\.1 408 /);
    });
    test('headers that are too large get 431', async () => {
      const own = await serverFor(pool, 'paths.ts');
      const socket = await socketTo(own);
      socket.write(`GET / HTTP/1.1\r\nhost: x\r\nbig: ${'b'.repeat(20_000)}\r\n\r\n`);
      assert.match(await received(socket, () => false), /^HTTP\/1\.1 431 /);
    });
    test('connections: what is above is refused, and there is room again when others leave', async () => {
      const own = await serverFor(pool, 'paths.ts', { limits: { connections: 2 } });
      const [a, b] = [await socketTo(own), await socketTo(own)];
      for (const socket of [a, b]) { socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'); await received(socket, (text) => text.includes('hello')); }
      const refused = await ask(own.url);
      assert.deepEqual([refused.status, refused.headers['retry-after'], refused.headers.connection], [503, '1', 'close']);
      a.destroy();
      await until(async () => (await ask(own.url).catch(() => undefined))?.text === 'hello', 'room again');
    });
  });

  test('connections that come and go at once are not counted for ever', async () => {
    const own = await serverFor(pool, 'paths.ts', { limits: { connections: 2 } });
    for (let k = 0; k < 40; k++) {
      const socket = await socketTo(own);
      socket.destroy();
      await ended(socket);
    }
    await until(async () => (await ask(own.url).catch(() => undefined))?.status === 200, 'an answer');
    for (let k = 0; k < 10; k++) { await delay(5); assert.equal((await ask(own.url)).text, 'hello'); }
  });

  describe('close', () => {
    test('answers what is in flight with Connection: close, refuses what is new, drops what is idle', async () => {
      const own = await pool.serve(app('paths.ts'), { port: 0 });
      const idle = await socketTo(own);
      idle.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
      await received(idle, (text) => text.includes('hello'));
      const idleEnds = ended(idle);
      const agent = new Agent({ keepAlive: true });
      onTestFinished(() => { agent.destroy(); });
      const inFlight = Array.from({ length: 4 }, () => ask(`${own.url}/wait?ms=400`, { agent }));
      await delay(100);
      const closing = own.close();
      await soon(idleEnds, 'the end of the idle connection');
      await isRefused(own);
      for (const { status, text, headers } of await Promise.all(inFlight)) {
        assert.deepEqual([status, text], [200, 'waited']);
        assert.equal(headers.connection, 'close');
      }
      await soon(closing, 'close');
      assert.equal((await ask(server.url)).text, 'hello');
    });
    test('cuts what does not end within its grace: requests, streams of events, upgrades', async () => {
      const [own, upgraded] = [await pool.serve(app('paths.ts'), { port: 0 }), await pool.serve(app('upgrades.ts'), { port: 0 })];
      const [hangs, streams, shouts] = [await socketTo(own), await socketTo(own), await socketTo(upgraded)];
      hangs.write('GET /wait?ms=100000 HTTP/1.1\r\nhost: x\r\n\r\n');
      streams.write('GET /sse-endless HTTP/1.1\r\nhost: x\r\n\r\n');
      shouts.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: shout\r\n\r\n');
      await Promise.all([once(streams, 'data'), once(shouts, 'data')]);
      const ends = [hangs, streams, shouts].map((socket) => { socket.resume(); return ended(socket); });
      await soon(Promise.all([own.close({ graceMs: 50 }), upgraded.close({ graceMs: 50 })]), 'close');
      await soon(Promise.all(ends), 'the ends of the connections');
      await until(() => pool.stats().workers.every(({ threads }) => threads === 0), 'no thread being left');
    });
    test('twice is once; await using; by a signal', async () => {
      const own = await pool.serve(app('listener.ts'), { port: 0 });
      await Promise.all([own.close(), own.close()]);
      let url: PoolServer;
      { await using used = await pool.serve(app('listener.ts'), { port: 0 }); url = used; assert.equal((await ask(used.url)).text, 'hello'); }
      await isRefused(url);
      const controller = new AbortController();
      const signalled = await pool.serve(app('listener.ts'), { port: 0, signal: controller.signal });
      assert.equal((await ask(signalled.url)).text, 'hello');
      controller.abort();
      await until(async () => (await ask(signalled.url).catch((error: { code: string }) => error)as { code?: string }).code === 'ECONNREFUSED', 'the server being closed');
      assert.equal((await rejection(pool.serve(app('listener.ts'), { port: 0, signal: AbortSignal.abort() }))).code, 'CAP_ERR_CANCELLED');
    });
    test('of the pool closes its servers', async () => {
      const own = await createPool(Math.min(1, cores));
      const one = await own.serve(app('paths.ts'), { port: 0 });
      const inFlight = ask(`${one.url}/wait?ms=200`);
      await until(() => own.stats().workers.some(({ threads }) => threads > 0), 'the request having begun');
      await own.close();
      assert.equal((await inFlight).text, 'waited');
      await isRefused(one);
    });
    test('a server that was opened while a worker was being replaced leaves nothing behind', async (context) => {
      if (cores === 0) { context.skip('there are no workers that could be replaced'); return; }
      const own = await poolFor({ cores: 1, ...quiet });
      const gone = once(own, 'lost');
      await rejection(own.module<{ dies(): never }>(fixture('values.ts')).dies());
      await gone;
      const made = await soon(own.serve(app('paths.ts'), { port: 0, accept: 'reusePort' }), 'the server');
      assert.equal((await ask(made.url)).text, 'hello');
      await delay(50);
      await made.close();
      await isRefused(made);
    });
  });
});
